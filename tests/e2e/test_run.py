"""``opsbell run`` itself, on PostgreSQL, by environment variables alone, in HTTP mode and by Socket Mode and polling."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import postgres
from tests.e2e.control import Control
from tests.ports import free_ports

pytestmark = [pytest.mark.timeout(600)]

SHOP = """
[shop]
key = "nordlicht"
name = "Nordlicht Shop"
currency = "EUR"
time_zone = "Europe/Berlin"

[[staff]]
key = "ada"
name = "Ada"
role = "owner"
slack_team = "T0NORDLICHT"
slack_user = "U0ADA"
telegram_user = 2002

[channels.slack]
stock = "C0STOCK"
parcels = "C0PARCELS"
returns = "C0RETURNS"
daily = "C0DAILY"
"""


def _environment(url: str, page: str, app: str, *, by_socket: bool) -> dict[str, str]:
    made = {
        "OPSBELL_DATABASE_URL": url, "OPSBELL_LISTEN": app.removeprefix("http://"), "OPSBELL_PUBLIC_URL": app,
        "OPSBELL_LINK_SECRET": "x" * 40, "OPSBELL_SLACK_BOT_TOKEN": "xoxb-sandbox-bot",
        "OPSBELL_SLACK_SIGNING_SECRET": "sandbox-slack-signing-secret", "OPSBELL_SLACK_BASE_URL": f"{page}/slack/api/",
        "OPSBELL_SLACK_RESPONSE_URL": f"{page}/slack/response/",
        "OPSBELL_TELEGRAM_TOKEN": "7000000001:sandbox-telegram-bot-token-000000000",
        "OPSBELL_TELEGRAM_SECRET": "a-webhook-secret-of-32-characters", "OPSBELL_TELEGRAM_BASE_URL": f"{page}/telegram",
        "OPSBELL_TELEGRAM_MODE": "polling" if by_socket else "webhook", "OPSBELL_STRIPE_KEY": "sk_test_sandbox",
        "OPSBELL_STRIPE_WEBHOOK_SECRET": "whsec_sandbox", "OPSBELL_STRIPE_BASE_URL": f"{page}/stripe",
        "OPSBELL_SHOP_WEBHOOK_SECRET": "whsec_c2FuZGJveC1zaG9wLXNlY3JldC0wMDAwMDAwMDAwMDA=",
        "OPSBELL_CLOCK_URL": f"{page}/control/clock",
    }
    if by_socket:
        made["OPSBELL_SLACK_APP_TOKEN"] = "xapp-sandbox-app"
    return {"PATH": os.environ["PATH"], **made}


def _opsbell(environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bot", *words]
    return subprocess.run(command, env=environment, check=False, capture_output=True, text=True, timeout=180)


@contextmanager
def _started(command: list[str], environment: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("w") as file:
        child = subprocess.Popen(command, env=environment, stdout=file, stderr=file)
        try:
            yield child
        finally:
            child.terminate()
            assert child.wait(90) in (0, -15), log.read_text()


def _until_ready(app: str, log: Path) -> None:
    for _ in range(1800):
        try:
            with urllib.request.urlopen(f"{app}/ready", timeout=2) as answer:
                if answer.status == 200:
                    return
        except OSError:
            pass
        time.sleep(0.1)
    raise AssertionError(log.read_text())


@pytest.mark.parametrize("by_socket", [False, True], ids=["http", "socket-and-polling"])
def test_a_desk_by_environment_alone_on_postgresql(postgres_address: str, tmp_path: Path, by_socket: bool) -> None:
    port, app_port = free_ports(2)
    page, app = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{app_port}"
    with postgres.schema(postgres_address, f"run_{os.getpid()}_{int(by_socket)}") as url:
        environment = _environment(url, page, app, by_socket=by_socket)
        refused = _opsbell(environment, "shop", "apply", "nothing.toml")
        assert refused.returncode == 1
        (tmp_path / "shop.toml").write_text(SHOP)
        old = _opsbell(environment, "shop", "apply", str(tmp_path / "shop.toml"))
        assert "opsbell db upgrade" in old.stderr, "an old schema is refused with what to run"
        assert _opsbell(environment, "db", "upgrade").returncode == 0
        assert _opsbell(environment, "shop", "apply", str(tmp_path / "shop.toml")).returncode == 0
        sandbox = [sys.executable, "-m", "sandbox", "--port", str(port), "--app", app, "--start", "2026-11-23T09:05:00+01:00"]
        with _started(sandbox, {"PATH": os.environ["PATH"]}, tmp_path / "sandbox.log"):
            Control(page).until_up()
            with _started([sys.executable, "-m", "bot", "run"], environment, tmp_path / "run.log"):
                _until_ready(app, tmp_path / "run.log")
                _works(Control(page), app)
                check = _opsbell(environment, "check")
        assert check.returncode == 0, check.stdout + check.stderr
        log = (tmp_path / "run.log").read_text()
        assert [name for name, value in environment.items() if _secret(name) and value in log] == []
        assert "Traceback" not in log


def _secret(name: str) -> bool:
    return name.endswith(("_SECRET", "_TOKEN", "_KEY"))


def _works(control: Control, app: str) -> None:
    control.until(lambda: _answered(control), "an answer in Slack")
    control.say("maria", start="")
    control.until(lambda: [one for one in control.chat("maria") if one["from"] == "bot"], "an answer in Telegram")
    control.say("ada", text="/digest today")
    control.until(lambda: [one for one in control.chat("ada") if "€0.00" in str(one)], "the digest in Telegram")
    control.post("/clock", advance_seconds=24 * 3600)
    control.until(lambda: control.cards("daily", "Nordlicht Shop"), "the morning digest")
    with urllib.request.urlopen(f"{app}/metrics", timeout=60) as answer:
        assert b'opsbell_jobs{state="dead"} 0.0' in answer.read()


def _answered(control: Control) -> bool:
    saw = control.post("/slack/command", user="ada", channel="daily", text="/ops help").get("saw") or []
    return any("What I can do" in one["text"] for one in saw)


def test_a_bad_start_lists_everything_that_is_missing(tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "OPSBELL_DATABASE_URL": f"sqlite:///{tmp_path / 'x.db'}"}
    done = subprocess.run(
        [sys.executable, "-m", "bot", "run"], env=environment, cwd=tmp_path, check=False, capture_output=True, text=True, timeout=180,
    )
    assert done.returncode == 1
    for name in ("OPSBELL_LINK_SECRET", "OPSBELL_SLACK_BOT_TOKEN", "OPSBELL_TELEGRAM_TOKEN", "OPSBELL_STRIPE_KEY", "OPSBELL_SHOP_WEBHOOK_SECRET"):
        assert name in done.stderr
    assert "Traceback" not in done.stderr
