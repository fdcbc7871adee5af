"""Telegram's HTML as Telegram's own parser reads it, with its error texts and byte offsets.

Rules: core.telegram.org/bots/api#html-style and parse_html in github.com/tdlib/td, read 2026-11-24.
"""

from dataclasses import dataclass, field
from typing import Any

from sandbox.telegram.errors import ApiError, bad_request

Entity = dict[str, Any]

#: tag -> entity type; "a", "span", "tg-emoji", "pre", "code" and "blockquote" take an attribute
SIMPLE = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "tg-spoiler": "spoiler",
    "span": "spoiler",
}
TAGS = frozenset({*SIMPLE, "a", "pre", "code", "blockquote", "tg-emoji"})
NAMED = {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}
SPACES = frozenset(" \t\r\n\0\v")


def utf16(text: str) -> int:
    """The length of a text in UTF-16 units, as Telegram counts it."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


@dataclass(kw_only=True)
class _Open:
    """A tag not yet closed: where its content begins, in UTF-16 units and in characters."""

    tag: str
    argument: str
    offset: int
    begin: int


@dataclass
class _Parser:
    """Reads one text from left to right; `at` is the place of the next character."""

    source: str
    at: int = 0
    result: list[str] = field(default_factory=list)
    length: int = 0
    open: list[_Open] = field(default_factory=list)
    entities: list[Entity] = field(default_factory=list)

    def here(self) -> str:
        """The next character; NUL at the end, which counts as a space."""
        return self.source[self.at] if self.at < len(self.source) else "\0"

    def refuse(self, words: str, place: int | None = None) -> ApiError:
        """The error, with the byte offset of `place`."""
        if place is not None:
            words += f" at byte offset {len(self.source[:place].encode('utf-8', 'surrogatepass'))}"
        return bad_request(f"can't parse entities: {words}")

    def add(self, text: str) -> None:
        self.result.append(text)
        self.length += utf16(text)

    def skip_spaces(self) -> None:
        while self.at < len(self.source) and self.here() in SPACES:
            self.at += 1

    def read_until(self, stop: frozenset[str]) -> str:
        begin = self.at
        while self.here() not in stop:
            self.at += 1
        return self.source[begin : self.at]

    def reference(self) -> str | None:
        """The character of a reference such as &lt; or &#33; (its semicolon may be missing); None: plain text."""
        end = begin = self.at + 1
        source = self.source
        if source[begin : begin + 1] == "#":
            is_hex = source[begin + 1 : begin + 2] == "x"
            end = digits = begin + 2 if is_hex else begin + 1
            allowed = "0123456789abcdefABCDEF" if is_hex else "0123456789"
            while end < len(source) and source[end] in allowed:
                end += 1
            number = int(source[digits:end] or "0", 16 if is_hex else 10)
            if number == 0 or number >= 0x10FFFF or end - digits >= 10:
                return None
            found = chr(number)
        else:
            while end < len(source) and source[end].isascii() and source[end].isalpha():
                end += 1
            name = NAMED.get(source[begin:end])
            if name is None:
                return None
            found = name
        self.at = end + 1 if source[end : end + 1] == ";" else end
        return found

    def attribute_value(self) -> str:
        """The value after the equal sign: a quoted text, or a bare name token in small letters."""
        quote = self.here()
        if quote not in "'\"":
            begin = self.at
            while self.here().isascii() and (self.here().isalnum() or self.here() in ".-"):
                self.at += 1
            if self.here() not in SPACES and self.here() != ">":
                raise self.refuse("Unexpected end of name token", begin)
            return self.source[begin : self.at].lower()
        self.at += 1
        value = ""
        while self.at < len(self.source) and self.here() != quote:
            character = self.reference() if self.here() == "&" else None
            if character is None:
                character = self.here()
                self.at += 1
            value += character
        self.at += 1
        return value

    def attributes(self, tag: str, begin: int) -> str:
        """Read up to the closing bracket; gives the one attribute that matters for the tag."""
        argument = ""
        while self.here() != ">":
            self.skip_spaces()
            if self.here() == ">":
                break
            name = self.read_until(SPACES | {"=", ">"})
            if not name:
                if self.at >= len(self.source):
                    raise self.refuse("Unclosed start tag", begin)
                raise self.refuse(f'Empty attribute name in the tag "{tag}"', begin)
            self.skip_spaces()
            if self.here() != "=":
                if self.at >= len(self.source):
                    raise self.refuse(f'Unclosed start tag "{tag}"', begin)
                if (tag, name.lower()) == ("blockquote", "expandable"):
                    argument = "1"
                continue
            self.at += 1
            self.skip_spaces()
            if self.at >= len(self.source):
                raise self.refuse(f'Unclosed start tag "{tag}"', begin)
            argument = _argument(tag, name.lower(), self.attribute_value()) or argument
            if self.at >= len(self.source):
                raise self.refuse("Unclosed start tag", begin)
        return argument

    def start_tag(self, begin: int) -> None:
        tag = self.read_until(SPACES | {">"}).lower()
        if self.at >= len(self.source):
            raise self.refuse("Unclosed start tag", begin)
        if tag not in TAGS:
            raise self.refuse(f'Unsupported start tag "{tag}"', begin)
        argument = self.attributes(tag, begin)
        if tag == "span" and argument != "spoiler":
            raise self.refuse('Tag "span" must have class "tg-spoiler"', begin)
        self.at += 1
        self.open.append(_Open(tag=tag, argument=argument, offset=self.length, begin=len("".join(self.result))))

    def end_tag(self, begin: int) -> None:
        if not self.open:
            raise self.refuse("Unexpected end tag", begin)
        self.at += 1
        found = self.read_until(SPACES | {">"}).lower()
        self.skip_spaces()
        if self.here() != ">":
            raise self.refuse("Unclosed end tag", begin)
        opened = self.open.pop()
        if found and found != opened.tag:
            words = self.refuse("Unmatched end tag", begin).description
            raise ApiError(400, f'{words}, expected "</{opened.tag}>", found "</{found}>"')
        self.at += 1
        length = self.length - opened.offset
        if length > 0:
            self.close(opened, length)

    def close(self, opened: _Open, length: int) -> None:
        """Keep the entity of a closed tag, as far as the tag makes one."""
        entity: Entity = {"offset": opened.offset, "length": length}
        match opened.tag:
            case "a":
                entity |= _link(opened.argument or "".join(self.result)[opened.begin :])
            case "pre":
                entity["type"] = "pre"
                inner = self.entities[-1] if self.entities else None
                if inner and inner["type"] == "code" and (inner["offset"], inner["length"]) == (opened.offset, length):
                    self.entities.pop()
                    if inner.get("language"):
                        entity["language"] = inner["language"]
            case "code":
                entity["type"] = "code"
                if opened.argument and self.open and self.open[-1].tag == "pre":
                    entity["language"] = opened.argument
            case "blockquote":
                entity["type"] = "expandable_blockquote" if opened.argument else "blockquote"
            case "tg-emoji":
                if not opened.argument.isdigit():
                    raise self.refuse("Invalid custom emoji identifier specified")
                entity |= {"type": "custom_emoji", "custom_emoji_id": opened.argument}
            case tag:
                entity["type"] = SIMPLE[tag]
        if "type" in entity:
            self.entities.append(entity)

    def run(self) -> tuple[str, list[Entity]]:
        while self.at < len(self.source):
            character = self.here()
            if character == "&" and (found := self.reference()) is not None:
                self.add(found)
            elif character != "<":
                self.add(character)
                self.at += 1
            else:
                begin = self.at
                self.at += 1
                if self.here() == "/":
                    self.end_tag(begin)
                else:
                    self.start_tag(begin)
        if self.open:
            raise self.refuse(f'Can\'t find end tag corresponding to start tag "{self.open[-1].tag}"')
        return "".join(self.result), in_order(self.entities)


def _argument(tag: str, name: str, value: str) -> str:
    """What an attribute means for its tag; empty: nothing."""
    match tag, name:
        case ("a", "href") | ("tg-emoji", "emoji-id"):
            return value
        case "code", "class":
            return value.removeprefix("language-") if value.startswith("language-") else ""
        case "span", "class":
            return value.removeprefix("tg-") if value.startswith("tg-") else ""
        case _:
            return ""


def _link(address: str) -> Entity:
    """The entity of an <a>: a link, a mention of a user, or nothing when the address is none."""
    user = address.removeprefix("tg://user?id=")
    if user != address and user.isdigit():
        return {"type": "text_mention", "user": int(user)}
    checked = checked_link(address)
    return {"type": "text_link", "url": checked} if checked else {}


def checked_link(address: str) -> str:
    """The address as Telegram stores it, with a scheme; empty: it is no http, https, tg, ton, tel or mailto address."""
    address = address.strip()
    scheme, colon, rest = address.partition(":")
    known = {"http", "https", "tg", "ton", "tonsite", "tel", "mailto", "ftp"}
    if colon and scheme.lower() in known:
        return address if rest.lstrip("/") else ""
    if colon and not rest[:1].isdigit():
        return ""
    host = address.split("/", 1)[0].split("?", 1)[0]
    if "." not in host.strip(".") or any(character in SPACES for character in address):
        return ""
    return f"http://{address}" if "/" in address else f"http://{address}/"


def in_order(entities: list[Entity]) -> list[Entity]:
    """Entities by place; of those at the same place the longest first."""
    return sorted(entities, key=lambda entity: (entity["offset"], -entity["length"]))


def parse_html(source: str) -> tuple[str, list[Entity]]:
    """The plain text and its entities (offsets in UTF-16 units); raises ApiError "can't parse entities: ..."."""
    return _Parser(source).run()
