"""App Home that Slack did not take when it was opened: made anew and shown once it does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from domain.home import ShowHome
from domain.jobs import Job, Transaction
from domain.outcomes import Done, Failed, Later, Outcome, Superseded, Turn, Unknown, wait_before
from handlers.deadline import TooSlow
from handlers.run import Who
from handlers.slack.listeners import SlackDesk
from handlers.slack.standing import Standings
from notifications.slack import calls
from notifications.slack.calls import Lost, NotSent, Refused, ask


@dataclass(frozen=True, kw_only=True)
class HomeCarrier:
    """Carries ``home.slack`` jobs. Nothing of the page waits in them: it is made right before it is shown."""

    slack: SlackDesk
    standings: Standings
    kind: str = "home.slack"

    def gaps(self, job: Job) -> Mapping[str, timedelta]:  # noqa: ARG002  the Carrier's own signature
        """Only holds are obeyed: of both calls."""
        return {calls.USER: timedelta(0), **calls.looks(calls.HOME)}

    def admit(self, job: Job, transaction: Transaction) -> Outcome | None:
        """Of several for one person only the newest is shown."""
        return Superseded() if transaction.jobs.stands(job.lane, after=job.id) else None

    async def carry(self, job: Job, turn: Turn) -> Outcome:
        """Who is it now, what is their page now, show it. Twice does no harm."""
        who = Who(platform="slack", user=str(job.payload["user"]), team=str(job.payload["team"]))
        try:
            if (await self.standings.at(who, turn)).unsure:
                return Later(wait=wait_before(job.attempts), reason="Slack does not say who somebody is")
            view = self.slack.home(await self.slack.desk.commanded(who, ShowHome()))
            await turn(calls.looks(calls.HOME))
            await ask(self.slack.client.views_publish(user_id=who.user, view=view), lane=calls.HOME)
        except Refused as error:
            later = calls.put_off(error)
            return later or Failed(reason=f"Slack refused: {error.code} {error.details}".strip()[:400], code=error.code)
        except NotSent:
            return Later(wait=wait_before(job.attempts), reason="Slack cannot be reached")
        except Lost as error:
            return Unknown(reason=error.reason)
        except TooSlow:
            return Later(wait=wait_before(job.attempts), reason="the page was not made in time")
        return Done()

    def settle(self, job: Job, outcome: Outcome, transaction: Transaction) -> None:
        """Nothing is left behind."""
