"""The trail from the command line: every deletion, change and move is found; customers are given out and taken out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from bot.cli import main
from domain.people import Actor
from domain.privacy import sweep_privacy
from domain.returns import ApproveReturn, DeclineReturn
from storage.tables import audit, audit_heads, customers, inbox, jobs, orders, returns
from tests.returns.world import World, world_on

SECRET = "s" * 32


@dataclass
class Trail:
    world: World
    url: str

    def verify(self, *more: str) -> int:
        return main(["audit", "verify", "--shop", "nordlicht", *more])


@pytest.fixture
def trail(tmp_path: Path, migrated_file: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Trail]:
    path = tmp_path / "opsbell.db"
    path.write_bytes(migrated_file.read_bytes())
    monkeypatch.setenv("OPSBELL_DATABASE_URL", f"sqlite:///{path}")
    monkeypatch.setenv("OPSBELL_LINK_SECRET", SECRET)
    monkeypatch.chdir(tmp_path)
    with world_on(f"sqlite:///{path}") as world:
        yield Trail(world, f"sqlite:///{path}")


def _lines(trail: Trail, count: int = 5) -> None:
    with trail.world.begin() as uow:
        for number in range(count):
            uow.record(Actor(identity="cli:x"), "note.made", f"N-{number}", {"number": number, "word": "Grüße"})


def _end(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().out.rsplit(" ", 1)[1].strip().rstrip(".")


def test_a_whole_trail_is_said_to_be_whole(trail: Trail, capsys: pytest.CaptureFixture[str]) -> None:
    assert trail.verify() == 0
    _lines(trail)
    assert trail.verify() == 0
    assert "5 lines" in capsys.readouterr().out


@pytest.mark.parametrize("place", [1, 3, 5])
@pytest.mark.parametrize("column", [one.name for one in audit.columns if one.name not in {"id", "shop_id"}])
def test_each_changed_column_of_each_line_is_found(
    trail: Trail, capsys: pytest.CaptureFixture[str], place: int, column: str
) -> None:
    _lines(trail)
    (row,) = trail.world.desk.query(sa.select(audit).where(audit.c.id == place))
    value = getattr(row, column)
    other: Any = {"number": 99} if column == "detail" else value.replace(year=2020) if column == "at" else f"{value}x"
    trail.world.desk.execute(sa.update(audit).where(audit.c.id == place).values({column: other}))
    assert trail.verify() == 1
    said = capsys.readouterr().err
    assert f"Line {place} " in said or (column == "hash" and f"Line {place + 1} " in said) or "ends at" in said


@pytest.mark.parametrize("gone", [[1], [3], [5], [4, 5], [1, 2, 3, 4, 5]], ids=str)
def test_each_deletion_is_found_also_at_the_end_and_of_the_whole(trail: Trail, gone: list[int]) -> None:
    _lines(trail)
    trail.world.desk.execute(sa.delete(audit).where(audit.c.id.in_(gone)))
    assert trail.verify() == 1
    _lines(trail, 2)
    assert trail.verify() == 1, "what was cut off is not healed by what is written afterwards"


def test_two_lines_in_each_others_place_are_found(trail: Trail) -> None:
    _lines(trail)
    for old, new in ((2, 99), (3, 2), (99, 3)):
        trail.world.desk.execute(sa.update(audit).where(audit.c.id == old).values(id=new))
    assert trail.verify() == 1


def test_the_sealed_end_cannot_be_taken_away_or_made(trail: Trail, capsys: pytest.CaptureFixture[str]) -> None:
    _lines(trail)
    (head,) = trail.world.desk.query(sa.select(audit_heads))
    (fourth,) = trail.world.desk.query(sa.select(audit.c.hash).where(audit.c.id == 4))
    trail.world.desk.execute(sa.delete(audit).where(audit.c.id == 5))
    trail.world.desk.execute(sa.update(audit_heads).values(lines=4, hash=fourth.hash, mac=head.mac))
    assert trail.verify() == 1
    assert "sealed end" in capsys.readouterr().err
    trail.world.desk.execute(sa.delete(audit_heads))
    assert trail.verify() == 1


def test_an_older_end_put_back_whole_is_found_by_what_the_digest_said(
    trail: Trail, capsys: pytest.CaptureFixture[str]
) -> None:
    _lines(trail, 3)
    (early,) = trail.world.desk.query(sa.select(audit_heads))
    _lines(trail, 2)
    trail.verify()
    anchor = _end(capsys)
    assert trail.verify("--anchor", anchor) == 0
    trail.world.desk.execute(sa.delete(audit).where(audit.c.id > 3))
    trail.world.desk.execute(sa.update(audit_heads).values(**early._mapping))
    assert trail.verify() == 0, "nothing in the database can tell"
    assert trail.verify("--anchor", anchor) == 1
    trail.world.later(seconds=1)
    _lines(trail, 4)
    assert trail.verify("--anchor", anchor) == 1, "nor after new lines were written"
    assert main(["audit", "verify", "--shop", "nordlicht", "--anchor", "nonsense"]) == 1


def test_the_list_tells_who_did_what_and_when(trail: Trail, capsys: pytest.CaptureFixture[str]) -> None:
    trail.world.request(trail.world.order())
    trail.world.run(ApproveReturn(return_number="R-318", version=1), "ada")
    assert main(["audit", "list", "--shop", "nordlicht", "--about", "R-318", "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["actor"], line["action"]) for line in lines] == [
        ("telegram:1001", "return.requested"), ("staff:ada", "return.approved"),
    ]
    assert lines[1]["detail"]["amount_minor"] == 3800
    assert main(["audit", "list", "--shop", "nordlicht", "--since", "2030-01-01T00:00"]) == 0
    assert capsys.readouterr().out == ""


def test_without_the_secret_nothing_is_checked(
    trail: Trail, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("OPSBELL_LINK_SECRET")
    assert trail.verify() == 1
    assert "OPSBELL_LINK_SECRET" in capsys.readouterr().err


def _maria(trail: Trail) -> None:
    world = trail.world
    order = world.order(customer="maria-7")
    world.desk.execute(sa.update(customers).values(email="maria@example.com"))
    world.link("maria-7", 1001)
    world.request(order)
    world.desk.execute(sa.update(returns).values(note="It broke. My number is +49 151 0000 1001"))
    for body in (
        b'{"update_id":1,"message":{"from":{"id":1001,"first_name":"M"},"text":"hello"}}',
        b'{"type":"order.placed","data":{"customer":{"external_id":"maria-7","email":"maria@example.com"}}}',
        b'{"type":"order.placed","data":{"customer":{"external_id":"other"}}}',
    ):
        world.desk.execute(
            sa.insert(inbox).values(
                source="telegram" if b"update_id" in body else "shop", key=str(len(body)), heard_at=world.now, body=body, headers={}, worked_at=world.now
            )
        )


def _everything(trail: Trail) -> str:
    """Every cell of the database as text."""
    found = []
    for table in sa.inspect(trail.world.store.engine).get_table_names():
        for row in trail.world.desk.query(sa.text(f'SELECT * FROM "{table}"')):
            found.append(f"{table}: {tuple(row)!r}")
    return "\n".join(found)


CANARIES = ("Maria", "Silva", "maria@example.com", "maria-7", "151 0000 1001", "photo-1", '"id":1001')


def test_an_open_return_is_not_erased_over(trail: Trail, capsys: pytest.CaptureFixture[str]) -> None:
    _maria(trail)
    assert main(["customer", "erase", "maria-7", "--shop", "nordlicht", "--yes"]) == 1
    assert "R-318 is still open" in capsys.readouterr().err


def test_erasing_leaves_figures_and_a_whole_trail_and_nothing_else(
    trail: Trail, capsys: pytest.CaptureFixture[str]
) -> None:
    _maria(trail)
    trail.world.run(DeclineReturn(return_number="R-318", version=1, reason="Maria, the window is over"), "ada")
    trail.world.desk.execute(sa.update(jobs).values(state="done"))
    before = _everything(trail)
    assert all(canary in before for canary in CANARIES)
    assert main(["customer", "export", "maria-7", "--shop", "nordlicht"]) == 0
    document = capsys.readouterr().out
    assert all(canary in document for canary in ("Maria Silva", "maria@example.com", "151 0000 1001", "photo-1"))
    held = json.loads(document)
    assert {name: len(held[name]) for name in ("orders", "returns", "events", "payments")} == {
        "orders": 1, "returns": 1, "events": 2, "payments": 1,
    }
    assert main(["customer", "erase", "maria-7", "--shop", "nordlicht", "--yes"]) == 0
    left = _everything(trail)
    assert [line for line in left.splitlines() if any(canary in line for canary in CANARIES)] == []
    assert "other" in left, "somebody else's event stays"
    (order,) = trail.world.desk.query(sa.select(orders.c.number, orders.c.total_minor))
    assert (order.number, order.total_minor) == ("1042", 10_000)
    assert trail.verify() == 0
    newest = trail.world.outbox("return_card")[-1]["fields"]
    assert isinstance(newest, dict)
    assert newest["customer"] == "Customer erased:1", "the card is drawn anew without the name"


def test_what_the_policy_no_longer_keeps_is_forgotten_in_small_batches(trail: Trail) -> None:
    _maria(trail)
    trail.world.desk.execute(sa.update(jobs).values(state="done"))
    trail.world.later(days=91)
    with trail.world.begin() as uow:
        sweep_privacy(uow)
    assert [row.body for row in trail.world.desk.query(sa.select(inbox.c.body))] == [b"", b"", b""]
    assert len({row.key for row in trail.world.desk.query(sa.select(inbox.c.key))}) == 3, "keys stay"
    assert "Maria" in _everything(trail)
    trail.world.later(days=275)
    with trail.world.begin() as uow:
        sweep_privacy(uow)
    assert all(row.payload == {"erased": True} for row in trail.world.desk.query(sa.select(jobs.c.payload)))
