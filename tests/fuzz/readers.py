"""What reads a person's words, a file's rows or a button's token: each may refuse in its own words, and never break."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from domain.customers import same_phone
from domain.dialogue import Say, words
from domain.errors import OpsError
from domain.foreign import json_object, minor, moment
from domain.imports import Reject
from domain.money import Money, exponent, parse_money
from gateways.csv_import import Reader, find_sources, load_mapping
from handlers.commands import BY_PATH, fill, read
from handlers.run import Who, press
from storage.tables import buttons
from tests.desk import TestDesk
from tests.fuzz.doors import seeds
from tests.fuzz.mutation import VALUES, changed, text_of, twisted, written

CURRENCIES = ("EUR", "USD", "JPY", "KWD", "CLP", "XXX", "ISK", "HUF", "eur", "")
COMMANDS = (
    "help", "stock low", "stock MUG", 'stock why "blue mug"', "parcels late", "parcels 1001", "returns open", "digest yesterday", "digest 2018-03-15",
    "stokc low", "“stock” ‘low’", "returns R-318", "stock order MUG 20", "stock point MUG 40",
)
AMOUNTS = ("25", "25.00", "€1,250.50", "1.250,50", "1 000", "0", "-5", "1e3", "12.345", "99999999999", "1,2,3", "NaN", "٣٤", "25.-", "'5'")
TEXTS = (
    "return", "where is my parcel", "1042", "#1050", "two of the mugs", "all", "broken", "yes", "back", "thanks", "ich möchte drei zurückgeben", "o 1001", "+49 151 00001001",
)


class Commands:
    """handlers.commands.read and fill: what is typed behind /ops and its kin."""

    def draw(self, chance: random.Random) -> tuple[str, str]:
        return chance.choice(("ops", "stock", "parcels", "returns", "digest", "", "x")), text_of(chance.choice(COMMANDS), chance)

    def feed(self, case: tuple[str, str]) -> str | None:
        try:
            read(*case)
            fill(BY_PATH["stock why"], {"sku": case[1]})
        except OpsError:
            return None
        return None


class Amounts:
    """Money and numbers: what is read is printed and read again as the same, or was refused."""

    def draw(self, chance: random.Random) -> tuple[str, str]:
        return text_of(chance.choice(AMOUNTS), chance), chance.choice(CURRENCIES)

    def feed(self, case: tuple[str, str]) -> str | None:
        text, currency = case
        try:
            found = parse_money(text, currency)
        except OpsError:
            found = None
        if found is not None:
            plain = f"{found.decimal:.{exponent(currency)}f}"
            if exponent(currency) != 3 and parse_money(plain, currency) != found:  # three decimals look like thousands
                return f"{text!a} is {found.minor}, but {plain} is not"
        for value in (text, 0.1 if not text else len(text) / 7):
            try:
                made = minor(value, currency)
                assert Money(minor=made, currency=currency).decimal == made / 10 ** exponent(currency) or made
            except (OpsError, ValueError):
                pass
        return None


class Words:
    """What a customer types, as the dialogue's steps understand it."""

    def draw(self, chance: random.Random) -> str:
        return text_of(chance.choice(TEXTS), chance)

    def feed(self, text: str) -> str | None:
        found = words.quantity_in(text, 5)
        if found is not None and not 0 < found <= 5:
            return f"{text!a} is {found} of 5"
        words.reason_in(text)
        words.topic_in(text)
        words.order_number_in(text)
        for asks in (words.says_yes, words.says_thanks, words.says_back, words.says_cancel, words.says_next, words.says_all):
            asks(text)
        same_phone("+49 151 00001001", text)
        return None


class Json:
    """domain.foreign: what it takes, every database takes and every reader reads alike."""

    def __init__(self) -> None:
        self.seeds = [one for entry in ("stripe", "shop", "telegram", "shopify", "easypost") for one in seeds(entry)]
        self.raw = [written(one, random.Random(0)) for one in self.seeds]

    def draw(self, chance: random.Random) -> bytes:
        if chance.random() < 0.3:
            return written(twisted(chance.choice(self.seeds), chance), chance)
        return changed(chance.choice(self.raw), chance)

    def feed(self, body: bytes) -> str | None:
        try:
            found = json_object(body)
        except OpsError:
            return None
        str(found).encode()  # no half characters are left
        return "NUL" if "\x00" in str(found.values()) else None


class Moments:
    """Moments of others: within 1990 to 2200, or refused."""

    def draw(self, chance: random.Random) -> Any:
        seed = chance.choice(("2026-11-23T09:05:00+01:00", "2026-11-23T09:05:00Z", "2026-11-23", "20261123T090500Z", "2026-W48-1"))
        return chance.choice(VALUES) if chance.random() < 0.05 else text_of(seed, chance)

    def feed(self, value: Any) -> str | None:
        try:
            found = moment(value, local="Europe/Berlin")
        except ValueError:
            return None
        return None if 1989 <= found.year <= 2201 else f"{value!a} is {found}"


class Rows:
    """gateways.csv_import: rows of a file, each taken or rejected with its reason; a file is refused as a whole or read."""

    PER_FILE = 500

    def __init__(self, folder: Path, desk: TestDesk) -> None:
        self.folder, self.shop, self.mapping = folder, desk.shop, load_mapping("generic")
        self.entry = self.mapping.files[0]
        names: dict[str, None] = {}
        for record in self.entry.records:
            for column in record.columns.values():
                names |= dict.fromkeys(column.reads)
        self.header = ",".join(names)
        self.seeds = [",".join(chosen for _ in names) for chosen in ("1", "2026-11-23", "25.00", "MUG", '"a, ""b"""', "")]

    def draw(self, chance: random.Random) -> bytes:
        """A whole file of changed rows."""
        lines = [changed(chance.choice(self.seeds).encode(), chance) for _ in range(self.PER_FILE)]
        head = changed(self.header.encode(), chance) if chance.random() < 0.02 else self.header.encode()
        return chance.choice((b"\n", b"\r\n")).join([head, *lines])

    def feed(self, body: bytes) -> str | None:
        path = self.folder / f"{self.entry.name}.csv"
        path.write_bytes(body)
        try:
            (source,) = find_sources(self.mapping, [path])
            for row in Reader(source, self.mapping.format, self.shop).rows():
                if isinstance(row, Reject) and not row.reason:
                    return "rejected without a reason"
        except OpsError:
            return None
        return None


class Tokens:
    """Buttons: a token that was not given out opens nothing, and one of somebody else's is refused."""

    def __init__(self, desk: TestDesk) -> None:
        from domain.inventory import ListLowStock
        from domain.messages import Button
        from tests.handlers.test_slack import ButtonsCard

        self.desk = desk
        with desk.begin() as uow:
            uow.outbox.stamp(ButtonsCard(only=(Button(label="List", command=ListLowStock()),)), "telegram:2001")
        self.real = [row.token for row in desk.query(sa.select(buttons.c.token))]
        self.looking = desk.store.engine.connect().execution_options(opsbell_reading=True)

    def draw(self, chance: random.Random) -> tuple[str, str]:
        seed = chance.choice(self.real)
        made = seed if chance.random() < 0.01 else text_of(seed, chance) if chance.random() < 0.7 else "".join(chance.choices("abcdefghijkmnopqrstuvwxyzABC012_-", k=22))
        return made, chance.choice(("telegram:2001", "telegram:2002", "telegram:1666"))

    def feed(self, case: tuple[str, str]) -> str | None:
        from storage.unit_of_work import StoreTransaction

        token, identity = case
        if not token.isprintable() or not token.isascii():
            return None  # Telegram's JSON and Slack's form were read before; half characters never come this far
        transaction = StoreTransaction(store=self.desk.store, connection=self.looking, now=self.desk.clock.now())
        try:
            press(transaction, Who(platform="telegram", user=identity.partition(":")[2], place="1"), token)
        except OpsError:
            return None
        return None if token in self.real and identity == "telegram:2001" else f"{token!a} opened something for {identity}"

    def close(self) -> None:
        self.looking.close()


class Talk:
    """The whole conversation: changed words said to the desk by a customer and by staff, on a database."""

    def __init__(self, desk: TestDesk) -> None:
        self.desk = desk

    def draw(self, chance: random.Random) -> tuple[int, str]:
        return chance.choice((1001, 1002, 1666)), text_of(chance.choice(TEXTS), chance)

    def feed(self, case: tuple[int, str]) -> str | None:
        from domain.foreign import sound

        user, text = case
        if not sound(text):
            return None
        try:
            self.desk.run(Say(text=text), self.desk.customer(user))
        except OpsError:
            return None
        return None


__all__ = ["Amounts", "Commands", "Json", "Moments", "Rows", "Talk", "Tokens", "Words"]
