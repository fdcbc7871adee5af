"""kill -9 at every labelled step of approval, refund and notice: nothing lost, nothing twice, on both databases.

Each life of the desk first recovers from the last death and is checked, then takes a new return, is told where to die,
and hears Ada press Approve. ``python -m tests.faults.kills sqlite 100`` makes a hundred kills,
``... postgresql C5,C9`` one at each of these points of victim.CRASH_POINTS.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import random
import shutil
import sys
import tempfile
import time
import urllib.parse
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from tests import postgres
from tests.faults.desk_life import AMOUNT, CUSTOMER, TEAM, live, prepare, warm
from tests.faults.stage import Life, Stage, fork, stage
from tests.faults.victim import CRASH_POINTS
from tests.figures import Figure

KILLS = int(os.environ.get("OPSBELL_KILLS", "1200"))
#: how a letter begins that may have come before
REPEAT = "(repeat) "

Step = tuple[str, int]


@dataclass
class Found:
    """What a run of kills came to."""

    kills: int = 0
    missed: int = 0
    repeats: int = 0
    wrong: list[str] = field(default_factory=list)
    points: Counter[str] = field(default_factory=Counter)
    #: seconds by the clock from death until everything was final
    recovery: list[float] = field(default_factory=list)
    seconds: float = 0

    def unreached(self) -> list[str]:
        """Crash points at which nothing died."""
        return [
            point for point, labels in CRASH_POINTS.items() if not any(self.points[label] for label in labels)
        ]


@dataclass
class Shop:
    """The shop's people and the world outside, who outlive every desk."""

    on: Stage
    url: str
    log: Path | None = None
    payment: str = ""
    number: str = ""
    token: str = ""
    card: str = ""
    seen: list[dict[str, Any]] = field(default_factory=list)
    #: another replica's door, and how far its clock is ahead
    port: int = 0
    ahead: timedelta = timedelta()

    def begin(self) -> Life:
        """A new life of the desk, up."""
        life = fork(
            lambda voice: live(voice, self.url, self.on.clock, self.on.sandbox, self.on.app_port, self.log)
        )
        _expect(life, "up")
        return life

    def quiet(self, life: Life) -> dict[str, Any]:
        life.say(do="quiet")
        return _expect(life, "quiet")

    def new_return(self, life: Life) -> None:
        """The customer asks; the card stands in Slack."""
        self.payment = self.on.paid(2 * AMOUNT)
        life.say(do="ask", about=self.payment)
        self.number = _expect(life, "answer")["answer"]
        self.quiet(life)
        cards = [one for one in self.on.news() if one["kind"] == "message" and self.number in _words(one)]
        (card,) = (one for one in cards if one["channel_name"] == "returns" and not one["thread_ts"])
        (self.token,) = (one["value"] for one in card["buttons"] if one["label"].startswith("Approve €"))
        self.card = card["ts"]
        self.seen = []

    def press(self, user: str = "U0ADA") -> bool:
        """Somebody presses Approve; whether they saw it acknowledged."""
        return self.press_status(user) == 200

    def press_again(self) -> None:
        """Whoever saw no answer presses again; a desk that was too slow for Slack says so (503) and has done nothing."""
        for _ in range(10):
            if self.press():
                return
        raise RuntimeError("ten presses were not acknowledged")

    def press_status(self, user: str = "U0ADA") -> int:
        """A press of Approve as Slack tells us of it: the door's status, 0 if it broke off."""
        payload = {
            "type": "block_actions", "team": {"id": TEAM}, "user": {"id": user, "team_id": TEAM},
            "channel": {"id": "C0RETURNS"}, "api_app_id": "A0OPSBELL", "trigger_id": "1.1",
            "container": {"type": "message", "channel_id": "C0RETURNS", "message_ts": self.card},
            "actions": [{"type": "button", "block_id": "b", "action_id": "a", "value": self.token}],
        }
        return self.from_slack({"payload": json.dumps(payload)})

    def from_slack(self, form: dict[str, str]) -> int:
        """A form that Slack signs: the door's status, 0 if it broke off."""
        body = urllib.parse.urlencode(form).encode()
        stamp = str(int((self.on.clock.now() + self.ahead).timestamp()))
        signed = hmac.new(b"sandbox-slack-signing-secret", b"v0:" + stamp.encode() + b":" + body, hashlib.sha256)
        headers = {
            "X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": "v0=" + signed.hexdigest(),
            "Content-Type": "application/x-www-form-urlencoded",
        }
        try:
            status, _ = self.on.ask(self.port or self.on.app_port, "POST", "/slack/events", body, headers)
        except OSError:
            return 0
        return status

    def wrong(self, life: Life) -> tuple[list[str], int]:
        """What is not as it must be, in the database and outside; and how often the customer was told again."""
        life.say(do="wrong", about=self.number)
        found: list[str] = _expect(life, "answer")["answer"]
        money = [(one["amount"], one["status"]) for one in self.on.refunds(self.payment)]
        if money != [(AMOUNT, "succeeded")]:
            found.append(f"at Stripe: {money}")
        self.seen += self.on.news()
        latest = {one["seq"]: one for one in self.seen if one["kind"] == "message"}.values()
        slack = [one for one in latest if one["platform"] == "slack" and one["channel_name"] == "returns" and not one["ephemeral_to"]]
        cards = [one for one in slack if not one["thread_ts"]]
        if [one["ts"] for one in cards] != [self.card] or not is_final(cards[0]):
            found.append(f"cards: {[(one['ts'], one['text'], len(one['buttons'])) for one in cards]}")
        notes = Counter(one["text"] for one in slack if one["thread_ts"] == self.card)
        if len(notes) != 2 or set(notes.values()) != {1}:
            found.append(f"notes: {dict(notes)}")
        told, unmarked = heard_by_customer(latest)
        if len(told) != 2 or max(told.values(), default=0) > 2 or unmarked:
            found.append(f"the customer was told: {dict(told)}")
        life.say(do="doubt", about=self.number)
        doubt, repeats = int(_expect(life, "answer")["answer"]), sum(told.values()) - len(told)
        if repeats > doubt:
            found.append(f"{repeats} repeats, and {doubt} letters in doubt")
        return found, repeats


def is_final(card: dict[str, Any]) -> bool:
    """Whether a card says that it is over, and nobody can approve on it any more."""
    open_ = any(one["label"].startswith(("Approve", "Decline")) for one in card["buttons"])
    return "→ sent to Stripe" in card["text"] and not open_


def heard_by_customer(entries: Iterable[dict[str, Any]]) -> tuple[Counter[str], list[str]]:
    """The customer's letters and how often each came; and those that came again without saying that they repeat."""
    texts = [one["text"] for one in entries if one["platform"] == "telegram" and one["chat_id"] == CUSTOMER]
    plain = Counter(text for text in texts if not text.startswith(REPEAT))
    return Counter(text.removeprefix(REPEAT) for text in texts), [text for text, n in plain.items() if n > 1]


def _words(entry: dict[str, Any]) -> str:
    return f"{entry['text']} {json.dumps(entry.get('blocks') or '', ensure_ascii=False)}"


def _expect(life: Life, word: str) -> dict[str, Any]:
    heard = life.hear()
    if heard is None or word not in heard:
        raise RuntimeError(f"expected {word!r}, heard {heard}; status {life.status}")
    return heard


#: which jobs share a transaction differs from run to run, so a step may not come as often as in the first
_TRIES = 6


def run(
    url: str, kills: int, *, seed: int = 1, log: Path | None = None, points: Sequence[str] | None = None
) -> Found:
    """That many deaths, spread evenly over every step that one approval takes; or one at each of these points."""
    found, began = Found(), time.perf_counter()
    chance = random.Random(seed)
    warm()
    with stage() as on:
        _prepare(url)
        shop = Shop(on=on, url=url, log=log)
        life = shop.begin()
        on.post("/control/telegram/send", {"user": "maria", "start": ""})  # a bot may not write first
        shop.quiet(life)
        plan = _steps(shop, life)
        if points is None:
            deaths = [plan[n * len(plan) // kills if kills < len(plan) else n % len(plan)] for n in range(kills)]
            chance.shuffle(deaths)
        else:
            deaths = [chance.choice([step for step in plan if step[0] in CRASH_POINTS[one]]) for one in points]
        for at in deaths:
            for _ in range(_TRIES):
                kills = found.kills
                life = _die_and_recover(shop, life, at, found)
                if found.kills > kills:
                    break
            else:
                found.missed += 1
            if found.kills % 100 == 0:
                print(f"   {found.kills} kills, {len(found.wrong)} violations", file=sys.stderr, flush=True)
        life.say(do="trail", about="")
        if broken := _expect(life, "answer")["answer"]:
            found.wrong.append(f"the audit trail: {broken}")
        life.kill()
        life.bury()
    found.seconds = time.perf_counter() - began
    return found


def _prepare(url: str) -> None:
    life = fork(lambda voice: prepare(voice, url))
    _expect(life, "ready")
    life.say(do="end")
    life.bury()


def _steps(shop: Shop, life: Life) -> list[Step]:
    """Every step of one approval that nothing disturbs."""
    shop.new_return(life)
    life.say(do="arm", at=None)
    _expect(life, "armed")
    shop.press_again()
    steps: dict[str, int] = shop.quiet(life)["steps"]
    wrong, repeats = shop.wrong(life)
    if wrong or repeats:
        raise RuntimeError(f"undisturbed, and yet: {wrong}, {repeats} repeats")
    return [(label, n) for label, count in sorted(steps.items()) for n in range(1, count + 1)]


def _die_and_recover(shop: Shop, life: Life, at: Step, found: Found) -> Life:
    shop.new_return(life)
    life.say(do="arm", at=at)
    _expect(life, "armed")
    acknowledged = shop.press()
    life.say(do="quiet")
    if life.hear() is not None:  # this time the step was not taken
        life.say(do="arm", at=None)
        _expect(life, "armed")
        if not acknowledged:
            shop.press_again()
            shop.quiet(life)
        _judge(shop, life, f"no death at {at}", found)
        return life
    died = shop.on.clock.now()
    found.kills += 1
    found.points[at[0]] += 1
    life = shop.begin()
    if not acknowledged:
        shop.press_again()
    quiet = shop.quiet(life)
    found.recovery.append((datetime.fromisoformat(quiet["quiet"]) - died).total_seconds())
    _judge(shop, life, f"death at {at}", found)
    return life


def _judge(shop: Shop, life: Life, when: str, found: Found) -> None:
    wrong, repeats = shop.wrong(life)
    found.repeats += repeats
    found.wrong += [f"{when}, {shop.number}: {one}" for one in wrong]


#: bytes in memory that no machine needs; a container has often 64 MB
_ROOM = 500_000_000


def _memory() -> str | None:
    """A folder in memory where there is room for one: kill -9 loses nothing that was written, and each fsync costs 5 ms less."""
    memory = "/dev/shm"
    return memory if os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > _ROOM else None


@contextmanager
def database(kind: str) -> Iterator[str]:
    """An empty database of that kind, gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="opsbell-kills-", dir=_memory()))
    try:
        if kind == "sqlite":
            yield f"sqlite:///{folder / 'opsbell.db'}"
            return
        with postgres.server() as address, postgres.schema(address, f"kills_{os.getpid()}") as url:
            yield url
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def machine() -> Sequence[Figure]:
    """The full run: half of the kills on each database."""
    figures = []
    for kind in ("sqlite", "postgresql"):
        with database(kind) as url:
            found = run(url, KILLS)
        figures += figures_of(kind, found)
    return figures


def figures_of(kind: str, found: Found) -> list[Figure]:
    """A run's figures."""
    for line in found.wrong[:20]:
        print("   " + line)
    steps = f"{found.kills} kills at {len(found.points)} labels, {found.seconds:.0f} s"
    slowest = max(found.recovery, default=0)
    return [
        Figure(
            name=f"kill -9 from approval to notice, {kind}", tried=steps,
            found=f"{len(found.wrong)} violations; {found.repeats} Telegram letters said twice, each after an unknown "
            f"outcome; points without a death: {', '.join(found.unreached()) or 'none'}",
            goal="0 violations, every point", met=not found.wrong and not found.unreached(),
        ),
        Figure(
            name=f"recovery by the clock, {kind}", tried=f"{len(found.recovery)} recoveries",
            found=f"p50 {median(found.recovery):.1f} s, longest {slowest:.1f} s", goal="at most 60 s", met=slowest <= 60,
        ),
    ]


def _points(text: str) -> list[str] | None:
    return text.split(",") if text.startswith("C") else None


if __name__ == "__main__":
    what = sys.argv[2]
    with database(sys.argv[1]) as place:
        done = run(place, int(what) if what.isdigit() else 0, points=_points(what),
                   log=Path(sys.argv[3]) if len(sys.argv) > 3 else None)
    for figure in figures_of(sys.argv[1], done):
        print(figure)
    print(f"{done.kills} kills, {done.missed} missed, at {dict(done.points)}")
    sys.exit(1 if done.wrong or done.missed else 0)
