"""What may be shown to a person.

OpsError                 shown as it is, rolled back, not an incident
├── NotAllowed           the person may not do that
├── NotFound             nothing by that name
├── RuleBroken           a rule of the shop or of the field forbids it
├── Conflict             somebody was faster, or the thing has changed
└── BadInput             what was typed cannot be read as what was asked for
"""

from __future__ import annotations


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


class BadInput(OpsError):
    """I can't read that."""

    def __init__(self, sentence: str | None = None, *, field: str | None = None) -> None:
        """``field`` names the form's field at fault, so that a form can show the sentence beside it."""
        super().__init__(sentence)
        self.field = field
