"""The schema and every query Hedgerow runs: migrations, named queries and the way to the database."""
