"""What Vite built from `web/`: what each page loads of it, and the route that serves it."""

from dataclasses import dataclass
from pathlib import Path

import msgspec
from fastapi import APIRouter, Request, Response
from starlette.staticfiles import StaticFiles

router = APIRouter()

FOLDER = Path(__file__).parent.parent / "static" / "built"
_HASHED = "assets/"  # Vite puts a hash of the content in these names: they never change
_FILES = StaticFiles(directory=FOLDER, check_dir=False)


class _Chunk(msgspec.Struct, rename="camel"):
    """One output of Vite, as its manifest tells it."""

    file: str
    css: list[str] = []
    imports: list[str] = []
    dynamic_imports: list[str] = []
    is_entry: bool = False


@dataclass(frozen=True, slots=True)
class Assets:
    """Addresses of the script and the styles that a page loads, and of all that its script may load later."""

    script: str
    styles: tuple[str, ...]
    later: tuple[str, ...]

    @property
    def all(self) -> tuple[str, ...]:
        """Everything, for a page that must work without signal."""
        return (self.script, *self.styles, *self.later)


def find_built(folder: Path = FOLDER) -> dict[str, Assets] | None:
    """Give what was built for each entry (`console`, `register`); nothing where nobody has run the build yet.

    Read anew for every page: a build while the program runs shows at once, and costs less than the page's queries.
    """
    try:
        text = (folder / "manifest.json").read_bytes()
    except FileNotFoundError:
        return None
    chunks = msgspec.json.decode(text, type=dict[str, _Chunk])
    return {Path(name).stem: _assets(chunks, name) for name, chunk in chunks.items() if chunk.is_entry}


def _assets(chunks: dict[str, _Chunk], entry: str) -> Assets:
    at_once = _reached(chunks, entry, later=False)
    styles = [file for name in at_once for file in chunks[name].css]
    everything = _reached(chunks, entry, later=True)
    files = [file for name in everything for file in (chunks[name].file, *chunks[name].css)]
    script = chunks[entry].file
    later = [file for file in dict.fromkeys(files) if file != script and file not in styles]
    return Assets(_address(script), tuple(map(_address, dict.fromkeys(styles))), tuple(map(_address, later)))


def _reached(chunks: dict[str, _Chunk], entry: str, *, later: bool) -> list[str]:
    """Give the names of the chunks that a chunk needs, itself included; with `later` also those it may load later."""
    found = [entry]
    for name in found:  # grows as it is walked
        chunk = chunks[name]
        found += [other for other in chunk.imports + chunk.dynamic_imports * later if other not in found]
    return found


def _address(file: str) -> str:
    return f"/static/{file}"


@router.get("/static/{path:path}")
async def static_file(path: str, request: Request) -> Response:
    """Serve one built file; anyone may have it."""
    answer = await _FILES.get_response(path, request.scope)
    lasts = "public, max-age=31536000, immutable" if path.startswith(_HASHED) else "public, max-age=3600"
    answer.headers["Cache-Control"] = lasts
    return answer
