"""One demo for the whole session; each test begins with it reset."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.control import Control, demo


@pytest.fixture(scope="session")
def running_demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Control, int]]:
    with demo(tmp_path_factory.mktemp("e2e") / "demo") as made:
        yield made


@pytest.fixture
def control(running_demo: tuple[Control, int]) -> Control:
    """The demo as it was at its start."""
    made, _ = running_demo
    made.reset()
    return made


@pytest.fixture(scope="session")
def pictures() -> Path | None:
    """Where screenshots for the README go, when they are asked for."""
    import os

    return Path(os.environ["OPSBELL_PICTURES"]) if os.environ.get("OPSBELL_PICTURES") else None
