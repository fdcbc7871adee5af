"""An event and the job that works it off: the same two rows on both databases, whatever the statements."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from domain.jobs import FINAL_WITHIN, Transaction
from storage.jobs import NEW_WORK, JobRows
from storage.tables import inbox, jobs
from storage.unit_of_work import StoreTransaction
from tests.desk import START, TestDesk


def transaction(desk: TestDesk, connection: sa.Connection) -> Transaction:
    return StoreTransaction(store=desk.store, connection=connection, now=START)


def test_an_event_is_kept_with_a_job_that_looks_like_any_other(desk: TestDesk) -> None:
    with desk.store.engine.begin() as connection:
        one = transaction(desk, connection)
        assert one.inbox.keep("stripe", "evt_1", b"\x00body", headers={"topic": "it's"}, lane="learn:stripe:pi_1")
        assert one.inbox.keep("shop", "evt_1", b"", shop_id=desk.shop.id)
        assert connection.info.pop(NEW_WORK) == {"learn"}
        assert not one.inbox.keep("stripe", "evt_1", b"another body", lane="another")
        assert NEW_WORK not in connection.info, "nothing new: nobody is woken"
    first, second = desk.query(sa.select(inbox).order_by(inbox.c.id))
    assert first._asdict() == {
        "id": first.id, "shop_id": None, "source": "stripe", "key": "evt_1", "heard_at": START, "body": b"\x00body",
        "headers": {"topic": "it's"}, "worked_at": None, "error": None,
    }
    assert (second.source, second.key, second.shop_id) == ("shop", "evt_1", desk.shop.id)
    with desk.store.engine.begin() as connection:
        assert JobRows(connection, START).add(
            key="plain", kind="learn", payload={"inbox": first.id}, due_at=START, lane="learn:stripe:pi_1"
        )
    of_stripe, of_shop, plain = desk.query(sa.select(jobs).order_by(jobs.c.id))
    assert of_stripe._asdict() == {**plain._asdict(), "id": of_stripe.id, "key": "learn:stripe:evt_1"}
    assert of_stripe.final_by == START + FINAL_WITHIN["learn"]
    assert (of_shop.payload, of_shop.shop_id) == ({"inbox": second.id}, desk.shop.id)
    assert of_shop.lane == "job:learn:shop:evt_1"


def test_an_event_whose_row_was_pruned_before_its_job_is_kept_and_not_worked_off_twice(desk: TestDesk) -> None:
    with desk.store.engine.begin() as connection:
        assert transaction(desk, connection).inbox.keep("stripe", "evt_1", b"")
    desk.execute(sa.delete(inbox))
    with desk.store.engine.begin() as connection:
        connection.info.pop(NEW_WORK, None)
        later = StoreTransaction(store=desk.store, connection=connection, now=START + timedelta(days=91))
        assert later.inbox.keep("stripe", "evt_1", b"")
        assert NEW_WORK not in connection.info
    assert len(desk.query(sa.select(jobs))) == 1
