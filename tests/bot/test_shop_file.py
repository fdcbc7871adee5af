"""The shop file says who may let money go: whatever is wrong in it is said in a sentence, and nothing is applied."""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import deepcopy
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.cli import main
from bot.shop_file import read_shop_file
from domain.errors import BadInput
from storage.database import open_engine
from storage.shop_file import ShopFile, apply
from storage.tables import chats, metadata, shops, staff

BEN = {
    "key": "ben", "name": "Ben Carter", "role": "support", "refund_limit_minor": 5000, "slack_team": "T0123",
    "slack_user": "U0123", "telegram_user": 2001, "email": "ben@example.com", "active": True, "day_limit_minor": 20000,
}
CLEO = {"key": "cleo", "name": "Cleo", "role": "finance", "slack_team": "T0123", "slack_user": "U0124"}
WHOLE: dict[str, Any] = {
    "shop": {
        "key": "nordlicht", "name": "Nordlicht", "currency": "EUR", "time_zone": "Europe/Berlin", "language": "en",
        "country": "DE", "digest_at": "08:00",
    },
    "calendar": {"working_weekdays": [0, 1, 2, 3, 4], "closed_on": ["2026-12-24"]},
    "policies": {
        "returns": {"window_days": 30, "photo_required_for": ["damaged"], "shop_day_limit_minor": 0},
        "stock": {"z": 1.65, "demand_days": 56}, "chat": {"messages_a_minute": 20},
    },
    "staff": [BEN, CLEO],
    "channels": {"slack": {"stock": "C01", "returns": ["C03", "G04"]}, "telegram": {"stock": ["2001", "-1002001"]}},
}


def toml(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(key)} = {toml(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and value in {float("inf"), -float("inf")}:
        return "inf" if value > 0 else "-inf"
    return json.dumps(value).replace("NaN", "nan")


def read(folder: Path, document: Mapping[str, Any]) -> ShopFile:
    path = folder / "shop.toml"
    path.write_text("".join(f"{json.dumps(name)} = {toml(value)}\n" for name, value in document.items()))
    return read_shop_file(path)


def changed(where: str, value: Any) -> dict[str, Any]:
    """The whole file with one thing put in another's place; ``where``: names and numbers with dots between."""
    document = deepcopy(WHOLE)
    *way, last = where.split(".")
    place: Any = document
    for step in way:
        place = place[int(step)] if isinstance(place, list) else place[step]
    place[int(last) if isinstance(place, list) else last] = value
    return document


def test_the_whole_file_is_read(tmp_path: Path) -> None:
    file = read(tmp_path, WHOLE)
    ben, cleo = file.staff
    assert (ben.key, ben.refund_limit_minor, ben.telegram_user, ben.active) == ("ben", 5000, 2001, True)
    assert (cleo.refund_limit_minor, cleo.email) == (None, None)
    assert [(one.topic, one.platform, one.address) for one in file.chats] == [
        ("stock", "slack", "C01"), ("returns", "slack", "C03"), ("returns", "slack", "G04"),
        ("stock", "telegram", "2001"), ("stock", "telegram", "-1002001"),
    ]


def test_a_date_of_toml_is_a_day_off_like_one_in_quotes(tmp_path: Path) -> None:
    file = read(tmp_path, changed("calendar.closed_on", [date(2026, 12, 24)]))
    assert file.settings == read(tmp_path, WHOLE).settings


@pytest.mark.parametrize("role", ["support", "ops", "viewer"])
def test_who_has_no_limit_in_the_file_may_let_nothing_go_unless_they_are_finance_or_owner(tmp_path: Path, role: str) -> None:
    assert read(tmp_path, changed("staff.1.role", role)).staff[1].refund_limit_minor == 0


@pytest.mark.parametrize(("where", "value", "said"), [
    ("staff.0.active", "false", "true or false, without quotes"),
    ("staff.0.active", 0, "true or false"),
    ("staff.0.slack_user", "@ben", "Copy member ID"),
    ("staff.0.slack_user", 5, "Copy member ID"),
    ("staff.0.slack_team", "nordlicht", "workspace's id"),
    ("staff.0.telegram_user", "2001", "a number such as 2001"),
    ("staff.0.telegram_user", True, "a number"),
    ("staff.0.telegram_user", 2**60, "a number"),
    ("staff.0.email", "ben", "an address"),
    ("staff.0.role", "Owner", "is not a role"),
    ("staff.0.refund_limit_minor", -1, "0 or more"),
    ("staff.0.refund_limit_minor", 50.0, "whole number"),
    ("staff.0.day_limit_minor", 10**30, "whole number"),
    ("staff.0.name", "  ", "needs name"),
    ("staff.0.limit", 5, "which I don't know"),
    ("staff.1.key", "ben", "key ben stands twice"),
    ("staff.1.slack_user", "U0123", "U0123 of T0123 stands twice"),
    ("staff.1.telegram_user", 2001, "telegram_user 2001 stands twice"),
    ("staff.1.email", "Ben@Example.com", "stands twice"),
    ("staff", {"key": "ben"}, "two brackets"),
    ("channels.slack.stock", "#stock", "C0123"),
    ("channels.slack.stock", 5, "C0123"),
    ("channels.slack.stock", ["C01", "C01"], "stands once"),
    ("channels.telegram.stock", "@nordlicht", "-1002001"),
    ("channels.slack", "C01", "must be a table"),
    ("channels.slack.personal", "C01", "which I don't know"),
    ("policies", 5, "must be a table"),
    ("policies.money", {}, "which I don't know"),
    ("policies.returns.photo_required_for", ["damged"], "list of reasons"),
    ("policies.returns.shop_day_limit_minor", 10.5, "whole number"),
    ("policies.returns.window_days", -1, "0 or more"),
    ("policies.returns.window_days", "30", "does not fit"),
    ("policies.stock.z", float("nan"), "0 or more"),
    ("policies.stock.z", float("inf"), "0 or more"),
    ("policies.stock.demand_days", 0, "1 or more"),
    ("policies.chat.messages_a_minute", 2, "at least 3"),
    ("calendar", 5, "must be a table"),
    ("calendar.working_weekdays", [], "at least one"),
    ("calendar.working_weekdays", [7], "from 0"),
    ("calendar.closed_on", ["Christmas"], "does not fit"),
    ("shop.key", "Nord Licht", "a-z"),
    ("shop.country", "Nowhere", "no public holidays"),
    ("shop.country", 49, "is a text"),
    ("shop.currency", "EURO", ""),
    ("shop.time_zone", "Berlin", ""),
    ("shop.digest_at", "8 o'clock", "Write it like 08:00"),
])
def test_what_is_wrong_is_said_in_a_sentence(tmp_path: Path, where: str, value: Any, said: str) -> None:
    with pytest.raises(BadInput) as caught:
        read(tmp_path, changed(where, value))
    assert said in caught.value.sentence


def test_a_wrong_file_changes_nothing_and_shows_no_stack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"sqlite:///{tmp_path / 'desk.db'}"
    monkeypatch.setenv("OPSBELL_DATABASE_URL", url)
    assert main(["db", "upgrade"]) == 0
    read(tmp_path, WHOLE)
    path = str(tmp_path / "shop.toml")
    assert main(["shop", "apply", path]) == 0
    engine = open_engine(url)
    with engine.connect() as connection:
        before = [connection.execute(sa.select(table).order_by(table.c.id)).all() for table in (shops, staff, chats)]
        capsys.readouterr()
        for where, value in (("staff.1.active", "false"), ("staff.1.slack_user", "U0123"), ("channels.slack.stock", 5)):
            with pytest.raises(BadInput):
                read(tmp_path, changed(where, value))
            assert main(["shop", "apply", path]) == 1
            said = capsys.readouterr().err
            assert len(said.splitlines()) == 1
            assert "Traceback" not in said
        after = [connection.execute(sa.select(table).order_by(table.c.id)).all() for table in (shops, staff, chats)]
    engine.dispose()
    assert before == after


def places(value: Any, way: str = "") -> list[str]:
    """Every place in the file that something else may be put in."""
    inner = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    found = [way] if way else []
    return found + [place for name, one in inner for place in places(one, f"{way}.{name}" if way else str(name))]


ANYTHING = st.recursive(
    st.one_of(
        st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(), st.dates(),
        st.sampled_from(["", "owner", "U0123", "T0123", "C01", "-1002001", "damaged", "DE", "JPY", "UTC", "2026-12-24"]),
        st.text(st.characters(codec="utf-8", exclude_characters="\x7f", exclude_categories=("Cs",)), max_size=20),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["key", "name", "role", "stock", "returns", "z", "odd"]), inner, max_size=3),
    ),
    max_leaves=6,
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(where=st.lists(st.sampled_from(places(WHOLE)), min_size=1, max_size=2), value=ANYTHING)
def test_whatever_stands_anywhere_is_applied_or_refused(tmp_path: Path, where: list[str], value: Any) -> None:
    document = deepcopy(WHOLE)
    for one in where:
        try:
            *way, last = one.split(".")
            place: Any = document
            for step in way:
                place = place[int(step)] if isinstance(place, list) else place[step]
            place[int(last) if isinstance(place, list) else last] = deepcopy(value)
        except (KeyError, IndexError, TypeError, ValueError):
            continue  # the first change took the second's place away
    try:
        file = read(tmp_path, document)
    except BadInput:
        return
    engine = open_engine("sqlite://")
    metadata.create_all(engine)
    with engine.begin() as connection:
        apply(connection, file)
        assert all(type(row.active) is bool for row in connection.execute(sa.select(staff)))
        # PostgreSQL takes no NUL
        rows = [row for table in (shops, staff, chats) for row in connection.execute(sa.select(table))]
        assert not any("\0" in value for row in rows for value in row if isinstance(value, str))
    engine.dispose()
