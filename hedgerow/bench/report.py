"""Figures of a benchmark as a table a person can read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hedgerow.bench.ingest import Result


def table(results: Sequence[Result]) -> Table:
    """Lay out results side by side, one column each."""
    shown = Table(title="hedgerow bench ingest", title_justify="left")
    shown.add_column("figure")
    for result in results:
        shown.add_column("commits slowed by 1 ms" if result.commit_ms else "commits as they are", justify="right")
    columns = [_figures(result) for result in results]
    for name in columns[0]:
        shown.add_row(name, *(column[name] for column in columns))
    return shown


def _figures(result: Result) -> dict[str, str]:
    return {
        "broker": result.broker,
        "messages": f"{result.messages:,}",
        "messages/s": f"{result.messages_per_s:,.0f}",
        "readings/s": f"{result.readings_per_s:,.0f}",
        "raw COPY rows/s": f"{result.copy_rows_per_s:,.0f}",
        "ratio to raw COPY": f"{result.ratio:.2f}",
        "until stored [s]": f"{result.seconds:.2f}",
        "until published [s]": f"{result.publish_s:.2f}",
        **{f"CPU of {name} [s]": f"{used:.2f}" for name, used in result.cpu_s.items()},
        "peak memory of ingest [MiB]": f"{result.ingest_peak_mib:.0f}",
    }
