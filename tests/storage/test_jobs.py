"""Jobs on real rows: one holder for a job, one job of a lane at a time, whatever the clocks and whoever dies."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import timedelta

import pytest
import sqlalchemy as sa

from domain.jobs import Job, Lane
from storage.database import is_sqlite
from storage.jobs import JobRows
from storage.tables import jobs
from tests.desk import START, Clock, TestDesk

LEASE = timedelta(seconds=30)


def add(desk: TestDesk, key: str, *, lane: str = "", kind: str = "say.slack") -> None:
    with desk.store.engine.begin() as connection:
        JobRows(connection, desk.clock.now()).add(key=key, kind=kind, payload={}, due_at=START, lane=lane)


def claim(desk: TestDesk, owner: str = "one", *, limit: int = 10, abandoned: bool = True) -> list[Job]:
    with desk.store.engine.begin() as connection:
        rows = JobRows(connection, desk.clock.now())
        return list(rows.claim(kinds=("say.slack",), owner=owner, limit=limit, lease=LEASE, abandoned=abandoned))


def keys(claimed: list[Job]) -> list[str]:
    return [job.key for job in claimed]


def test_a_lane_gives_its_oldest_job_and_the_next_only_after_it(desk: TestDesk) -> None:
    for key in "abc":
        add(desk, key, lane="chat")
    add(desk, "z", lane="other")
    (head, other) = claim(desk)
    assert (head.key, other.key) == ("a", "z")
    assert not claim(desk, "two")
    with desk.store.engine.begin() as connection:
        assert JobRows(connection, desk.clock.now()).done(head)
    assert keys(claim(desk, "two")) == ["b"]


def test_what_ran_out_comes_again_one_at_a_time_with_its_attempt_counted(desk: TestDesk) -> None:
    for key in "abc":
        add(desk, key)
    assert [(job.attempts, job.abandoned) for job in claim(desk)] == [(1, False)] * 3
    assert not claim(desk, "two")
    desk.clock.move(seconds=31)
    add(desk, "fresh")
    assert keys(claim(desk, "two", abandoned=False)) == ["fresh"]
    for key in "abc":
        assert [(job.key, job.attempts, job.abandoned) for job in claim(desk, "two")] == [(key, 2, True)]


def test_only_the_holder_of_this_very_lease_settles(desk: TestDesk) -> None:
    add(desk, "a")
    (late,) = claim(desk, "one")
    desk.clock.move(seconds=31)
    (holder,) = claim(desk, "one")
    for settle in (
        lambda rows: rows.done(late), lambda rows: rows.bury(late, "x"),
        lambda rows: rows.later(late, at=START, error="x", in_doubt=False),
    ):
        with desk.store.engine.begin() as connection:
            assert not settle(JobRows(connection, desk.clock.now()))
    with desk.store.engine.begin() as connection:
        assert JobRows(connection, desk.clock.now()).done(holder)


def test_a_lease_that_ran_out_starts_nothing_though_nobody_took_it(desk: TestDesk) -> None:
    add(desk, "a")
    claimed = claim(desk, "one")
    for seconds, ours in ((29, {claimed[0].id}), (2, set())):
        desk.clock.move(seconds=seconds)
        with desk.store.engine.begin() as connection:
            assert JobRows(connection, desk.clock.now()).mark_sending(claimed) == ours


def test_kinds_of_another_version_are_left_open(desk: TestDesk) -> None:
    add(desk, "a", kind="say.pigeon")
    assert not claim(desk)
    assert [row.state for row in desk.outbox_rows()] == ["open"]


def test_no_two_claimers_ever_hold_two_jobs_of_one_lane(desk: TestDesk) -> None:
    """Also where a job with a lower number is committed after a higher one was claimed."""
    if is_sqlite(desk.store.engine):
        pytest.skip("one writer: there are no two claimers")
    lanes, each = [f"lane{number}" for number in range(6)], 25
    faults, done, stop = list[str](), Counter[str](), threading.Event()
    in_hand, guard = Counter[str](), threading.Lock()

    def writer(part: int) -> None:
        for number in range(each):
            with desk.store.engine.begin() as connection:
                for lane in lanes:  # every transaction writes into every lane, so that numbers and commits cross
                    JobRows(connection, START).add(
                        key=f"{lane}/{part}/{number}", kind="say.slack", payload={}, due_at=START, lane=lane
                    )

    def claimer(name: str) -> None:
        while not stop.is_set():
            with desk.store.engine.begin() as connection:
                held = JobRows(connection, START).claim(kinds=("say.slack",), owner=name, limit=4, lease=LEASE)
            with guard:
                in_hand.update(job.lane for job in held)
                faults.extend(lane for lane, count in in_hand.items() if count > 1)
            for job in held:
                with guard:
                    in_hand[job.lane] -= 1
                with desk.store.engine.begin() as connection:
                    if not JobRows(connection, START).done(job):
                        faults.append(f"lost {job.key}")
                with guard:
                    done[job.key] += 1
            with guard:
                if sum(done.values()) >= len(lanes) * each * 2:
                    stop.set()

    threads = [threading.Thread(target=writer, args=(part,)) for part in range(2)]
    threads += [threading.Thread(target=claimer, args=(f"claimer{number}",)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    stop.set()
    assert not faults
    assert len(done) == len(lanes) * each * 2
    assert set(done.values()) == {1}


def test_two_heads_of_a_lane_that_are_seen_at_once_are_claimed_by_one(desk: TestDesk) -> None:
    """The job with the lower number is committed between two claims, of which the first is not committed yet."""
    if is_sqlite(desk.store.engine):
        pytest.skip("one writer: there are no two claimers")

    def put(connection: sa.Connection, key: str) -> None:
        JobRows(connection, START).add(key=key, kind="say.slack", payload={}, due_at=START, lane="lane")

    def head(connection: sa.Connection, owner: str) -> list[str]:
        claimed = JobRows(connection, START).claim(kinds=("say.slack",), owner=owner, limit=4, lease=LEASE)
        return [job.key for job in claimed]

    engine = desk.store.engine
    with engine.connect() as slow, engine.connect() as first, engine.connect() as second:
        with slow.begin():
            put(slow, "elder")
            with engine.begin() as quick:
                put(quick, "younger")
            first.begin()
            assert head(first, "one") == ["younger"]
        with second.begin():
            assert head(second, "two") == []
        first.commit()
        with second.begin():
            assert head(second, "two") == [], "its lane is busy"


def test_the_later_committed_elder_waits_until_its_lane_is_free(desk: TestDesk) -> None:
    """The race of the test above, step by step."""
    if is_sqlite(desk.store.engine):
        pytest.skip("one writer: numbers and commits never cross")
    with desk.store.engine.connect() as slow:
        transaction = slow.begin()
        JobRows(slow, START).add(key="elder", kind="say.slack", payload={}, due_at=START, lane="chat")
        add(desk, "younger", lane="chat")
        assert keys(claim(desk, "one")) == ["younger"]
        transaction.commit()
    assert not claim(desk, "two"), "the lane has a letter under way"
    desk.clock.move(seconds=31)
    assert keys(claim(desk, "two")) == ["elder"]


def test_lanes_are_moved_by_one_transaction_after_the_other(desk: TestDesk) -> None:
    gap, turns = timedelta(seconds=1), 40

    def take() -> None:
        for _ in range(turns // 4):
            with desk.store.engine.begin() as connection:
                rows = JobRows(connection, START)
                free = rows.lanes(["all", "chat"])
                rows.move_lanes({key: lane.free_at + gap for key, lane in free.items()})

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    with desk.store.engine.begin() as connection:
        end = Lane(free_at=START + turns * gap)
        assert JobRows(connection, START).lanes(["all", "chat"]) == {"all": end, "chat": end}


async def test_replicas_ten_minutes_apart_hold_a_job_one_after_the_other(desk: TestDesk) -> None:
    """By the server's clock, whatever their own say."""
    if is_sqlite(desk.store.engine):
        pytest.skip("one process, one clock")
    from storage.unit_of_work import Store

    def replica(minutes: int) -> Store:
        clock = Clock(START + timedelta(minutes=minutes))
        return Store(engine=desk.store.engine, now=clock.now, new_id=str, secret=b"", by_server=True)

    early, late = replica(-10), replica(10)

    def claimed(store: Store, owner: str) -> object:
        return store.write(lambda one: one.jobs.claim(kinds=("say.slack",), owner=owner, limit=9, lease=LEASE))

    def time_passes() -> None:
        """For the server, whose clock nobody can move: what was leased is nearer to its end."""
        [row] = desk.query(sa.select(jobs.c.leased_until))
        desk.execute(sa.update(jobs).values(leased_until=row.leased_until - timedelta(seconds=20)))

    await late.write(lambda one: one.jobs.add(key="a", kind="say.slack", payload={}, due_at=one.now))
    (first,) = await claimed(early, "early")  # type: ignore[misc]
    assert not await claimed(late, "late"), "its clock says that the lease ran out long ago"  # type: ignore[misc]
    time_passes()
    assert not await claimed(late, "late"), "there are ten seconds left"  # type: ignore[misc]
    time_passes()
    again = await claimed(late, "late")  # type: ignore[misc]
    assert again[0].abandoned
    assert not await early.write(lambda one: one.jobs.done(first))
    assert await late.write(lambda one: one.jobs.done(again[0]))
    for store in (early, late):
        store._writers.shutdown()


def test_a_claim_costs_the_same_however_long_the_queue(desk: TestDesk) -> None:
    """The plan reads by an index, never the whole table."""
    engine = desk.store.engine
    if is_sqlite(engine):
        seen = list[str]()
        with engine.begin() as connection:
            sa.event.listen(connection, "before_cursor_execute", lambda *a: seen.append(a[2]))
            JobRows(connection, START).claim(kinds=("say.slack",), owner="x", limit=5, lease=LEASE)
        with engine.connect() as connection:
            select = next(one for one in seen if one.lstrip().startswith("SELECT"))
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {select}", (0,) * select.count("?")).all()
        assert not [row.detail for row in plan if row.detail.startswith("SCAN jobs") and "USING INDEX" not in row.detail]


def test_a_key_is_written_once_for_ever(desk: TestDesk) -> None:
    add(desk, "a")
    (job,) = claim(desk)
    with desk.store.engine.begin() as connection:
        assert JobRows(connection, START).done(job)
    add(desk, "a")
    assert [row.state for row in desk.query(sa.select(jobs.c.state))] == ["done"]


