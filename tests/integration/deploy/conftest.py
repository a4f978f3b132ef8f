"""Fixtures for what deploy/ holds: a folder where prepare.sh has run, and the broker that is configured there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.deploy.container import Broker
from tests.integration.deploy.prepared import prepared_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder in which prepare.sh has run."""
    return prepared_folder(tmp_path_factory.mktemp("prepared"))


@pytest.fixture
def broker(prepared: Path) -> Iterator[Broker]:
    """Give the broker of docker-compose.yml, for one test."""
    with Broker(prepared) as running:
        yield running
