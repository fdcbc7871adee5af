"""After a backup was put back: what stands in the outbox may have gone out in the time that was lost."""

from __future__ import annotations

import sqlalchemy as sa

from storage.jobs import OPEN
from storage.tables import jobs


def doubt_letters(engine: sa.Engine) -> int:
    """Take every open letter for one that may have gone out; how many there are.

    Slack is then read back before anything is posted, and Telegram marks as a repeat what must arrive and leaves out
    what must not come twice. Refunds need no such mark: Stripe is asked before each of them.
    """
    with engine.begin() as connection:
        letters = sa.and_(jobs.c.state == OPEN, jobs.c.kind.startswith("say."))
        return connection.execute(sa.update(jobs).where(letters).values(sending=True)).rowcount
