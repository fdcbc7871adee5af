"""The shop file (TOML): the shop, its staff, its channels, its policies. What it says is what counts."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import fields
from datetime import date, time
from pathlib import Path
from typing import Any, Final

from domain.errors import BadInput
from domain.messages import Topic
from domain.money import exponent
from domain.people import UNLIMITED, Role
from domain.returns import Reason
from domain.shops import FEWEST_A_MINUTE, Policies
from domain.time import Calendar, zone
from domain.wire import from_json
from storage.shop_file import ChatRow, ShopFile, StaffRow

_SHOP: Final = {"key", "name", "currency", "time_zone", "language", "country", "digest_at"}
_STAFF: Final = {field.name for field in fields(StaffRow)}
#: in minor units: beyond any shop's, within what the databases hold
_LARGEST: Final = 10**15
#: core.telegram.org/bots/api: numbers of people and chats have at most 52 significant bits
_TELEGRAM: Final = 2**52
#: api.slack.com/reference: how ids look; a name such as @ben or #stock finds nobody
_SLACK_TEAM, _SLACK_USER, _SLACK_CHAT = "[TE][A-Z0-9]+", "[UW][A-Z0-9]+", "[CDG][A-Z0-9]+"
_A_WEEK: Final = tuple(date(2026, 1, day) for day in range(1, 8))
#: rules that name reasons of returns
_OF_REASONS: Final = {"photo_required_for", "free_return_reasons"}
#: rules that a sum is divided by, or that nothing could be kept below
_ONE_OR_MORE: Final = {"demand_days", "order_days", "answer_within_hours", "customer_limit_days"}


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
        if not _text(shop.get(name)):
            raise BadInput(f"[shop] needs {name}, a text.", field=f"shop.{name}")
    if not re.fullmatch("[a-z0-9_-]+", shop["key"], re.ASCII):
        raise BadInput(f"[shop]: key is made of a-z, 0-9, - and _; I read {shop['key']!r}.", field="shop.key")
    for name in ("language", "country"):
        if shop.get(name, "") != "" and not _text(shop[name]):
            raise BadInput(f"[shop]: {name} is a text; I read {shop[name]!r}.", field=f"shop.{name}")
    exponent(shop["currency"])
    zone(shop["time_zone"])
    digest_at = _hour(shop.get("digest_at", "08:00"))
    own = found.get("calendar", {})
    _only(own, {field.name for field in fields(Calendar)} - {"time_zone"}, "[calendar]")
    calendar = {"country": shop.get("country", ""), **own}
    if isinstance(own.get("closed_on"), list):  # TOML has dates of its own, the database's JSON has not
        calendar["closed_on"] = [one.isoformat() if type(one) is date else one for one in own["closed_on"]]
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
    _only(policies, {field.name for field in fields(Policies)}, "[policies]")
    for name, rules in policies.items():
        _only(rules, {field.name for field in fields(getattr(Policies(), name))}, f"[policies.{name}]")
        for rule, value in rules.items():
            if wrong := _what_is_wrong(rule, value):
                raise BadInput(f"[policies.{name}]: {rule} is {wrong}; I read {value!r}.", field=f"policies.{name}")
    try:
        given = from_json(Policies, dict(policies))
        kept = from_json(Calendar, {"time_zone": time_zone, **calendar})
    except ValueError as error:
        raise BadInput(f"The shop file does not fit: {error}") from None
    if given.chat.messages_a_minute < FEWEST_A_MINUTE:
        raise BadInput(f"[policies.chat] messages_a_minute is at least {FEWEST_A_MINUTE}.", field="policies.chat")
    if not kept.working_weekdays or not kept.working_weekdays <= set(range(7)):
        raise BadInput("[calendar]: working_weekdays are numbers from 0 (Monday) to 6, at least one of them.")
    # Whether its country's holidays are known shows at the first working day that is asked for.
    kept.is_working(next(day for day in _A_WEEK if day.weekday() in kept.working_weekdays))


def _what_is_wrong(rule: str, value: object) -> str | None:
    """What a rule must be, if it is not."""
    if rule.endswith("_minor"):
        return None if _whole(value) else "a whole number, 0 or more"
    if rule in _OF_REASONS:
        known = [reason.value for reason in Reason]
        fits = isinstance(value, list) and all(one in known for one in value)
        return None if fits else f"a list of reasons: {', '.join(known)}"
    if isinstance(value, int | float) and not isinstance(value, bool):
        least = 1 if rule in _ONE_OR_MORE else 0
        return None if math.isfinite(value) and least <= value <= _LARGEST else f"{least} or more"
    return None  # what it is instead says from_json


def _all_staff(rows: Any) -> tuple[StaffRow, ...]:
    """Everybody; two entries with one account or address would be one person with two votes."""
    if not isinstance(rows, list):
        raise BadInput("[[staff]] stands in two brackets, once for each person.")
    people = tuple(_staff(number, row) for number, row in enumerate(rows, start=1))
    same: tuple[tuple[str, Callable[[StaffRow], Hashable]], ...] = (
        ("key", lambda one: one.key), ("telegram_user", lambda one: one.telegram_user),
        ("slack_user", lambda one: one.slack_user and f"{one.slack_user} of {one.slack_team}"),
        ("email", lambda one: one.email.strip().casefold() if one.email and one.active else None),
    )
    for name, of in same:
        known = [of(one) for one in people if of(one) is not None]
        twice = [one for one in known if known.count(one) > 1]
        if twice:
            raise BadInput(
                f"[[staff]]: {name} {twice[0]} stands twice. One person has one entry, or they could approve as two."
            )
    return people


def _staff(number: int, row: Mapping[str, Any]) -> StaffRow:
    where = f"[[staff]] number {number}"
    _only(row, _STAFF, where)
    for name in ("key", "name", "role"):
        if not _text(row.get(name)):
            raise BadInput(f"{where} needs {name}, a text.")
    roles = [role.value for role in Role]
    if row["role"] not in roles:
        raise BadInput(f"{where}: {row['role']!r} is not a role. Use one of {', '.join(roles)}.")
    limit = row.get("refund_limit_minor", None if Role(row["role"]) in UNLIMITED else 0)
    for name, fits, words in (
        ("day_limit_minor", _whole, "a whole number of minor units, 0 or more"),
        ("refund_limit_minor", _whole, "a whole number of minor units, 0 or more"),
        ("email", lambda value: _text(value) and "@" in value, "an address such as ben@example.com"),
        ("slack_team", _like(_SLACK_TEAM), "the workspace's id, such as T0123"),
        ("slack_user", _like(_SLACK_USER), "the member's id, such as U0123 (profile, Copy member ID)"),
        ("telegram_user", lambda value: _whole(value) and 0 < value < _TELEGRAM, "a number such as 2001"),
        ("active", lambda value: isinstance(value, bool), "true or false, without quotes"),
    ):
        if name in row and not fits(row[name]):
            raise BadInput(f"{where}: {name} is {words}; I read {row[name]!r}.")
    if bool(row.get("slack_user")) != bool(row.get("slack_team")):
        raise BadInput(f"{where}: slack_user and slack_team go together.")
    return StaffRow(**{**row, "refund_limit_minor": limit})


def _text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip()) and "\0" not in value


def _like(pattern: str) -> Callable[[object], bool]:
    return lambda value: isinstance(value, str) and re.fullmatch(pattern, value, re.ASCII) is not None


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LARGEST


def _telegram_chat(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(r"-?[1-9][0-9]{0,15}", value, re.ASCII) is not None


def _chats(channels: Mapping[str, Any]) -> Iterable[ChatRow]:
    topics = {topic.value for topic in Topic} - {Topic.PERSONAL.value}
    _only(channels, {"slack", "telegram"}, "[channels]")
    for platform, heard in channels.items():
        fits = _telegram_chat if platform == "telegram" else _like(_SLACK_CHAT)
        example = '"2001" or "-1002001"' if platform == "telegram" else '"C0123", the id below a channel\'s details'
        _only(heard, topics, f"[channels.{platform}]")
        for topic, given in heard.items():
            addresses = given if isinstance(given, list) else [given]
            for number, address in enumerate(addresses):
                if not fits(address) or address in addresses[:number]:
                    raise BadInput(
                        f"[channels.{platform}] {topic}: an address is a text such as {example}, and stands once; "
                        f"I read {address!r}."
                    )
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
