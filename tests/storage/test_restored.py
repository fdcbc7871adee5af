"""A backup put back: letters that may have gone out are looked for, those that are over stay as they are."""

from __future__ import annotations

import sqlalchemy as sa

from storage.restored import doubt_letters
from storage.tables import jobs
from tests.returns.world import World, world_on


def test_open_letters_are_in_doubt_and_nothing_else_is(database_url: str) -> None:
    with world_on(database_url) as world:
        _letters(world)
        open_ = world.desk.query(sa.select(jobs.c.id).where(jobs.c.state == "open", jobs.c.kind.startswith("say.")))
        assert doubt_letters(world.store.engine) == len(open_) == 2
        marked = world.desk.query(sa.select(jobs.c.id).where(jobs.c.sending).order_by(jobs.c.id))
    assert marked == sorted(open_)


def _letters(world: World) -> None:
    world.request(world.order())
    done, *_ = world.desk.query(sa.select(jobs.c.id).where(jobs.c.kind.startswith("say.")))
    world.desk.execute(sa.update(jobs).where(jobs.c.id == done.id).values(state="done"))
    world.request(world.order("1050"), user=1002)
    world.request(world.order("1051"), user=1003)
    with world.begin() as uow:
        uow.outbox.later("learn", {}, once="later", due_at=world.now)
