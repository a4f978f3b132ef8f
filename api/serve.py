"""Running the API: uvicorn with the fast loop and parser."""

from __future__ import annotations

from typing import TYPE_CHECKING

import uvicorn

from api.app import create_app
from api.settings import split_address

if TYPE_CHECKING:
    from api.settings import ApiSettings

_STOP_S = 5  # how long answers under way may take when asked to stop


def server(settings: ApiSettings) -> uvicorn.Server:
    """Make the server, not yet running."""
    host, port = split_address(settings.http)
    app = create_app(settings)
    made = uvicorn.Server(
        uvicorn.Config(
            app,
            host=host,
            port=port,
            loop="uvloop",
            http="httptools",
            ws="none",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_STOP_S,
        )
    )
    app.state.is_stopping = lambda: made.should_exit  # streams end then by themselves
    return made


def run(settings: ApiSettings) -> None:
    """Serve until asked to stop (SIGINT, SIGTERM)."""
    server(settings).run()
