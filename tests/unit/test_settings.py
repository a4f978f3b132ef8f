"""Every setting stands in the documents as it is in the code, and nothing else does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from api.settings import ApiSettings
from ingest.settings import IngestSettings

_TABLE = Path(__file__).parents[2] / "docs" / "settings.md"
_ROW = re.compile(r"^\| `(?P<name>HEDGEROW_[A-Z0-9_]+)` \| (?P<default>.*?) \| (?P<text>.+?) \|$", re.MULTILINE)


def _settings() -> dict[str, tuple[str, str]]:
    found = {}
    for fields in (IngestSettings.model_fields, ApiSettings.model_fields):
        for name, field in fields.items():
            default = "(must be set)" if field.is_required() else "" if field.default in (None, "") else f"`{field.default}`"
            found[f"HEDGEROW_{name.upper()}"] = (default, str(field.description))
    return found


def test_settings_table_says_what_the_code_says() -> None:
    """Names, defaults and descriptions of docs/settings.md are those of the settings classes."""
    documented = {
        match["name"]: (match["default"].strip(), match["text"]) for match in _ROW.finditer(_TABLE.read_text(encoding="utf-8"))
    }

    assert documented == _settings()


@pytest.mark.parametrize("name", sorted(set(IngestSettings.model_fields) & set(ApiSettings.model_fields)))
def test_settings_shared_by_programs_mean_the_same(name: str) -> None:
    """A variable that two programs read has one meaning."""
    ingest, api = IngestSettings.model_fields[name], ApiSettings.model_fields[name]

    assert (ingest.description, ingest.default) == (api.description, api.default)
