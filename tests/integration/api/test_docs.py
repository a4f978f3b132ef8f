"""docs/api.md tells the truth: its examples run, its table of flags is the code's."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from devices.flags import DESCRIPTIONS, EXCLUDING

if TYPE_CHECKING:
    from tests.integration.api.conftest import Api

PAGE = (Path(__file__).parents[3] / "docs" / "api.md").read_text(encoding="utf-8")


def commands() -> list[list[str]]:
    """Give every curl command of the page, cut into words."""
    blocks = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    return [shlex.split(line)[1:] for line in lines if line.startswith("curl ")]


def carry_out(words: list[str], url: str, key: str) -> httpx.Response:
    """Send what curl would send."""
    words = [word.replace("$HEDGEROW", url).replace("$KEY", key) for word in words]
    headers: dict[str, str] = {}
    content: str | None = None
    address = method = ""
    while words:
        match words.pop(0):
            case "-H":
                name, _, value = words.pop(0).partition(": ")
                headers[name] = value
            case "-d":
                content = words.pop(0)
            case "-X":
                method = words.pop(0)
            case word:
                address = word
    method = method or ("POST" if content else "GET")
    return httpx.request(method, address, headers=headers, content=content, trust_env=False)


def test_examples_on_the_page_all_work(plain_api: Api) -> None:
    """Carried out one after the other on a fresh Hedgerow, every example is answered as a success."""
    key = plain_api.of("admin").headers["Authorization"].removeprefix("Bearer ")
    answers = [carry_out(words, plain_api.url, key) for words in commands()]

    assert len(answers) > 15
    assert [(str(answer.url), answer.text) for answer in answers if not answer.is_success] == []
    posted = [answer for answer in answers if answer.request.method == "POST"]
    not_made = ("/webhooks/", "/decode", "/redecodes", "/quarantine/", "dry_run=true")
    made = [answer for answer in posted if not any(part in str(answer.url) for part in not_made)]
    assert [answer.status_code for answer in made] == [201] * 7
    assert [answer.status_code for answer in posted if "/redecodes" in str(answer.url) or "/replays" in str(answer.url)] == [
        202
    ] * 2
    (tried,) = (answer.json() for answer in answers if "/decode" in str(answer.url))
    assert [(one["metric"], one["value"]) for one in tried["readings"]] == [("door_open", 1.0)]
    # The second page of sites has what the first had not.
    pages = [answer.json() for answer in answers if "/sites?limit" in str(answer.url)]
    assert [[site["code"] for site in page["items"]] for page in pages] == [["high-street"], ["old-mill"]]


def test_flags_on_the_page_are_those_of_the_code() -> None:
    """The table has every flag with its bit, its meaning and whether it excludes."""
    rows = re.findall(r"^\| ([a-z ]+) \| (\d+) \| (.+?) \| (yes)? ?\|$", PAGE, re.MULTILINE)

    assert rows == [
        ((flag.name or "").lower().replace("_", " "), str(int(flag)), text, "yes" if flag & EXCLUDING else "")
        for flag, text in DESCRIPTIONS.items()
    ]
