"""The last look before a letter goes to the wire, the same for every chat platform."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from domain.gathering import AlertsGathered
from domain.jobs import Job, Transaction
from domain.letters import CardTurn
from domain.messages import MESSAGES_BY_KIND, MessageClass
from domain.outcomes import Gathered, Later, Outcome, Superseded

#: long enough for a version under way to land
_A_MOMENT: Final = timedelta(seconds=1)


def admit(job: Job, transaction: Transaction) -> Outcome | None:
    """None = send it. One card's versions go out in order, and alerts within their channel's budget.

    A letter that may have gone out already is never counted elsewhere: it is looked for, or said again.
    """
    letters = transaction.letters
    match letters.turn(job):
        case CardTurn.LATER:
            return Later(wait=_A_MOMENT, reason="an older version of the card is under way", counts=False)
        case CardTurn.OVER:
            return Superseded()
        case CardTurn.NOW:
            pass
    if letters.waits_for_card(job):
        return Later(wait=_A_MOMENT, reason="its card is not posted yet", counts=False)
    if job.payload["message"] == AlertsGathered.kind:
        return None if transaction.gatherings.freeze(job) else Superseded()
    kind = MESSAGES_BY_KIND.get(str(job.payload["message"]))
    if kind is None:
        return None  # another version's: the carrier finds it so, and it is left for that version
    if kind.message_class is MessageClass.ALERT and not job.in_doubt and letters.is_post(job):
        into = transaction.gatherings.admit(job)
        return None if into is None else Gathered(into=into)
    return None
