"""What the machines with real processes stand on: one clock, one sandbox process, and lives that are forked and die.

The forking process never has a thread, a loop or a database connection, so its children begin clean. They inherit
everything imported, which makes a start some twenty times faster than that of a fresh interpreter.
"""

from __future__ import annotations

import asyncio
import gc
import http.client
import json
import mmap
import os
import signal
import socket
import struct
import sys
import traceback
import urllib.parse
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox.clock import Clock
from sandbox.server import start
from sandbox.world import Settings as SandboxSettings
from sandbox.world import World
from tests.ports import free_port

START = datetime.fromisoformat("2026-11-23T09:05:00+01:00")


class SharedClock:
    """One clock for all processes: this machine's plus an offset in shared memory that only grows."""

    def __init__(self, begins: datetime = START) -> None:
        self._memory = mmap.mmap(-1, 8)
        self.advance(begins - datetime.now(UTC))

    @property
    def offset(self) -> timedelta:
        return timedelta(microseconds=struct.unpack("q", self._memory[:8])[0])

    def now(self) -> datetime:
        return datetime.now(UTC) + self.offset

    def advance(self, by: timedelta) -> None:
        self._memory[:8] = struct.pack("q", (self.offset + by) // timedelta(microseconds=1))

    def advance_to(self, moment: datetime) -> None:
        """At least that late; sleepers that wake one after the other do not add up."""
        self.advance(max(timedelta(), moment - self.now()))

    async def sleep(self, seconds: float) -> None:
        """Time passes at once, after everybody else had a turn."""
        until = self.now() + timedelta(seconds=seconds)
        await asyncio.sleep(0)
        self.advance_to(until)


class _SandboxClock(Clock):
    def __init__(self, shared: SharedClock) -> None:
        self._shared = shared
        super().__init__()

    @property
    def offset_seconds(self) -> float:
        return self._shared.offset.total_seconds()

    def now(self) -> datetime:
        return self._shared.now()


@dataclass
class Life:
    """A forked process, spoken to in JSON lines."""

    pid: int
    line: socket.socket
    _file: Any = None
    status: int | None = None

    def __post_init__(self) -> None:
        self._file = self.line.makefile("rw", encoding="utf-8")

    def say(self, **words: Any) -> None:
        """Tell it something; nothing happens if it is dead."""
        with suppress(BrokenPipeError, ConnectionResetError):
            self._file.write(json.dumps(words) + "\n")
            self._file.flush()

    def hear(self, seconds: float = 120) -> dict[str, Any] | None:
        """Its next line; None once it is dead. TimeoutError if it neither speaks nor dies."""
        self.line.settimeout(seconds)
        try:
            text = self._file.readline()
        except (ConnectionResetError, BrokenPipeError):
            text = ""
        if not text:
            self.bury()
            return None
        heard: dict[str, Any] = json.loads(text)
        if "broke" in heard:
            self.bury()
            raise RuntimeError(heard["broke"])
        return heard

    def kill(self, sign: int = signal.SIGKILL) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, sign)

    def bury(self) -> int:
        """Wait for its end; the status as of os.waitstatus_to_exitcode."""
        if self.status is None:
            _, status = os.waitpid(self.pid, 0)
            self.status = os.waitstatus_to_exitcode(status)
            with suppress(OSError):
                self._file.close()
            self.line.close()
        return self.status


class Voice:
    """The life's own end of the line."""

    def __init__(self, line: socket.socket) -> None:
        self._socket = line
        self._reader: asyncio.StreamReader | None = None

    def say(self, **words: Any) -> None:
        self._socket.setblocking(True)
        self._socket.sendall(json.dumps(words).encode() + b"\n")
        self._socket.setblocking(False)

    async def hear(self) -> dict[str, Any]:
        if self._reader is None:
            self._socket.setblocking(False)
            self._reader, self._writer = await asyncio.open_connection(sock=self._socket)
        text = await self._reader.readline()
        if not text:
            os._exit(0)  # whoever forked us is gone
        heard: dict[str, Any] = json.loads(text)
        return heard


def fork(work: Callable[[Voice], Coroutine[Any, Any, None]]) -> Life:
    """A new process that runs this and ends; what breaks in it is raised where its lines are heard."""
    here, there = socket.socketpair()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        there.close()
        return Life(pid, here)
    status = 1
    try:
        here.close()
        voice = Voice(there)
        try:
            asyncio.run(work(voice))
            status = 0
        except BaseException:
            there.setblocking(True)
            there.sendall(json.dumps({"broke": traceback.format_exc()}).encode() + b"\n")
    finally:
        os._exit(status)


@dataclass
class Stage:
    """The shared clock and a running sandbox, seen from the forking process."""

    clock: SharedClock
    app_port: int
    sandbox_port: int
    seen: int = 0
    _lives: list[Life] = field(default_factory=list)

    @property
    def sandbox(self) -> str:
        return f"http://127.0.0.1:{self.sandbox_port}"

    def get(self, path: str) -> Any:
        return self.ask(self.sandbox_port, "GET", path)[1]

    def post(self, path: str, body: Any) -> Any:
        return self.ask(self.sandbox_port, "POST", path, json.dumps(body), {"Content-Type": "application/json"})[1]

    def ask(
        self, port: int, method: str, path: str, body: str | bytes | None = None, headers: dict[str, str] | None = None,
        seconds: float = 20,
    ) -> tuple[int, Any]:
        """One request on a connection of its own: status, and the JSON (or text) of the answer; OSError if it broke."""
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=seconds)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            text = answer.read()
        except http.client.HTTPException as error:
            raise ConnectionResetError(str(error)) from error
        finally:
            connection.close()
        try:
            return answer.status, json.loads(text)
        except ValueError:
            return answer.status, text.decode(errors="replace")

    def paid(self, amount: int) -> str:
        """A payment at the sandbox's Stripe; its intent's id."""
        form = {"amount": amount, "currency": "eur", "payment_method": "pm_card_visa", "confirm": "true"}
        status, answer = self.ask(
            self.sandbox_port, "POST", "/stripe/v1/payment_intents", urllib.parse.urlencode(form),
            {"Authorization": "Bearer sk_test_sandbox", "Content-Type": "application/x-www-form-urlencoded"},
        )
        if status != 200:
            raise RuntimeError(answer)
        return str(answer["id"])

    def refunds(self, payment: str) -> list[dict[str, Any]]:
        """What Stripe has refunded on it."""
        found: list[dict[str, Any]] = self.get(f"/control/stripe?payment={payment}")["payment"]["refunds"]
        return found

    def news(self) -> list[dict[str, Any]]:
        """What people see that was added or edited since the last call."""
        told = self.get(f"/control/transcript?changed_after={self.seen}")
        self.seen = told["change"]
        entries: list[dict[str, Any]] = told["entries"]
        return entries


def _noon(now: datetime) -> datetime:
    """The next one: no night, no morning's digest and no change of the clock comes while a machine is at work."""
    today = now.replace(hour=12, minute=5, second=0, microsecond=0)
    return today if today >= now else today + timedelta(days=1)


@contextmanager
def stage(*, real_time: bool = False) -> Iterator[Stage]:
    """A sandbox in a process of its own. ``real_time``: the clock is the machine's own, moved on to the next noon."""
    gc.collect()
    gc.freeze()  # children share these pages, and their collections are quick
    clock = SharedClock(_noon(datetime.now(START.tzinfo)) if real_time else START)
    app_port = free_port()
    life = fork(lambda voice: _sandbox(voice, clock, app_port))
    ready = life.hear()
    if ready is None:
        raise RuntimeError("the sandbox did not start")
    try:
        yield Stage(clock=clock, app_port=app_port, sandbox_port=int(ready["port"]))
    finally:
        life.kill()
        life.bury()


async def _sandbox(voice: Voice, clock: SharedClock, app_port: int) -> None:
    world = World(SandboxSettings(app=f"http://127.0.0.1:{app_port}", enforce_rate_limits=False, patience=0.05))
    world.clock = _SandboxClock(clock)
    world.stripe._fill([])  # the demo shop's own payments take seconds to make
    runner = await start(world)
    voice.say(port=runner.addresses[0][1])
    await asyncio.Event().wait()
