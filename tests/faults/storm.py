"""Three replicas on one PostgreSQL, real approvals over their doors, and trouble: what is left when it is over.

Time is real here. Leases and the pace of a channel are shortened, so that a minute sees many deaths and recoveries;
the order among them (timeout < fence < lease) stays.
``python -m tests.faults.storm kill,restart,cut,pause`` has one trouble of each kind.
"""

from __future__ import annotations

import os
import random
import re
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

import bot.app
import handlers.jobs.worker
import notifications.delivery
import notifications.slack.calls
import notifications.slack.carrier
from storage.tables import jobs
from tests import postgres
from tests.faults.desk_life import AMOUNT, SCHEDULED, DeskLife, quiet_logs, settings, warm
from tests.faults.kills import Shop, _expect, _prepare, heard_by_customer, is_final
from tests.faults.stage import Life, SharedClock, Stage, Voice, fork, stage
from tests.figures import Figure
from tests.ports import free_port

#: short leases: a death is over after four seconds
LEASE, FENCE, CARRY = timedelta(seconds=4), timedelta(seconds=2), timedelta(seconds=1.5)
#: a kind of job that no version knows
UNHEARD_OF = "brew"
NUMBER = re.compile(r"\bR-\d+\b")


async def replica(
    voice: Voice, url: str, clock: SharedClock, sandbox: str, port: int, skew: timedelta, log: Path | None
) -> None:
    """One of several desks, with a clock that may be wrong."""
    bot.app.system_now = lambda: clock.now() + skew  # type: ignore[attr-defined]
    way_out, slack = notifications.delivery, notifications.slack.carrier
    quick = timedelta(milliseconds=1)
    for module, name, value in (
        (way_out, "LEASE", LEASE), (way_out, "_FENCE", FENCE), (way_out, "CARRY", CARRY),
        (way_out, "CALL", CARRY), (handlers.jobs.worker, "_LEASE", LEASE),
        (notifications.slack.calls, "_CHANNEL_GAP", quick), (slack, "_EDIT_GAP", quick),
    ):
        getattr(module, name)  # gone, and the run would be another one than it says
        setattr(module, name, value)
    with quiet_logs(log):
        async with bot.app.running(settings(url, sandbox, port)) as app:
            object.__setattr__(app.store, "ahead", lambda: clock.offset)  # the night that passes at the end
            desk = DeskLife(app, clock)
            voice.say(up=True)
            while True:
                asked = await voice.hear()
                tell = {"ask": desk.ask_return, "trail": desk.trail, "wrong": desk.wrong}[asked["do"]]
                voice.say(answer=tell(asked["about"]))


@dataclass
class Seen:
    """One return as the world outside knows it."""

    number: str
    payment: str
    token: str = ""
    card: str = ""
    pressed: int = 0
    decided: bool = False
    entries: dict[int, dict[str, Any]] = field(default_factory=dict)


@dataclass
class Storm:
    """The replicas, the trouble and the count of it."""

    on: Stage
    url: str
    server: postgres.Server
    chance: random.Random
    skews: tuple[timedelta, ...] = (timedelta(), timedelta(), timedelta())
    log: Path | None = None
    lives: list[Life | None] = field(default_factory=list)
    ports: list[int] = field(default_factory=list)
    returns: dict[str, Seen] = field(default_factory=dict)
    digests: Counter[str] = field(default_factory=Counter)
    answers: Counter[int] = field(default_factory=Counter)
    troubles: int = 0
    wrong: list[str] = field(default_factory=list)
    #: seconds from the database's return to the first replica that is ready
    ready: list[float] = field(default_factory=list)
    seconds: float = 0

    def begin(self) -> None:
        """Everybody up."""
        self.ports = [free_port() for _ in self.skews]
        self.lives = [None for _ in self.skews]
        for n in range(len(self.skews)):
            self.start(n)
        self.on.post("/control/telegram/send", {"user": "maria", "start": ""})

    def start(self, n: int) -> None:
        """Replica n, up."""
        self.lives[n] = life = fork(
            lambda voice: replica(
                voice, self.url, self.on.clock, self.on.sandbox, self.ports[n], self.skews[n], self.log
            )
        )
        _expect(life, "up")

    def kill(self) -> None:
        """Any replica, at any moment; another takes its place at once."""
        n = self.chance.randrange(len(self.lives))
        life = self.lives[n]
        assert life is not None
        life.kill()
        life.bury()
        self.troubles += 1
        self.start(n)

    def pause(self) -> None:
        """A replica stands still for longer than its leases, and then goes on as if nothing had been."""
        life = self.chance.choice(self.lives)
        assert life is not None
        life.kill(signal.SIGSTOP)
        try:
            until = time.monotonic() + LEASE.total_seconds() + 1
            while time.monotonic() < until:
                self.work(besides=life)
        finally:
            life.kill(signal.SIGCONT)
        self.troubles += 1

    def restart(self) -> None:
        """The database stops at once and comes back."""
        self.server.stop()
        for n in range(len(self.ports)):
            self._probe(n)  # what the doors say meanwhile
        self.server.start()
        began = time.perf_counter()
        while not any(self._is_ready(n) for n in range(len(self.ports))) and time.perf_counter() < began + 120:
            time.sleep(0.02)
        self.ready.append(time.perf_counter() - began)
        self.troubles += 1

    def cut(self) -> None:
        """Connections are ended from the server's side, some of them in mid-commit."""
        engine = sa.create_engine(self.url, poolclass=sa.NullPool)
        with engine.connect() as connection:
            ended = connection.execute(
                sa.text(
                    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
                    "AND backend_type = 'client backend' AND (state <> 'idle' OR random() < 0.3)"
                )
            ).scalar_one()
        self.troubles += ended

    def _is_ready(self, n: int) -> bool:
        try:
            return self.on.ask(self.ports[n], "GET", "/ready", seconds=5)[0] == 200
        except OSError:
            return False

    def _probe(self, n: int) -> None:
        """A signed Stripe event while the database is away: anything but a 2xx and a 500."""
        import hashlib
        import hmac
        import json

        body = json.dumps({"id": f"evt_storm_{time.monotonic_ns()}", "type": "customer.created", "data": {"object": {}}})
        stamp = int((self.on.clock.now() + self.skews[n]).timestamp())
        signed = hmac.new(b"whsec_sandbox", f"{stamp}.{body}".encode(), hashlib.sha256).hexdigest()
        headers = {"Stripe-Signature": f"t={stamp},v1={signed}", "Content-Type": "application/json"}
        try:
            status, _ = self.on.ask(self.ports[n], "POST", "/webhooks/stripe", body, headers, seconds=10)
        except OSError:
            return
        self.answers[status] += 1
        if status != 503:
            self.wrong.append(f"without a database, Stripe's door answered {status}")

    def ask(self) -> None:
        """One more return of the customer's, who may have five that wait; at any replica."""
        while sum(not one.decided for one in self.returns.values()) > 3:
            self.work()
        payment = self.on.paid(2 * AMOUNT)
        life = self.chance.choice(self.lives)
        assert life is not None
        life.say(do="ask", about=payment)
        number = str(_expect(life, "answer")["answer"])
        self.returns[number] = Seen(number, payment)

    def look(self) -> None:
        """What people see by now."""
        for entry in self.on.news():
            if entry["kind"] != "message":
                continue
            if entry.get("channel_name") == "daily" and not entry["thread_ts"]:
                self.digests[entry["ts"]] += 1
            text = f"{entry['text']} {entry.get('blocks') or ''}"
            known = next((self.returns[one] for one in NUMBER.findall(text) if one in self.returns), None)
            thread = entry.get("thread_ts")
            if known is None and thread:
                known = next((one for one in self.returns.values() if one.card == thread), None)
            if known is None:
                continue
            known.entries[entry["seq"]] = entry
            if entry["platform"] == "slack" and not thread and not entry["ephemeral_to"]:
                known.card = entry["ts"]
                tokens = [one["value"] for one in entry["buttons"] if one["label"].startswith("Approve €")]
                known.token, known.decided = (tokens[0], False) if tokens else (known.token, True)

    def press(self, besides: Life | None = None) -> None:
        """Somebody approves what waits, at any replica; who sees no change presses again."""
        waiting = [one for one in self.returns.values() if one.token and not one.decided]
        if not waiting:
            return
        one = min(waiting, key=lambda seen: seen.pressed)
        away = None if besides is None else self.lives.index(besides)
        n = self.chance.choice([n for n in range(len(self.ports)) if n != away])
        shop = Shop(on=self.on, url=self.url, token=one.token, card=one.card)
        shop.port, shop.ahead = self.ports[n], self.skews[n]
        one.pressed += 1
        status = shop.press_status(self.chance.choice(("U0ADA", "U0CLEO")))
        self.answers[status] += 1
        if status >= 500 and status != 503:
            self.wrong.append(f"Slack's door answered {status}")

    def work(self, besides: Life | None = None) -> None:
        """A short turn of ordinary life."""
        self.look()
        self.press(besides)
        time.sleep(0.01)

    def drain(self) -> None:
        """Until everything is final: minutes, and what the customer's letters take at one a second, three a return."""
        seconds = 240 + 3 * len(self.returns)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.work()
            if not self._open() and all(one.decided for one in self.returns.values()):
                return
        self.wrong.append(f"still open after {seconds} s: {self._open()}")

    def _open(self) -> list[tuple[object, ...]]:
        engine = sa.create_engine(self.url, poolclass=sa.NullPool)
        with engine.connect() as connection:
            query = sa.select(jobs.c.key, jobs.c.attempts, jobs.c.error, jobs.c.due_at).where(
                jobs.c.state == "open", jobs.c.kind.not_in((*SCHEDULED, UNHEARD_OF))
            )
            return [tuple(row) for row in connection.execute(query)]

    def judge(self) -> int:
        """Every return, in the database and outside; how many letters the customer got again."""
        self.look()
        repeats = 0
        (life, *_) = self.lives
        assert life is not None
        for one in self.returns.values():
            life.say(do="wrong", about=one.number)
            found = list(_expect(life, "answer")["answer"])
            money = [(row["amount"], row["status"]) for row in self.on.refunds(one.payment)]
            if money != [(AMOUNT, "succeeded")]:
                found.append(f"at Stripe: {money}")
            slack = [row for row in one.entries.values() if row["platform"] == "slack" and not row["ephemeral_to"]]
            cards = [row for row in slack if not row["thread_ts"]]
            if len(cards) != 1 or not is_final(cards[0]):
                found.append(f"cards: {[row['text'] for row in cards]}")
            notes = Counter(row["text"].split(" at ")[0] for row in slack if row["thread_ts"])
            if sorted(notes.values()) != [1, 1]:
                found.append(f"notes: {dict(notes)}")
            told, unmarked = heard_by_customer(one.entries.values())
            if len(told) != 2 or unmarked:
                found.append(f"told: {dict(told)}")
            repeats += sum(told.values()) - len(told)
            self.wrong += [f"{one.number}: {what}" for what in found]
        life.say(do="trail", about="")
        if broken := _expect(life, "answer")["answer"]:
            self.wrong.append(f"the audit trail: {broken}")
        return repeats

    def end(self) -> None:
        for life in self.lives:
            if life is not None:
                life.kill(signal.SIGCONT)
                life.kill()
                life.bury()


Trouble = Callable[[Storm], None]


@dataclass(frozen=True)
class Outcome:
    """What is left of a storm."""

    storm: Storm
    returns: int
    repeats: int


def run(
    troubles: Sequence[Trouble], *, every: float = 0.4, seed: int = 1, log: Path | None = None,
    skews: tuple[timedelta, ...] = (timedelta(), timedelta(), timedelta()),
) -> Outcome:
    """One trouble after the other while approvals go on; ``every``: seconds of ordinary life before each, about."""
    began = time.perf_counter()
    warm()
    with (
        postgres.own_server() as server, postgres.schema(server.address, f"storm_{os.getpid()}") as url,
        stage(real_time=True) as on, _weather(Storm(on, url, server, random.Random(seed), skews, log)) as storm,
    ):
        for trouble in troubles:
            storm.ask()
            until = time.monotonic() + every * (0.5 + storm.chance.random())
            while time.monotonic() < until:
                storm.work()
            trouble(storm)
        storm.drain()
        digests = len(storm.digests)
        on.clock.advance(timedelta(hours=24))  # for every replica at once
        morning = time.monotonic() + 240
        while time.monotonic() < morning and len(storm.digests) == digests:
            storm.work()
        time.sleep(1)
        repeats = storm.judge()
        digests = len(storm.digests) - digests
    storm.seconds = time.perf_counter() - began
    if digests != 1:
        storm.wrong.append(f"{digests} digests on the next morning")
    return Outcome(storm, len(storm.returns), repeats)


@contextmanager
def _weather(storm: Storm) -> Iterator[Storm]:
    _prepare(storm.url)
    storm.begin()
    try:
        yield storm
    finally:
        storm.end()


#: name, trouble, how often in the full run, seconds between, clocks
STORMS: tuple[tuple[str, Trouble, int, float, tuple[timedelta, ...]], ...] = (
    ("replicas killed", Storm.kill, 60, 0.4, (timedelta(),) * 3),
    ("database restarted at once", Storm.restart, int(os.environ.get("OPSBELL_RESTARTS", "500")), 0.3, (timedelta(),) * 3),
    ("connections cut by the server", Storm.cut, 150, 0.2, (timedelta(),) * 3),
    ("replicas paused past their lease", Storm.pause, 15, 0.4, (timedelta(),) * 3),
    ("clocks ten minutes apart, and kills", Storm.kill, 20, 0.4, (timedelta(seconds=295), timedelta(seconds=-295))),
)


def machine() -> Sequence[Figure]:
    """Every kind of trouble at full length."""
    figures = []
    for name, trouble, times, every, skews in STORMS:
        figures += figures_of(name, run([trouble] * times, every=every, skews=skews))
    return figures


def figures_of(name: str, outcome: Outcome) -> list[Figure]:
    """A storm's figures."""
    storm = outcome.storm
    for line in storm.wrong[:20]:
        print("   " + line)
    found = [
        Figure(
            name=name,
            tried=f"{storm.troubles} times, {len(storm.skews)} replicas, {outcome.returns} approvals, {storm.seconds:.0f} s",
            found=f"{len(storm.wrong)} violations; {outcome.repeats} Telegram letters said twice",
            goal="0 lost, 0 double", met=not storm.wrong,
        )
    ]
    if storm.ready:
        slowest = sorted(storm.ready)[int(len(storm.ready) * 0.99)]
        found.append(
            Figure(
                name="first replica ready after the database is back", tried=f"{len(storm.ready)} restarts",
                found=f"p99 {slowest:.2f} s", goal="at most 5 s", met=slowest <= 5,
            )
        )
    return found


if __name__ == "__main__":
    words = sys.argv[1].split(",")
    one = run([getattr(Storm, word) for word in words], log=Path(sys.argv[2]) if len(sys.argv) > 2 else None)
    for figure in figures_of("storm", one):
        print(figure)
    sys.exit(1 if one.storm.wrong else 0)
