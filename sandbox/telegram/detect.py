"""The entities Telegram finds by itself: mentions, commands, tags, addresses, phone numbers.

Patterns: MessageEntity.cpp of github.com/tdlib/td (find_entities); phone numbers are found by Telegram's
servers, whose rule is not published, so only international numbers with a plus sign are found here.
"""

import re
from collections.abc import Callable, Iterator

from sandbox.telegram.markup import Entity, in_order, utf16
from sandbox.telegram.tlds import TLDS

MENTION = re.compile(r"(?<![\w@])@([A-Za-z0-9_]{2,32})(?!\w)", re.UNICODE)
#: shorter user names than five that exist
SHORT_NAMES = frozenset({"gif", "vid", "pic", "bing", "wiki", "imdb", "bold", "vote", "like", "coub"})
COMMAND = re.compile(r"(?<![\w/<>])/([A-Za-z0-9_]{1,64})(?:@([A-Za-z0-9_]{3,32}))?(?![\w/<>])", re.UNICODE)
HASHTAG = re.compile(r"(?<![\w\u200c#@&])#([\w\u200c]{1,256})(?![\w\u200c]*#)", re.UNICODE)
CASHTAG = re.compile(r"(?<![$\w])\$(?:1INCH|[A-Z]{1,8})(?![$\w])", re.UNICODE)
PHONE = re.compile(r"(?<![\w+])\+[1-9](?:[ ().-]{0,2}\d){6,14}(?![\w])")
EMAIL = re.compile(
    r"(?<![\w.%+-])[\w%+-][\w.%+-]{0,63}@"
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+([A-Za-z]{2,24})(?![\w-])"
)
URL = re.compile(
    r"(?<![\w@.+-])"
    r"(?:(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?:[^\s@/?#<>\"']+@)?)?"
    r"(?P<host>(?:[\w](?:[\w-]{0,62}[\w])?\.)+(?P<tld>[^\W\d_]{2,24})|(?:\d{1,3}\.){3}\d{1,3}|localhost)"
    r"(?P<port>:\d{1,5})?"
    r"(?P<path>[/?#][^\s<>\"«»“”]*)?",
    re.UNICODE,
)
TG_URL = re.compile(r"(?<!\w)(?:tg|ton)://[^\s<>\"]+", re.IGNORECASE)
SCHEMES = frozenset({"http", "https", "ftp", "tonsite"})
#: signs that end a sentence, not an address
TRAILING = ".,:;!?'\"`"

Span = tuple[int, int, str]


def _mentions(text: str) -> Iterator[Span]:
    for found in MENTION.finditer(text):
        name = found.group(1)
        if (len(name) >= 4 or name.lower() in SHORT_NAMES) and not name[0].isdigit():
            yield found.start(), found.end(), "mention"


def _commands(text: str) -> Iterator[Span]:
    for found in COMMAND.finditer(text):
        yield found.start(), found.end(), "bot_command"


def _hashtags(text: str) -> Iterator[Span]:
    for found in HASHTAG.finditer(text):
        if any(character.isalpha() for character in found.group(1)):
            yield found.start(), found.end(), "hashtag"


def _cashtags(text: str) -> Iterator[Span]:
    for found in CASHTAG.finditer(text):
        yield found.start(), found.end(), "cashtag"


def _phones(text: str) -> Iterator[Span]:
    for found in PHONE.finditer(text):
        yield found.start(), found.end(), "phone_number"


def _emails(text: str) -> Iterator[Span]:
    for found in EMAIL.finditer(text):
        if found.group(1).lower() in TLDS:
            yield found.start(), found.end(), "email"


def _end_of_address(text: str, begin: int, end: int) -> int:
    """Where the address ends once closing signs of the sentence are left out."""
    while end > begin:
        last = text[end - 1]
        opening = {")": "(", "]": "[", "}": "{"}.get(last)
        is_alone = opening is not None and text.count(last, begin, end) > text.count(opening, begin, end)
        if last not in TRAILING and not is_alone:
            break
        end -= 1
    return end


def _urls(text: str) -> Iterator[Span]:
    for found in TG_URL.finditer(text):
        yield found.start(), _end_of_address(text, found.start(), found.end()), "url"
    for found in URL.finditer(text):
        scheme, tld, host = (found.group("scheme") or "").lower(), found.group("tld"), found.group("host")
        if scheme and scheme not in SCHEMES:
            continue
        if tld is None:
            # a bare number with dots is a version, not an address
            ok = bool(scheme) and (host == "localhost" or all(int(part) < 256 for part in host.split(".")))
        else:
            ok = tld.lower() in TLDS or bool(scheme)
        if ok and text[found.end() : found.end() + 1] != "@":
            yield found.start(), _end_of_address(text, found.start(), found.end()), "url"


#: in the order in which they win over each other when they overlap
FINDERS: tuple[Callable[[str], Iterator[Span]], ...] = (
    _urls,
    _emails,
    _mentions,
    _commands,
    _hashtags,
    _cashtags,
    _phones,
)
#: inside these nothing is found
CLOSED = frozenset({"code", "pre", "text_link", "text_mention", "custom_emoji"})


def _free(begin: int, end: int, taken: list[tuple[int, int]]) -> bool:
    return all(end <= other_begin or begin >= other_end for other_begin, other_end in taken)


def with_found(text: str, entities: list[Entity]) -> list[Entity]:
    """The entities given plus those Telegram finds outside code, links and mentions of a user."""
    taken = [
        (entity["offset"], entity["offset"] + entity["length"]) for entity in entities if entity["type"] in CLOSED
    ]
    result = list(entities)
    spans: list[tuple[int, int]] = []
    for find in FINDERS:
        for begin, end, kind in find(text):
            offset, length = utf16(text[:begin]), utf16(text[begin:end])
            if end > begin and _free(begin, end, spans) and _free(offset, offset + length, taken):
                spans.append((begin, end))
                result.append({"offset": offset, "length": length, "type": kind})
    return in_order(result)
