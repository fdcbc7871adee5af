"""Everyday work through the real doors for as long as you like: memory, files and threads of one desk stay what they were.

``python -m tests.faults.soak postgresql 600`` works for ten minutes on PostgreSQL.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from pathlib import Path
from statistics import linear_regression

from tests import postgres
from tests.faults.desk_life import TEAM, warm
from tests.faults.kills import Shop, _prepare, database
from tests.faults.stage import stage
from tests.faults.storm import Storm
from tests.figures import Figure

SECONDS = float(os.environ.get("OPSBELL_SOAK_SECONDS", "900"))
#: what a desk may grow by with each thousand events, once it is warm; a leak of one small object an event is more
_KILOBYTES = 200
#: connections and their like that may be open by chance
_FILES = 6
_NEW_RETURN = 3.0
#: the customer may have five that wait
_MOST_UNDECIDED = 3
_TYPED = (
    ("/stock", ""), ("/parcels", "late"), ("/returns", ""), ("/digest", "yesterday"), ("/ops", "help"),
    ("/ops", "returns waiting"), ("/ops", "stok low"),
)
_WORDS = ("Where is my parcel?", "return", "Is it back in stock?", "hello", "1042")


@dataclass(frozen=True)
class Reading:
    """A desk after so many events."""

    events: int
    kilobytes: int
    files: int
    threads: int


@dataclass
class Soak:
    """A day's work, and what the desk's process took."""

    storm: Storm
    chance: random.Random
    events: int = 0
    readings: list[Reading] = field(default_factory=list)
    answers: Counter[int] = field(default_factory=Counter)
    _numbers: count[int] = field(default_factory=count)

    def work(self, seconds: float) -> None:
        """Events of every kind, as fast as they are answered, with a return to approve every few seconds."""
        kinds: tuple[Callable[[], None], ...] = (self._typed, self._typed, self._home, self._stripe, self._written)
        end, asked, looked = time.monotonic() + seconds, 0.0, 0.0
        while (now := time.monotonic()) < end:
            undecided = sum(not one.decided for one in self.storm.returns.values())
            if now - asked > _NEW_RETURN and undecided < _MOST_UNDECIDED:
                self.storm.ask()
                asked = now
            self.chance.choice(kinds)()
            self.events += 1
            if now - looked > 1:
                self.readings.append(self._read())
                self.storm.work()
                looked = now

    def _shop(self) -> Shop:
        return Shop(on=self.storm.on, url=self.storm.url, port=self.storm.ports[0])

    def _typed(self) -> None:
        command, text = self.chance.choice(_TYPED)
        number = next(self._numbers)
        self.answers[self._shop().from_slack({
            "team_id": TEAM, "channel_id": "C0RETURNS", "user_id": self.chance.choice(("U0ADA", "U0CLEO", "U0NOBODY")),
            "command": command, "text": text, "trigger_id": f"{number}.1", "response_url": "https://hooks.slack.com/x",
        })] += 1

    def _home(self) -> None:
        body = json.dumps({
            "type": "event_callback", "team_id": TEAM, "api_app_id": "A0OPSBELL", "event_id": f"Ev{next(self._numbers)}",
            "event": {"type": "app_home_opened", "user": "U0ADA", "tab": "home", "channel": "D0ADA"},
        }).encode()
        stamp = str(int(self.storm.on.clock.now().timestamp()))
        signed = hmac.new(b"sandbox-slack-signing-secret", b"v0:" + stamp.encode() + b":" + body, hashlib.sha256)
        self.answers[self._post("/slack/events", body, {
            "X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={signed.hexdigest()}",
        })] += 1

    def _stripe(self) -> None:
        body = json.dumps({
            "id": f"evt_soak_{next(self._numbers)}", "object": "event", "type": "refund.updated",
            "data": {"object": {"id": "re_unknown", "object": "refund", "status": "pending", "payment_intent": "pi_0"}},
        }).encode()
        stamp = int(self.storm.on.clock.now().timestamp())
        signed = hmac.new(b"whsec_sandbox", f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
        self.answers[self._post("/webhooks/stripe", body, {"Stripe-Signature": f"t={stamp},v1={signed}"})] += 1

    def _written(self) -> None:
        self.storm.on.post("/control/telegram/send", {"user": "maria", "text": self.chance.choice(_WORDS)})

    def _post(self, path: str, body: bytes, headers: dict[str, str]) -> int:
        named = {"Content-Type": "application/json", **headers}
        try:
            return self.storm.on.ask(self.storm.ports[0], "POST", path, body, named)[0]
        except OSError:
            return 0

    def _read(self) -> Reading:
        (life,) = self.storm.lives
        assert life is not None
        place = Path(f"/proc/{life.pid}")
        pages = int((place / "statm").read_text().split()[1])
        return Reading(
            events=self.events, kilobytes=pages * os.sysconf("SC_PAGE_SIZE") // 1024,
            files=len(list((place / "fd").iterdir())), threads=len(list((place / "task").iterdir())),
        )


def growth(readings: Sequence[Reading]) -> float:
    """Kilobytes for each thousand events, over the later half."""
    late = readings[len(readings) // 2:]
    return 1000 * linear_regression([one.events for one in late], [one.kilobytes for one in late]).slope


def run(kind: str, seconds: float) -> Soak:
    """One desk on an empty database of that kind."""
    warm()
    with ExitStack() as stack:
        if kind == "sqlite":
            server, url = None, stack.enter_context(database(kind))
        else:
            server = stack.enter_context(postgres.own_server())
            url = stack.enter_context(postgres.schema(server.address, "soak"))
        on = stack.enter_context(stage(real_time=True))
        _prepare(url)
        storm = Storm(on, url, server, random.Random(3), (timedelta(),))  # type: ignore[arg-type]  # it is not restarted
        stack.callback(storm.end)
        storm.begin()
        soak = Soak(storm, random.Random(4))
        soak.work(seconds)
        storm.drain()
        storm.judge()
        return soak


def machine() -> Sequence[Figure]:
    """Both databases, half of the time each."""
    return [figure for kind in ("sqlite", "postgresql") for figure in figures_of(kind, run(kind, SECONDS / 2))]


def figures_of(kind: str, soak: Soak) -> list[Figure]:
    """What it took."""
    for line in soak.storm.wrong[:20]:
        print("   " + line)
    late = soak.readings[len(soak.readings) // 2:]
    early, last = soak.readings[len(soak.readings) // 4], soak.readings[-1]
    tried = f"{soak.events:,} events, {len(soak.storm.returns)} approvals, {len(soak.readings)} s"
    slope, odd = growth(soak.readings), {status: n for status, n in soak.answers.items() if status != 200}
    files = max(one.files for one in late) - max(one.files for one in soak.readings[:len(soak.readings) // 2])
    threads = max(one.threads for one in late) - max(one.threads for one in soak.readings[:len(soak.readings) // 2])
    return [
        Figure(
            name=f"everyday work, {kind}: memory", tried=tried,
            found=f"{early.kilobytes // 1024} to {last.kilobytes // 1024} MB; {slope:.0f} KB with each 1,000 events",
            goal=f"at most {_KILOBYTES} KB", met=slope <= _KILOBYTES,
        ),
        Figure(
            name=f"everyday work, {kind}: files and threads more than before", tried=tried,
            found=f"{files} and {threads}, of {last.files} and {last.threads}", goal=f"at most {_FILES} and 1",
            met=files <= _FILES and threads <= 1,
        ),
        Figure(
            name=f"everyday work, {kind}: violations, answers other than 200", tried=tried,
            found=f"{len(soak.storm.wrong)}, {odd or 0}", goal="0, 0", met=not soak.storm.wrong and not odd,
        ),
    ]


if __name__ == "__main__":
    for figure in figures_of(sys.argv[1], run(sys.argv[1], float(sys.argv[2]))):
        print(figure)
