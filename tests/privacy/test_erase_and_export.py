"""Given out is what speaks of one person and nobody else; taken out is all of it, and nothing of anybody else."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from domain.answers import Refused
from domain.customers import Customer
from domain.errors import NotFound, RuleBroken
from domain.messages import Chat, Letter
from domain.privacy import erase_customer, export_customer, find_customer
from domain.returns import DeclineReturn, ListReturns
from storage.tables import buttons, customers, inbox, jobs, staff
from storage.traces import StoredEvent, Traces
from tests.returns.world import World

MARIA, ANN = "17", "1042-b"
MARIAS_ORDER, ANNS_ORDER = "1042", "17"  # the one's order has the number of the other's key


@pytest.fixture
def two(world: World) -> World:
    """Maria Silva and Mari Silvano: the names of the one within the names of the other."""
    maria = world.order(MARIAS_ORDER, customer=MARIA)
    ann = world.order(ANNS_ORDER, customer=ANN, phone="+49 151 0000 10019")
    for key, name, email in ((MARIA, "Mari Silva", "mari@example.com"), (ANN, "Mari Silvano", "ann.mari@example.com")):
        of_one = sa.update(customers).where(customers.c.external_id == key)
        world.desk.execute(of_one.values(name=name, email=email))
    world.link(MARIA, 1001)
    world.link(ANN, 10017, "+49 151 0000 10019")
    world.request(maria)
    world.request(ann, user=10017)
    return world


def over(world: World) -> None:
    """Both returns are decided, and every message has gone out."""
    for number in ("R-318", "R-319"):
        world.run(DeclineReturn(return_number=number, version=1, reason=f"{number}: the window is over"), "ada")
    world.desk.execute(sa.update(jobs).values(state="done"))


def heard(world: World, source: str, key: str, body: dict[str, Any] | bytes, **more: Any) -> None:
    """An event, worked off."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    row = {"heard_at": world.now, "headers": {}, "worked_at": world.now, **more}
    world.desk.execute(sa.insert(inbox).values(source=source, key=key, body=raw, **row))


def exported(world: World, key: str) -> dict[str, Any]:
    with world.begin() as uow:
        return export_customer(key, "cli:test", uow)


def erased(world: World, key: str) -> None:
    with world.begin() as uow:
        erase_customer(key, "cli:test", uow)


def everything(world: World, *but: str) -> str:
    """Every cell of the database as text."""
    tables = [name for name in sa.inspect(world.store.engine).get_table_names() if name not in but]
    return "\n".join(
        f"{table}: {tuple(row)!r}" for table in tables for row in world.desk.query(sa.text(f'SELECT * FROM "{table}"'))
    )


def test_a_shops_key_is_never_taken_for_our_own_number(two: World) -> None:
    with two.begin() as uow:
        maria = find_customer(MARIA, uow)
        ann = find_customer(ANN, uow)
        for one in (maria, ann):
            assert find_customer(f"customer:{one.id}", uow) == one
        with pytest.raises(NotFound):
            find_customer(str(ann.id), uow)
        with pytest.raises(NotFound):
            find_customer("customer:x", uow)


def test_nothing_of_another_customer_is_given_out(two: World) -> None:
    answer = two.run(ListReturns(), "ada")
    with two.begin() as uow:
        listed = uow.outbox.stamp(answer, "slack:T0/U0ADA")
        uow.outbox.whisper(Chat(platform="slack", address="C0RETURNS"), listed, to="U0ADA", once="list")
    over(two)
    heard(two, "shop", "1", {"shop": "nordlicht", "data": {"number": ANNS_ORDER, "customer": {
        "external_id": ANN, "name": "Mari Silvano", "email": "ann.mari@example.com", "phone": "+49 151 0000 10019"}}})
    heard(two, "shop", "2", {"shop": "nordlicht", "data": {"number": MARIAS_ORDER, "customer": {
        "external_id": MARIA, "name": "Mari Silva", "email": "Mari@Example.com"}}})
    heard(two, "shop", "3", {"shop": "another", "data": {"customer": {"external_id": MARIA, "name": "Somebody Else"}}})
    heard(two, "telegram", "4", {"update_id": 4, "message": {"from": {"id": 1001}, "chat": {"id": 1001}, "text": "mine"}})
    heard(two, "telegram", "5", {"update_id": 5, "message": {"from": {"id": 10017}, "text": "Ann's own, about 1001"}})
    heard(two, "shopify", "6", {"id": 1001, "email": "ann.mari@example.com", "line_items": [{"id": 1001, "sku": "17"}]},
          headers={"shop": "nordlicht"})
    held = exported(two, MARIA)
    assert [json.loads(one["body"]).get("update_id", "order") for one in held["events"]] == ["order", 4]
    assert any(one["payload"].get("message") == "return_card" for one in held["messages"])
    assert any(one["payload"].get("message") == "return_declined" for one in held["messages"])
    labels = [button["label"] for one in held["messages"] for button in one["payload"].get("buttons", ())]
    assert any(label.startswith("Approve") for label in labels)
    tokens = [row.token for row in two.desk.query(sa.select(buttons.c.token))]
    text = json.dumps(held, ensure_ascii=False)
    assert [token for token in tokens if token in text] == []
    for foreign in ("Silvano", "ann.mari@", "R-319", "10017", "10019", "Somebody Else", "Ann's own"):
        assert foreign not in text
    for own in ("Mari Silva", "mari@example.com", "R-318", "mine"):
        assert own in text


def test_what_somebody_read_as_staff_is_not_given_out_to_them_as_a_customer(two: World) -> None:
    two.link(ANN, 10017, "+49 151 0000 10019")
    two.desk.execute(sa.update(staff).where(staff.c.key == "dan").values(telegram_user=10017))
    over(two)
    with two.begin() as uow:
        card = Refused(sentence="R-318 of Mari Silva waits for you.")
        uow.outbox.tell(Chat(platform="telegram", address="10017"), card, once="x")
    heard(two, "telegram", "1", {"update_id": 1, "callback_query": {"from": {"id": 10017}, "message": {
        "chat": {"id": 10017}, "text": "R-318 of Mari Silva waits for you."}}})
    assert "Mari Silva waits" not in json.dumps(exported(two, ANN))
    two.desk.execute(sa.update(staff).where(staff.c.key == "dan").values(telegram_user=None))
    assert json.dumps(exported(two, ANN)).count("Mari Silva waits") == 2, "their own chat, were they not"


def test_nothing_is_taken_from_another_customer(two: World) -> None:
    over(two)
    heard(two, "shop", "1", {"data": {"customer": {"external_id": ANN, "name": "Mari Silvano"}, "number": "17",
                                                   "email": "ann.mari@example.com"}})
    heard(two, "shop", "2", {"shop": "another", "data": {"customer": {"external_id": MARIA, "name": "Mari Silva"}}})
    before = exported(two, ANN)
    erased(two, MARIA)
    after = exported(two, ANN)
    assert {name: after[name] for name in after if name not in {"at", "audit"}} == {
        name: before[name] for name in before if name not in {"at", "audit"}
    }
    assert [row.body != b"" for row in two.desk.query(sa.select(inbox.c.body).order_by(inbox.c.id))] == [True, True]


@pytest.mark.parametrize("waits", ["letter", "event"])
def test_while_something_is_on_its_way_nothing_is_erased_and_afterwards_all_of_it(two: World, waits: str) -> None:
    over(two)
    if waits == "letter":
        with two.begin() as uow:
            uow.outbox.tell(Chat(platform="telegram", address="1001"), Refused(sentence="For 1001 alone"), once="x")
    else:
        heard(two, "shop", "1", {"data": {"customer": {"external_id": MARIA, "name": "For 1001 alone"}}}, worked_at=None)
    before = everything(two)
    with pytest.raises(RuleBroken, match="1 message or event"):
        erased(two, MARIA)
    assert everything(two) == before
    two.desk.execute(sa.update(jobs).values(state="done"))
    two.desk.execute(sa.update(inbox).values(worked_at=two.now))
    erased(two, MARIA)
    assert "For 1001 alone" not in everything(two)


def test_the_numbers_of_their_orders_go_too(two: World) -> None:
    over(two)
    placed = two.order("1050", customer=MARIA, phone="+49 151 0000 10777", delivered=None)
    heard(two, "shop", "1", {"data": {"contact": "+49 151 0000 10777"}})
    assert placed.phone == "+49 151 0000 10777"
    assert "10777" in json.dumps(exported(two, MARIA))
    erased(two, MARIA)
    left = everything(two)
    assert "10777" not in left
    assert "0000 1001'" not in left, "as it stands in a row"
    assert "10019" in left, "another Mari's"


def test_what_came_to_another_shop_is_kept_as_long_as_that_shop_says(two: World) -> None:
    for key, headers in (("1", {"shop": "another"}), ("2", {"shop": "nordlicht"}), ("3", {"shop": None}), ("4", {})):
        heard(two, "shopify", key, {"id": key}, headers=headers)
    with two.begin() as uow:
        uow.personal.forget_before(events=two.now + timedelta(hours=1), messages=None, limit=10)
    left = two.desk.query(sa.select(inbox.c.key).where(sa.func.length(inbox.c.body) > 0))
    assert [row.key for row in left] == ["1"]


def test_what_was_said_of_them_in_refusals_and_to_staff_by_first_name_goes_too(two: World) -> None:
    over(two)
    sentence = "Mari S. would get 500.00 EUR within 30 days."
    with two.begin() as uow:
        uow.outbox.later("answer.telegram", {"callback": "1", "text": sentence}, once="answer:1", due_at=two.now)
        told = Letter(message=Refused(sentence="Dear Mari, your order #1042 is late."))
        uow.outbox.whisper(Chat(platform="slack", address="C1"), told, to="U1", once="told")
        other = Letter(message=Refused(sentence="Dear Mari, your order #1043 is late."))
        uow.outbox.whisper(Chat(platform="slack", address="C1"), other, to="U1", once="other")
        uow.outbox.later("learn", {"inbox": 1}, once="learn:telegram:9", due_at=two.now)
    two.desk.execute(sa.update(jobs).where(jobs.c.key == "learn:telegram:9").values(outcome={"refused": "No 'my secret'."}))
    two.desk.execute(sa.update(jobs).values(state="done"))
    heard(two, "telegram", "9", {"update_id": 9, "message": {"from": {"id": 1001}, "text": "my secret"}},
          error="I can't read 'my secret'.")
    erased(two, MARIA)
    left = everything(two)
    assert sentence not in left
    assert "my secret" not in left
    assert "order #1042 is late" not in left
    assert "order #1043 is late" in left, "another Mari's"
    with two.store.engine.connect() as connection:
        quarantined = connection.execute(sa.select(inbox.c.error).where(inbox.c.key == "9")).scalar_one()
    assert quarantined, "it is still counted as refused"


def test_the_account_that_was_known_before_the_customer_was_goes_too(two: World) -> None:
    two.desk.execute(sa.insert(customers).values(shop_id=two.desk.shop.id, external_id="telegram:1001"))
    over(two)
    erased(two, MARIA)
    assert two.desk.query(sa.select(customers).where(customers.c.external_id == "telegram:1001")) == []


@pytest.mark.parametrize("body", [
    b'{"customer_id":17}', b'{"customer": {"id": 17, "x": 1}}', b'{"customer":{"id":17}}', b'{"external_id": "17"}',
    '{"to": "Jörg Müller"}'.encode(), json.dumps({"to": "Jörg Müller"}).encode(), b'{"email":"JM@example.com"}',
    b'{"text":"Dear J\\u00f6rg, #1042 is late"}', b'{"callback_query":{"from":{"id":1001}}}', "no JSON of Jörg Müller".encode(),
])
def test_no_event_of_theirs_is_passed_over_unread(body: bytes) -> None:
    theirs = Customer(
        id=1, external_id="17", name="Jörg Müller", email="jm@example.com", phone=None, language=None,
        telegram_user=1001, proved_phone=None, consent_at=None, unreachable_at=None,
    )
    traces = Traces(customer=theirs, shop="nordlicht", orders=frozenset({"1042"}), returns=frozenset())
    assert traces.in_event(StoredEvent(source="shop", body=body, shop=None))
    assert traces.likely(body)
    assert not traces.likely(b'{"id":170,"a":[217,17.5],"customer":{"id":"1"},"name":"J\\u00f6rgen #1043"}')
