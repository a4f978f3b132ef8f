"""What a panel asks: SQL of the views, or addresses of the API, as Grafana writes them down."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, LiteralString, Self

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.dashboard import DataSourceRef
from psycopg.sql import SQL, Identifier, Literal

from sql.queries import split_queries

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Literal as OneOf

    Format = OneOf["time_series", "table"]
    ColumnType = OneOf["timestamp", "string", "number"]

DATABASE = DataSourceRef(type_val="grafana-postgresql-datasource", uid="hedgerow-database")
API = DataSourceRef(type_val="yesoreyeram-infinity-datasource", uid="hedgerow-api")

_EXCLUDING = SQL("(SELECT excluding_flags())")
"""What keeps readings out, as it stands in the database; asked once a question, not once a row."""

SITES = "$__combineValues(site=,,&,${site:csv})"
"""Expands to `site=a&site=b`: the chosen sites, as the API wants them in an address."""


@dataclass(frozen=True, slots=True)
class Target(Builder[Dataquery], Dataquery):
    """One question of a panel, finished."""

    source: DataSourceRef
    question: Mapping[str, object]

    def build(self) -> Self:
        """Give itself: there is nothing left to build."""
        return self

    def to_json(self) -> dict[str, object]:
        """Give what Grafana stores."""
        return {"refId": "A", "datasource": self.source, **self.question}


def sql(name: str, **values: str | Sequence[str] | Identifier) -> str:
    """Give the text of one query of `queries.sql`, its words in braces filled in with literals and names of columns."""
    literals = {word: value if isinstance(value, Identifier) else Literal(value) for word, value in values.items()}
    return SQL(_queries()[name]).format(excluding=_EXCLUDING, **literals).as_string(None)


def database(raw_sql: str, form: Format) -> Target:
    """Ask the views of the database."""
    return Target(DATABASE, {"format": form, "rawQuery": True, "editorMode": "code", "rawSql": raw_sql})


def api(
    address: str,
    form: OneOf["timeseries", "table"],
    params: Sequence[tuple[str, str]],
    columns: Mapping[str, tuple[str, ColumnType]],
) -> Target:
    """Ask the API.

    Parameters
    ----------
    address
        Path and query, without the host: the data source knows it.
    form
        What becomes of the rows.
    params
        Names and values added to the address.
    columns
        Heading and type by the name the API gives.
    """
    return Target(
        API,
        {
            "type": "json",
            "source": "url",
            "parser": "backend",
            "format": form,
            "url": address,
            "url_options": {"method": "GET", "data": "", "params": [{"key": key, "value": value} for key, value in params]},
            "root_selector": "",
            "columns": [{"selector": selector, "text": heading, "type": kind} for selector, (heading, kind) in columns.items()],
            "filters": [],
        },
    )


@cache
def _queries() -> dict[str, LiteralString]:
    path = Path(__file__).with_name("queries.sql")
    return split_queries(path.read_text(encoding="utf-8"))  # our own file, never a user's text
