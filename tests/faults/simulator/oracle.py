"""What the test itself knows: who pressed what, what each platform was asked, which answers were heard.

Nothing here asks the code under test what is right. Rules I1 to I15: docs/reliability.md.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tests.faults.simulator.shop import MARIA, Person

if TYPE_CHECKING:
    from domain.jobs import Job
    from tests.faults.simulator.bank import Bank, Given
    from tests.faults.simulator.chats import Line
    from tests.faults.simulator.replica import Replica
    from tests.faults.simulator.workspace import Post
    from tests.faults.simulator.world import World

_CARD = re.compile(r"(?P<shop>[^/]+)/card:(?P<key>.+)@(?P<version>\d+)>(?P<chat>.+)")


@dataclass(frozen=True, kw_only=True)
class Press:
    """Somebody pressed a button, or sent its form. ``amount``: what they meant to let go; ``version``: what they saw."""

    who: Person
    shop: str
    number: str
    version: int
    what: str
    amount: int | None
    at: datetime
    answered: str = ""


@dataclass(frozen=True, kw_only=True)
class Telling:
    """Somebody sent these words to the customer, from a parcel's card as they saw it."""

    who: Person
    words: str
    case: str
    version: int


@dataclass
class Oracle:
    """The record."""

    world: World
    presses: list[Press] = field(default_factory=list)
    taken: set[tuple[str, str]] = field(default_factory=set)
    #: jobs whose outcome was unknown to somebody at some time
    doubtful: set[str] = field(default_factory=set)
    under_way: dict[Any, set[str]] = field(default_factory=lambda: defaultdict(set))
    posts: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    lines: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    card_posts: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    shown: dict[tuple[str, str], int] = field(default_factory=dict)
    #: pieces in stock, and pieces that the warehouse unpacked
    pieces: int = 0
    unpacked: int = 0
    tellings: list[Telling] = field(default_factory=list)
    #: where the carrier last scanned the late parcel
    scanned: str = ""
    #: jobs that were said, and the newest of each lane
    said: set[str] = field(default_factory=set)
    newest: dict[str, int] = field(default_factory=dict)
    calm_since: datetime | None = None
    #: when a process first planned what runs by itself
    planned_at: datetime | None = None
    repeatable: dict[str, bool] = field(default_factory=dict)

    # --- called by the platforms

    def sends(self, replica: Replica, job: Job | None, method: str, asked: dict[str, Any]) -> None:
        """A call leaves a process."""
        del asked
        if job is None:
            return
        self.under_way[replica].add(job.key)
        self.repeatable[job.key] = bool(job.payload.get("repeat", True))
        if job.shop_id is not None and method.startswith("chat."):
            self._right_shop(job)

    def shows(self, job: Job | None) -> str:
        """What a call shows: the job's key, with the version that its row carries by now.

        A job takes over a newer version of its card that waits behind it, so its key alone does not tell.
        """
        found = _CARD.fullmatch(job.key) if job else None
        if job is None or found is None:
            return job.key if job else "?"
        row = self.world.database.raw.execute("SELECT payload FROM jobs WHERE id = ?", (job.id,)).fetchone()
        return f"{found['shop']}/card:{found['key']}@{json.loads(row[0])['version']}>{found['chat']}"

    def _right_shop(self, job: Job) -> None:
        address = str(job.payload.get("address", ""))
        if address.startswith("C1") != job.key.startswith("suedwind/"):
            self.world.violation("I10", f"{job.key} was said in {address}")

    def unknown(self, job: Job | None, how: str) -> None:
        """Somebody could not tell whether a call went through."""
        if job is not None and how != "refused":
            self.doubtful.add(job.key)

    def late(self, replica: Replica | None = None) -> None:
        """A process was paused, or every clock jumped: leases may have run out over what is under way."""
        for some in (self.under_way.values() if replica is None else [self.under_way[replica]]):
            self.doubtful |= some

    def answered(self, job: Job | None) -> None:
        """A call was answered; settling it may still fail."""

    def died(self, replica: Replica) -> None:
        """Whatever it was at is in doubt."""
        self.doubtful |= self.under_way.pop(replica, set())

    def posted(self, post: Post, job: Job | None) -> None:
        """A new message stands in Slack."""
        key = job.key if job else "?"
        self._in_order(job)
        self.posts[post.channel, key] += 1
        if self.posts[post.channel, key] > 1:
            self.world.violation("I6", f"{key} stands in Slack {self.posts[post.channel, key]} times")
        found = _CARD.fullmatch(self.shows(job))
        if found is None:
            return
        card = (post.channel, f"{found['shop']}/{found['key']}")
        self.card_posts[card] += 1
        if self.card_posts[card] > 1:
            self.world.violation("I6", f"the card {card[1]} stands in {post.channel} {self.card_posts[card]} times")
        self._version(post, found)

    def edited(self, post: Post, job: Job | None) -> None:
        """A message in Slack has changed."""
        self._in_order(job)
        found = _CARD.fullmatch(self.shows(job))
        if found is not None:
            self._version(post, found)

    def _in_order(self, job: Job | None) -> None:
        """What was written first for a lane is said first; a call of unknown outcome may arrive whenever it likes."""
        if job is None or job.key in self.said:
            return
        self.said.add(job.key)
        if job.id < self.newest.get(job.lane, 0) and job.key not in self.doubtful:
            self.world.violation("I8", f"{job.key} was said after what was written later for {job.lane}")
        self.newest[job.lane] = max(job.id, self.newest.get(job.lane, 0))

    def _version(self, post: Post, found: re.Match[str]) -> None:
        key, version = (post.channel, post.ts), int(found["version"])
        if version < self.shown.get(key, 0):
            self.world.violation("I8", f"{found['key']} went from version {self.shown[key]} back to {version}")
        self.shown[key] = version

    def told(self, line: Line, job: Job | None) -> None:
        """A new message stands in Telegram."""
        key = job.key if job else "?"
        self._in_order(job)
        self.lines[key] += 1
        if self.lines[key] > 1 and (key not in self.doubtful or not self.repeatable.get(key, True)):
            self.world.violation("I6", f"{key} was said {self.lines[key]} times in chat {line.chat}")

    def acknowledged(self, source: str, key: str) -> None:
        """A sender heard 2xx: it will never send this again. Checked at once: answered means stored."""
        self.taken.add((source, key))
        raw = self.world.database.raw
        found = raw.execute("SELECT 1 FROM inbox WHERE source = ? AND key = ?", (source, key)).fetchone()
        if found is None:
            self.world.violation("I5", f"{source} {key} was answered 2xx and is not stored")

    # --- money

    def refund_asked(self, bank: Bank, payment: str, amount: int, intent: str, job: str) -> None:
        """Stripe is asked for a refund, with a key that it does not know."""
        del job
        twice = [one for one in bank.given if one.intent == intent]
        if twice:
            self.world.violation("I2", f"Stripe was asked twice for the intent {intent}")
        charge = bank.charges.get(payment)
        if charge is not None and not charge.disputed and amount > bank.left(payment):
            self.world.violation("I1", f"{amount} was asked of {payment} where {bank.left(payment)} is left")
        if charge is not None and charge.disputed and self._knows_dispute(payment, intent):
            self.world.violation("I3", f"a refund of {payment} was decided although its dispute was known")

    def _knows_dispute(self, payment: str, intent: str) -> bool:
        """Whether the dispute stood in the database before this refund was decided."""
        raw = self.world.database.raw
        return raw.execute(
            "SELECT 1 FROM refunds r JOIN payments p ON p.id = r.payment_id JOIN disputes d ON d.payment_id = p.id "
            "WHERE r.id = ? AND p.payment_intent = ? AND d.state != 'won' AND EXISTS (SELECT 1 FROM audit a "
            "WHERE a.subject = d.stripe_dispute AND a.action IN ('dispute.opened', 'dispute.lost') AND a.at < r.decided_at)",
            (intent, payment),
        ).fetchone() is not None

    def refunded(self, made: Given) -> None:
        """Stripe has made a refund: somebody who may must have meant exactly this."""
        raw = self.world.database.raw
        row = raw.execute(
            "SELECT r.return_id, t.number, s.key, a.version, r.amount_minor FROM refunds r JOIN returns t ON t.id = r.return_id "
            "JOIN shops s ON s.id = r.shop_id LEFT JOIN approvals a ON a.id = r.approval_id WHERE r.id = ?", (made.intent,)
        ).fetchone()
        if row is None:
            self.world.violation("I3", f"{made.id} belongs to no committed intent")
            return
        return_id, number, shop, version, amount = row
        if amount != made.amount:
            self.world.violation("I3", f"{made.id} pays {made.amount}, the intent says {amount}")
        if self.world.bank.charges[made.payment].intent != f"pi_{shop}":
            self.world.violation("I10", f"{made.id} of {shop} pays from {made.payment}")
        yes = self.meant(shop, number, made.amount)
        if not any(one.version == version for one in yes):
            self.world.violation("I3", f"{made.id}: nobody entitled approved {made.amount} for {number} version {version}")
        self._goods(made, number, version)
        if made.amount > REQUESTED and self.world.swarm.story != "customer":
            self.world.violation("I1", f"{made.id} pays {made.amount} for {number}, where {REQUESTED} were asked for")
        if self.world.swarm.story == "second" and made.amount > SECOND and len({one.who.key for one in yes}) < 2:
            self.world.violation("I3", f"{made.id}: {made.amount} needs two people")
        live = [
            one.id for one in self.world.bank.given
            if one.status != "failed" and one is not made and self._return_of(one) == return_id
        ]
        if live and made.status != "failed":
            self.world.violation("I2", f"{number} was refunded twice: {live} and {made.id}")

    def _goods(self, made: Given, number: str, version: int) -> None:
        """Where the policy waits for the goods: none before they came, and none by itself if they came otherwise."""
        if self.world.swarm.story != "receipt":
            return
        row = self.world.database.raw.execute("SELECT received_at, version FROM returns WHERE number = ?", (number,)).fetchone()
        if row[0] is None:
            self.world.violation("I3", f"{made.id} was paid before the goods of {number} came")
        elif self.unpacked != 2:
            heard = self.world.database.raw.execute(
                "SELECT max(id) FROM audit WHERE action = 'return.received'").fetchone()[0]
            again = self.world.database.raw.execute(
                "SELECT 1 FROM audit WHERE action = 'return.approved' AND id > ?", (heard,)).fetchone()
            if again is None:
                self.world.violation("I3", f"{made.id} was paid although {self.unpacked} of 2 came")

    def _return_of(self, made: Given) -> int | None:
        found = self.world.database.raw.execute("SELECT return_id FROM refunds WHERE id = ?", (made.intent,)).fetchone()
        return None if found is None else int(found[0])

    def meant(self, shop: str, number: str, amount: int) -> list[Press]:
        """Presses by people who may, for exactly that amount."""
        return [
            one for one in self.presses
            if (one.shop, one.number, one.amount) == (shop, number, amount)
            and one.what in {"approve", "in part"} and entitled(one, amount)
        ]


def entitled(press: Press, amount: int) -> bool:
    """Whether that person may let that amount go, in that shop."""
    if press.shop == "suedwind":
        return press.who.key == "rita"
    return press.who.may_approve(amount, own=MARIA)


#: shop._second's policy, and what a return of the stories asks for, in minor units
SECOND, REQUESTED = 2500, 3800
