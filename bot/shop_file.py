"""The shop file (TOML): the shop, its staff, its channels, its policies. What it says is what counts."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import fields
from datetime import time
from pathlib import Path
from typing import Any, Final

from domain.errors import BadInput
from domain.messages import Topic
from domain.money import exponent
from domain.people import UNLIMITED, Role
from domain.shops import FEWEST_A_MINUTE, Policies
from domain.time import Calendar, zone
from domain.wire import from_json
from storage.shop_file import ChatRow, ShopFile, StaffRow

_SHOP: Final = {"key", "name", "currency", "time_zone", "language", "country", "digest_at"}
_STAFF: Final = {field.name for field in fields(StaffRow)}


def read_shop_file(path: Path) -> ShopFile:
    """The file, checked; BadInput says which field is wrong and what is expected."""
    try:
        with path.open("rb") as file:
            found = tomllib.load(file)
    except FileNotFoundError:
        raise BadInput(f"There is no file {path}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"{path.name} is not TOML: {error}") from None
    _only(found, {"shop", "calendar", "policies", "staff", "channels"}, "the file")
    shop = found.get("shop", {})
    _only(shop, _SHOP, "[shop]")
    for name in ("key", "name", "currency", "time_zone"):
        if not isinstance(shop.get(name), str) or not shop[name]:
            raise BadInput(f"[shop] needs {name}, a text.", field=f"shop.{name}")
    exponent(shop["currency"])
    zone(shop["time_zone"])
    digest_at = _hour(shop.get("digest_at", "08:00"))
    calendar = {"country": shop.get("country", ""), **found.get("calendar", {})}
    policies = found.get("policies", {})
    _check_rules(policies, calendar, shop["time_zone"])
    return ShopFile(
        key=shop["key"], name=shop["name"], currency=shop["currency"], time_zone=shop["time_zone"],
        language=shop.get("language", "en"), country=shop.get("country", ""),
        settings={"digest_at": digest_at, "calendar": calendar, "policies": policies},
        staff=_all_staff(found.get("staff", [])),
        chats=tuple(_chats(found.get("channels", {}))),
    )


def _check_rules(policies: Mapping[str, Any], calendar: Mapping[str, Any], time_zone: str) -> None:
    for name, rules in policies.items():
        section = next((field for field in fields(Policies) if field.name == name), None)
        if section is None:
            known = ", ".join(field.name for field in fields(Policies))
            raise BadInput(f"[policies.{name}] is unknown; I know {known}.")
        rules_known = {field.name for field in fields(getattr(Policies(), name))}
        _only(rules, rules_known, f"[policies.{name}]")
        for rule, value in rules.items():
            if rule.endswith("_minor") and not _whole(value):
                raise BadInput(f"[policies.{name}]: {rule} is a whole number, 0 or more; I read {value!r}.")
            if rule.endswith("_days") and isinstance(value, int | float) and value < 0:
                raise BadInput(f"[policies.{name}]: {rule} is 0 or more; I read {value!r}.")
    try:
        given = from_json(Policies, dict(policies))
        from_json(Calendar, {"time_zone": time_zone, **calendar})
    except ValueError as error:
        raise BadInput(f"The shop file does not fit: {error}") from None
    if given.chat.messages_a_minute < FEWEST_A_MINUTE:
        raise BadInput(f"[policies.chat] messages_a_minute is at least {FEWEST_A_MINUTE}.", field="policies.chat")


def _all_staff(rows: Any) -> tuple[StaffRow, ...]:
    """Everybody; two entries with one address would be one person with two votes."""
    people = tuple(_staff(number, row) for number, row in enumerate(rows, start=1))
    addresses = [one.email.strip().casefold() for one in people if one.email and one.active]
    if twice := next((one for one in addresses if addresses.count(one) > 1), None):
        raise BadInput(f"[[staff]]: {twice} stands twice. One person has one entry, or they could approve as two.")
    return people


def _staff(number: int, row: Mapping[str, Any]) -> StaffRow:
    where = f"[[staff]] number {number}"
    _only(row, _STAFF, where)
    for name in ("key", "name", "role"):
        if not isinstance(row.get(name), str) or not row[name]:
            raise BadInput(f"{where} needs {name}, a text.")
    roles = [role.value for role in Role]
    if row["role"] not in roles:
        raise BadInput(f"{where}: {row['role']!r} is not a role. Use one of {', '.join(roles)}.")
    if "day_limit_minor" in row and not _whole(row["day_limit_minor"]):
        raise BadInput(f"{where}: day_limit_minor is a whole number of minor units, 0 or more.")
    email = row.get("email")
    if email is not None and (not isinstance(email, str) or "@" not in email):
        raise BadInput(f"{where}: email is an address such as ben@example.com.")
    limit = row.get("refund_limit_minor", None if Role(row["role"]) in UNLIMITED else 0)
    if limit is not None and not _whole(limit):
        raise BadInput(f"{where}: refund_limit_minor is a whole number of minor units, 0 or more.")
    if bool(row.get("slack_user")) != bool(row.get("slack_team")):
        raise BadInput(f"{where}: slack_user and slack_team go together.")
    return StaffRow(**{**row, "refund_limit_minor": limit})


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _chats(channels: Mapping[str, Any]) -> Iterable[ChatRow]:
    topics = {topic.value for topic in Topic} - {Topic.PERSONAL.value}
    _only(channels, {"slack", "telegram"}, "[channels]")
    for platform, heard in channels.items():
        _only(heard, topics, f"[channels.{platform}]")
        for topic, addresses in heard.items():
            for address in [addresses] if isinstance(addresses, str) else addresses:
                if not isinstance(address, str) or not address:
                    raise BadInput(f'[channels.{platform}] {topic}: an address is a text such as "C0123".')
                yield ChatRow(topic=topic, platform=platform, address=address)


def _hour(text: object) -> str:
    try:
        return time.fromisoformat(str(text)).strftime("%H:%M")
    except ValueError:
        raise BadInput(f"digest_at: I can't read {text!r} as an hour. Write it like 08:00.") from None


def _only(found: Mapping[str, Any], known: set[str], where: str) -> None:
    if not isinstance(found, Mapping):
        raise BadInput(f"{where} must be a table.")
    for name in found:
        if name not in known:
            raise BadInput(f"{where} has {name!r}, which I don't know. I know {', '.join(sorted(known))}.")
