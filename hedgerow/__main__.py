"""`python -m hedgerow` is `hedgerow`."""

from hedgerow.cli import app

app()
