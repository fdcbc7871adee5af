"""What is rehearsed leaves no trace, on either database, and what it raises is raised."""

from __future__ import annotations

import pytest

from domain.errors import Conflict
from domain.jobs import Transaction
from tests.desk import TestDesk


async def test_a_rehearsal_leaves_no_trace_and_what_follows_it_stays(desk: TestDesk) -> None:
    def whole(transaction: Transaction) -> None:
        def write(key: str) -> None:
            transaction.jobs.add(key=key, kind="say.paper", payload={}, due_at=transaction.now)

        def refused() -> None:
            write("refused")
            raise Conflict("no")

        write("before")
        transaction.rehearse(lambda: write("rehearsed"))
        with pytest.raises(Conflict):
            transaction.rehearse(refused)
        write("after")

    await desk.store.write(whole)
    assert [row.key for row in desk.outbox_rows()] == ["before", "after"]
