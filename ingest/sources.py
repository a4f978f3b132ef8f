"""Sources: other brokers that ingest listens to, read from a TOML file; what is wrong in it is named before anything starts."""

from __future__ import annotations

import ssl
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator, model_validator

Kind = Literal["hedgerow", "chirpstack", "things-stack"]
Version = Literal["5", "3.1.1"]


class SourcesError(ValueError):
    """The sources file cannot be used; the text says where and why."""


class SourceSettings(BaseModel):
    """One broker: where it is, who we are there, and what its messages are."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,22}[a-z0-9])?$")]
    """Small letters, digits and hyphens, at most 24: part of our identity at that broker."""
    url: str
    """mqtt://HOST:PORT, or mqtts:// for TLS."""
    kind: Kind
    user: str = ""
    password_file: Path | None = None
    ca_file: Path | None = None
    """CA certificates for mqtts://; None: the system's."""
    version: Version = "5"
    """What the broker speaks. The Things Stack: always 3.1.1."""
    payload: Literal["auto", "json", "protobuf"] = "auto"
    """What a ChirpStack writes its events in; auto tells them apart."""
    password: str = ""
    """What stands in `password_file`."""

    @property
    def worker(self) -> str:
        """Name of the worker that listens to it, and its identity at the broker."""
        return f"hedgerow-source-{self.name}"

    @model_validator(mode="before")
    @classmethod
    def _no_password(cls, values: dict[str, Any]) -> dict[str, Any]:
        if "password" in values:
            raise ValueError("a password does not stand here: write it into a file of its own and name that in password_file")
        if values.get("kind") == "things-stack":
            return {"version": "3.1.1", **values}
        return values

    @field_validator("url")
    @classmethod
    def _check_url(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname or parts.path or parts.username:
            raise ValueError("must be mqtt://HOST:PORT or mqtts://HOST:PORT, without user, password and path")
        _ = parts.port  # raises where it is no port
        return url

    @field_validator("password_file", "ca_file")
    @classmethod
    def _beside_the_file(cls, path: Path | None, info: ValidationInfo) -> Path | None:
        if path is None:
            return None
        folder: Path = info.context or Path()
        found = folder / path  # an absolute path stays what it is
        try:
            found.read_bytes()
        except OSError as error:
            raise ValueError(f"cannot be read: {error.strerror}") from error
        return found

    @model_validator(mode="after")
    def _fits(self) -> SourceSettings:
        if self.kind == "things-stack" and self.version != "3.1.1":
            raise ValueError("version: The Things Stack speaks MQTT 3.1.1 only")
        if self.payload != "auto" and self.kind != "chirpstack":
            raise ValueError("payload: only a ChirpStack has a choice")
        if self.ca_file is not None:
            _check_certificates(self.ca_file)
        if self.password_file is None:
            return self
        if not self.user:
            raise ValueError("password_file: a password needs a user")
        password = self.password_file.read_text(encoding="utf-8").rstrip("\r\n")
        if not password:
            raise ValueError("password_file: is empty")
        return self.model_copy(update={"password": password})


def read_sources(file: Path) -> list[SourceSettings]:
    """Read the sources of a TOML file: a table `[[source]]` each; relative paths in it start at its folder.

    Raises
    ------
    SourcesError
        When it cannot be read or used.
    """
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise SourcesError(f"{file}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SourcesError(f"{file}: is no TOML: {error}") from error
    tables = document.pop("source", [])
    if document:
        raise SourcesError(f"{file}: only tables [[source]] belong here, not {', '.join(sorted(document))}")
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise SourcesError(f"{file}: a source begins with [[source]], in two pairs of brackets")
    sources = [_read_source(file, number, table) for number, table in enumerate(tables, 1)]
    _check_names(file, sources)
    return sources


def _read_source(file: Path, number: int, table: dict[str, Any]) -> SourceSettings:
    try:
        return SourceSettings.model_validate(table, context=file.parent)
    except ValidationError as error:
        first = error.errors()[0]
        where = "".join(f"{part}: " for part in first["loc"])
        text = first["msg"].removeprefix("Value error, ")
        raise SourcesError(f"{file}: source {number} ({table.get('name', 'without a name')}): {where}{text}") from error


def _check_names(file: Path, sources: list[SourceSettings]) -> None:
    names = [source.name for source in sources]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise SourcesError(f"{file}: two sources are called {twice[0]}")


def _check_certificates(file: Path) -> None:
    try:
        ssl.create_default_context(cafile=str(file))
    except (ssl.SSLError, OSError) as error:
        raise ValueError(f"ca_file: holds no CA certificates: {error}") from error
