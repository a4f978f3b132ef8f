"""Settings that are refused, said as a person reads them: which variable, and what is wrong with it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer
from pydantic import ValidationError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def settings_said(command: str) -> Iterator[None]:
    """End the program with a line for each setting that is refused; values are not told, they may be secrets.

    Raises
    ------
    typer.Exit
        With 1, when settings are refused.
    """
    try:
        yield
    except ValidationError as error:
        for slip in error.errors(include_input=False, include_url=False):
            name = "HEDGEROW_" + "_".join(str(part) for part in slip["loc"]).upper() if slip["loc"] else "HEDGEROW_*"
            typer.echo(f"hedgerow {command}: {name}: {slip['msg'].removeprefix('Value error, ')}", err=True)
        typer.echo("See docs/settings.md.", err=True)
        raise typer.Exit(1) from error
