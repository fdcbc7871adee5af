"""Which use case runs for which command, and which form a command needs: the topics' own tables, put together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import domain.order_lists  # noqa: F401  no command leads to its message; whoever knows the tables knows every kind
from domain import dialogue, digest, home, inventory, own_digest, quiet_hours, returns, shipping
from domain.forms import Form
from domain.messages import Command, UseCase
from handlers.commands import ShowHelp, show_help

USE_CASES: Final[Mapping[type[Command], UseCase]] = {
    **inventory.USE_CASES, **shipping.USE_CASES, **returns.USE_CASES, **dialogue.USE_CASES, **digest.USE_CASES,
    **home.USE_CASES, **own_digest.USE_CASES, **quiet_hours.USE_CASES,
    ShowHelp: show_help,
}

FORMS: Final[Mapping[type[Command], Form | Callable[..., Form]]] = {
    **inventory.FORMS, **shipping.FORMS, **returns.FORMS, **own_digest.FORMS, **quiet_hours.FORMS,
}
