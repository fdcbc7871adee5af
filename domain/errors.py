"""What may be shown to a person.

OpsError                 shown as it is, rolled back, not an incident
├── NotAllowed           the person may not do that
├── NotFound             nothing by that name
├── RuleBroken           a rule of the shop or of the field forbids it
├── Conflict             somebody was faster, or the thing has changed
│   └── Stale            its card looks different by now: the answer shows it as it stands
└── BadInput             what was typed cannot be read as what was asked for
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from domain.messages import Command


class OpsError(Exception):
    """Something went against a rule."""

    def __init__(self, sentence: str | None = None) -> None:
        """``sentence`` is what the person reads; the class's own words by default."""
        super().__init__(sentence or self.__doc__ or "")

    @property
    def sentence(self) -> str:
        """What the person reads."""
        return str(self)


class NotAllowed(OpsError):
    """You may not do that here."""


class NotFound(OpsError):
    """I don't know that."""


class RuleBroken(OpsError):
    """A rule of the shop forbids that."""


class Conflict(OpsError):
    """This has changed in the meantime."""


class Stale(Conflict):
    """This has changed since you looked."""

    def __init__(self, sentence: str, *, shop_id: int, card: str, show: Command) -> None:
        """``card``: the key of the card that shows the matter; ``show``: what says how it stands now."""
        super().__init__(sentence)
        self.shop_id, self.card, self.show = shop_id, card, show


class BadInput(OpsError):
    """I can't read that."""

    def __init__(self, sentence: str | None = None, *, field: str | None = None) -> None:
        """``field`` names the form's field at fault, so that a form can show the sentence beside it."""
        super().__init__(sentence)
        self.field = field
