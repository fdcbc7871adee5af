"""opsbell jobs: what was given up, told without a person's data; opened again or dropped, on record."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from bot.cli import main
from storage.jobs import JobRows
from storage.tables import audit, inbox, jobs
from tests.desk import TestDesk

Cli = Callable[..., tuple[int, Any]]
SECRET = "Maria lives at 12 Elm Street"


@pytest.fixture
def cli(desk: TestDesk, database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    monkeypatch.setenv("OPSBELL_DATABASE_URL", database_url)
    monkeypatch.setenv("OPSBELL_LINK_SECRET", "s" * 32)

    def run(*words: str) -> tuple[int, Any]:
        status = main(["jobs", *words, "--json"])
        told = capsys.readouterr()
        assert SECRET not in told.out + told.err
        return status, json.loads(told.out) if status == 0 else told.err

    return run


def dead(desk: TestDesk, kind: str = "say.telegram", *, in_doubt: bool = False, **payload: Any) -> int:
    """A job of the shop that was given up."""
    with desk.store.engine.begin() as connection:
        rows, now = JobRows(connection, desk.clock.now()), desk.clock.now()
        words = {"address": "4917012345", "message": "refused", "fields": {"sentence": SECRET}, **payload}
        rows.add(key=f"{kind}:{len(payload)}", kind=kind, payload=words, due_at=now, shop_id=desk.shop.id)
        (job,) = rows.claim(kinds=(kind,), owner="x", limit=1, lease=timedelta(seconds=30))
        if in_doubt:
            rows.later(job, at=now, error="cut", in_doubt=True)
            (job,) = rows.claim(kinds=(kind,), owner="x", limit=1, lease=timedelta(seconds=30))
        rows.bury(job, "Telegram refused: chat 4917012345 not found")
        return job.id


def row(desk: TestDesk, job_id: int) -> Any:
    return desk.query(sa.select(jobs).where(jobs.c.id == job_id))[0]


def test_what_was_given_up_is_told_without_words_or_numbers_of_people(desk: TestDesk, cli: Cli) -> None:
    job_id = dead(desk)
    status, told = cli("list")
    (one,) = told["jobs"]
    assert status == 0
    assert (one["id"], one["state"], one["message"], one["attempts"]) == (job_id, "dead", "refused", 1)
    assert (one["address"], one["reason"]) == ("…345", "Telegram refused: chat … not found")
    assert "4917012345" not in json.dumps(told)
    assert cli("list", "--state", "open")[1] == {"jobs": []}
    assert cli("show", str(job_id))[1] == one
    assert cli("show", "999")[0] == 1


@pytest.mark.parametrize("in_doubt", [False, True])
def test_a_dead_letter_is_opened_again_with_its_doubt_and_on_record(desk: TestDesk, cli: Cli, in_doubt: bool) -> None:
    job_id = dead(desk, in_doubt=in_doubt)
    assert cli("retry", str(job_id))[0] == 0
    found = row(desk, job_id)
    assert (found.state, found.attempts, found.sending, found.done_at) == ("open", 0, in_doubt, None)
    (line,) = desk.query(sa.select(audit).where(audit.c.action == "job.retried"))
    assert (line.subject, line.detail["job"], line.actor[:4]) == ("refused", job_id, "cli:")
    status, told = cli("retry", str(job_id))
    assert (status, "only a dead one" in told) == (1, True)


def test_a_settled_refund_is_never_opened_again(desk: TestDesk, cli: Cli) -> None:
    job_id = dead(desk, "refund", refund="gone")
    status, told = cli("retry", str(job_id))
    assert (status, "settled already" in told, row(desk, job_id).state) == (1, True, "dead")


def test_an_event_that_was_given_up_is_worked_off_again(desk: TestDesk, cli: Cli) -> None:
    desk.execute(sa.insert(inbox).values(
        source="shop", key="1", heard_at=desk.clock.now(), body=b"{}", headers={}, worked_at=desk.clock.now(), error="x"
    ))
    (kept,) = desk.query(sa.select(inbox.c.id))
    assert cli("retry", str(dead(desk, "learn", inbox=kept.id)))[0] == 0
    assert desk.query(sa.select(inbox.c.worked_at, inbox.c.error)) == [(None, None)]


def test_dropping_needs_a_reason_and_leaves_it_on_record(desk: TestDesk, cli: Cli) -> None:
    job_id = dead(desk)
    assert cli("drop", str(job_id), "--reason", "  ")[0] == 1
    assert cli("drop", str(job_id), "--reason", "the chat is gone")[0] == 0
    assert (row(desk, job_id).state, row(desk, job_id).error) == ("dropped", "the chat is gone")
    (line,) = desk.query(sa.select(audit).where(audit.c.action == "job.dropped"))
    assert line.detail["reason"] == "the chat is gone"
    assert cli("drop", str(job_id), "--reason", "again")[0] == 1


def test_what_is_under_way_cannot_be_dropped(desk: TestDesk, cli: Cli) -> None:
    with desk.store.engine.begin() as connection:
        rows = JobRows(connection, desk.clock.now())
        rows.add(key="a", kind="say.slack", payload={}, due_at=desk.clock.now())
        (job,) = rows.claim(kinds=("say.slack",), owner="x", limit=1, lease=timedelta(seconds=30))
    assert cli("drop", str(job.id), "--reason", "x")[0] == 1
    assert row(desk, job.id).state == "open"


def test_a_schedule_goes_on_by_itself(desk: TestDesk, cli: Cli) -> None:
    assert cli("retry", str(dead(desk, "fire", name="stock")))[0] == 1
