"""What Vite built from `web/`: where pages find it, and the route that serves it."""

from dataclasses import dataclass
from pathlib import Path

import msgspec
from fastapi import APIRouter, Request, Response
from starlette.staticfiles import StaticFiles

router = APIRouter()

_FOLDER = Path(__file__).parent.parent / "static" / "built"
_ENTRY = "src/console.ts"
_HASHED = "assets/"  # Vite puts a hash of the content in these names: they never change
_FILES = StaticFiles(directory=_FOLDER, check_dir=False)


class _Chunk(msgspec.Struct):
    """One output of Vite, as its manifest tells it."""

    file: str
    css: list[str] = []


@dataclass(frozen=True, slots=True)
class Built:
    """Addresses of the script and the styles every page loads."""

    script: str
    styles: tuple[str, ...]


def find_built(folder: Path = _FOLDER) -> Built | None:
    """Give the addresses of what was built; nothing where nobody has run the build yet.

    Read anew for every page: a build while the program runs shows at once, and costs less than the page's queries.
    """
    try:
        text = (folder / "manifest.json").read_bytes()
    except FileNotFoundError:
        return None
    entry = msgspec.json.decode(text, type=dict[str, _Chunk])[_ENTRY]
    return Built(f"/static/{entry.file}", tuple(f"/static/{file}" for file in entry.css))


@router.get("/static/{path:path}")
async def static_file(path: str, request: Request) -> Response:
    """Serve one built file; anyone may have it."""
    answer = await _FILES.get_response(path, request.scope)
    lasts = "public, max-age=31536000, immutable" if path.startswith(_HASHED) else "public, max-age=3600"
    answer.headers["Cache-Control"] = lasts
    return answer
