"""Pages from templates: the one place that knows Jinja."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from fastapi.responses import HTMLResponse
from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PackageLoader, PrefixLoader

from api.pages import words
from api.pages.built import find_built
from api.pages.navigation import current_mark, entries_for
from api.pages.state_words import STATES
from api.people import csrf_token
from api.session_cookie import token_of

if TYPE_CHECKING:
    from fastapi import Request

    from api.people import Person, Role

_OURS = FileSystemLoader(Path(__file__).parent.parent / "templates")
_THEIRS = PrefixLoader({"govuk_frontend_jinja": PackageLoader("govuk_frontend_jinja")})


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who looks at a page: what its header shows and what its forms carry."""

    name: str
    role: Role
    csrf: str


def visitor_of(request: Request, person: Person | None) -> Visitor | None:
    """Tell the header who is signed in; by an API key nobody signs in."""
    token = token_of(request, request.app.state.settings)
    return Visitor(person.name, person.role, csrf_token(token)) if person and token else None


def render(template: str, visitor: Visitor | None, status: int = 200, **context: object) -> HTMLResponse:
    """Fill a template; every one may use `now`, `visitor`, `built` and the functions of `words`.

    `entry`, where it is given, names what of the built scripts the page loads instead of `console`.
    """
    page = _environment().get_template(template)
    frame = {"visitor": visitor, "built": find_built(), "now": datetime.now(UTC), "entry": "console"}
    return HTMLResponse(page.render(frame | context), status)


@cache
def _environment() -> Environment:
    environment = Environment(loader=ChoiceLoader([_OURS, _THEIRS]), autoescape=True, trim_blocks=True, lstrip_blocks=True)
    functions = (
        words.ago_text,
        words.bucket_text,
        words.count_text,
        words.day_text,
        words.domain_label,
        words.duration_text,
        words.iso,
        words.metric_label,
        words.moment_text,
        words.number_text,
        words.value_text,
    )
    environment.globals |= {function.__name__: function for function in functions}
    environment.globals |= {"zone_of": ZoneInfo, "entries_for": entries_for, "current_mark": current_mark, "STATES": STATES}
    return environment
