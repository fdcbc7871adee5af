"""The demo, driven over the sandbox's control API as an outside check would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.ports import free_ports

Entry = dict[str, Any]


class Refused(Exception):
    """The control API said no."""


class Control:
    """Verbs of the control API."""

    def __init__(self, page: str) -> None:
        self.page = page

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(self.page + path, timeout=60) as answer:
            return json.load(answer)

    def post(self, path: str, **body: Any) -> Any:
        request = urllib.request.Request(
            self.page + "/control" + path, json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise Refused(error.read().decode()) from None

    def command(self, user: str, channel: str, text: str) -> list[Entry]:
        return self.post("/slack/command", user=user, channel=channel, text=text)["saw"]

    def press(self, user: str, channel: str, entry: Entry, label: str, **more: Any) -> Any:
        return self.post("/slack/press", user=user, channel=channel, ts=entry["ts"], label=label, **more)

    def submit(self, user: str, view_id: str, **values: str) -> Any:
        return self.post("/slack/submit", user=user, view_id=view_id, values=values)

    def say(self, user: str, **what: Any) -> list[Entry]:
        return self.post("/telegram/send", user=user, **what)["saw"]

    def tap(self, user: str, label: str) -> list[Entry]:
        """Press a button once it is there."""
        self.until(lambda: label in self.labels(user), f"the button {label!r} in {user}'s chat")
        return self.post("/telegram/press", user=user, label=label)["saw"]

    def labels(self, user: str) -> list[str]:
        """What can be pressed in a chat, oldest first."""
        return [button["label"] for one in self.chat(user) for button in one["buttons"]]

    def label(self, user: str, *parts: str) -> str:
        """The newest button that carries one of the parts, once it is there."""
        return self.until(
            lambda: next((one for one in reversed(self.labels(user)) if any(part in one for part in parts)), None),
            f"a button with one of {parts} in {user}'s chat",
        )

    def happens(self, event: str, **parameters: Any) -> Any:
        return self.post("/shop/event", event=event, **parameters)

    def transcript(self) -> list[Entry]:
        return self.get("/control/transcript")["entries"]

    def channel(self, name: str) -> list[Entry]:
        return [
            one for one in self.transcript()
            if one["platform"] == "slack" and one["kind"] == "message" and one["channel_name"] == name and not one["ephemeral_to"]
        ]

    def cards(self, channel: str, part: str) -> list[Entry]:
        return [one for one in self.channel(channel) if part in one["text"] and not one["thread_ts"]]

    def thread(self, card: Entry) -> list[Entry]:
        return [one for one in self.channel(card["channel_name"]) if one["thread_ts"] == card["ts"]]

    def chat(self, user: str) -> list[Entry]:
        return [one for one in self.transcript() if one["platform"] == "telegram" and one["kind"] == "message" and one["user"] == user]

    def until(self, found: Callable[[], Any], what: str, seconds: float = 60) -> Any:
        """The first truthy value; delivery paces itself, so a moment may pass."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if value := found():
                return value
            time.sleep(0.1)
        raise AssertionError(f"{what} never came; last: {[(one.get('channel_name') or one.get('user'), one.get('text')) for one in self.transcript()[-8:]]}")

    def until_up(self) -> None:
        """Until the sandbox answers."""
        for _ in range(600):
            with suppress(OSError):
                self.get("/control/clock")
                return
            time.sleep(0.1)
        raise AssertionError("the sandbox did not come up in a minute")

    def reset(self) -> None:
        """As at the start. The desk begins anew too: it is up once it has told Telegram where it is."""
        self.post("/reset")
        self.until(
            lambda: [call for call in self.get("/control/calls?platform=telegram")["calls"] if call["name"] in {"setWebhook", "deleteWebhook"}],
            "the desk after the reset",
        )


@contextmanager
def demo(folder: Path, *flags: str, start: str = "2026-11-23T09:05:00+01:00") -> Iterator[tuple[Control, int]]:
    """``opsbell demo``, up; and its own port."""
    port, app_port = free_ports(2)
    command = [sys.executable, "-m", "bot", "demo", "--port", str(port), "--app-port", str(app_port), "--folder", str(folder), "--start", start, *flags]
    log = (folder.parent / f"{folder.name}.log").open("w+")
    child = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, "PYTHONUNBUFFERED": "1"})
    try:
        _wait(child, Path(log.name))
        yield Control(f"http://127.0.0.1:{port}"), app_port
    finally:
        child.terminate()
        child.wait(90)
        log.close()


def _wait(child: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(3600):
        if "Opsbell is up" in log.read_text():
            return
        if child.poll() is not None:
            raise AssertionError(f"the demo did not start:\n{log.read_text()}")
        time.sleep(0.1)
    raise AssertionError(f"the demo was not up in six minutes:\n{log.read_text()}")
