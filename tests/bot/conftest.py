"""The world of returns, on both databases; and doors that wait as long as a slow machine needs."""

from functools import partial

import pytest

from handlers.deadline import Punctual
from tests.returns.conftest import world
from tests.waiting import LONG

__all__ = ["world"]


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a whole desk in this process is asked is done, though it takes longer than platforms wait."""
    monkeypatch.setattr("bot.app._SOON", LONG)
    monkeypatch.setattr("bot.app.Punctual", partial(Punctual, within=LONG))
