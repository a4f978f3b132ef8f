"""What the register page needs to work without signal: its service worker, a page without anybody's data, who is signed in."""

import hashlib
from typing import Any

import msgspec
from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from api.dependencies import Engineer, Settings
from api.errors import NotFound
from api.pages.built import FOLDER, find_built
from api.pages.register import render_form
from api.pages.render import visitor_of

router = APIRouter()

_SCRIPT = "text/javascript"
_ICONS = ("/static/favicon.svg", "/static/register.webmanifest", "/static/icon-192.png")


@router.get("/register/shell")
async def shell() -> Response:
    """Give the register page with nothing of who asks for it: it is kept on the telephone and shown without signal."""
    return render_form(None, is_shell=True)


@router.get("/register/session")
async def session(request: Request, person: Engineer, settings: Settings) -> JSONResponse:
    """Tell the page's script who is signed in, the token for writes, and where map tiles come from."""
    visitor = visitor_of(request, person)
    told = {"person": person.name, "csrf": visitor.csrf if visitor else ""}
    return JSONResponse(told | {"tiles": settings.map_tiles, "attribution": settings.map_attribution})


@router.get("/register/offline.js")
async def service_worker() -> Response:
    """Serve the service worker with the list of what it keeps, so that it changes whenever any of that does.

    Raises
    ------
    NotFound
        When nobody has built the console.
    """
    built = find_built()
    if built is None:
        raise NotFound("The console is not built: run npm run build in web/.")
    addresses = [*built["register"].all, *_ICONS]
    version = hashlib.sha256(msgspec.json.encode(addresses) + bytes((await shell()).body)).hexdigest()[:16]
    files: dict[str, Any] = {"version": version, "addresses": addresses}
    script = (FOLDER / "offline.js").read_bytes()
    headers = {"Service-Worker-Allowed": "/register", "Cache-Control": "no-cache"}
    return Response(b"self.hedgerowFiles = " + msgspec.json.encode(files) + b";\n" + script, 200, headers, _SCRIPT)
