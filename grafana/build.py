"""Makes the dashboards under `dashboards/`: `python -m grafana.build` after every change here; a test compares them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from grafana.board import render
from grafana.boards import air_quality, assets, county, fleet, ingest, site, traffic

if TYPE_CHECKING:
    from grafana.board import Board

FOLDER = Path(__file__).parent / "dashboards"
BOARDS = (county.BOARD, air_quality.BOARD, traffic.BOARD, assets.BOARD, site.BOARD, fleet.BOARD, ingest.BOARD)


def file_of(board: Board) -> Path:
    """Tell where the JSON of one dashboard is kept."""
    return FOLDER / f"{board.uid.removeprefix('hedgerow-').replace('-', '_')}.json"


def write_all() -> None:
    """Write every dashboard into its file."""
    for board in BOARDS:
        file_of(board).write_text(render(board), encoding="utf-8")


if __name__ == "__main__":
    write_all()
