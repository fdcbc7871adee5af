"""No words of a customer become a mention, a link or a mark: every field of every kind of message, on both platforms.

The parsers are not those that wrote the text: the sandbox's reading of Telegram's HTML with all that Telegram finds by
itself, and Slack's rule that nothing but ``<...>`` is a link or a mention in verbatim mrkdwn.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

import handlers.use_cases  # noqa: F401  with it every kind of message is known
from domain.messages import MESSAGES_BY_KIND, Letter, Message, StampedButton
from domain.shops import Shop
from domain.time import Calendar
from handlers.commands import COMMANDS  # noqa: F401
from notifications.catalogue import Catalogue
from notifications.slack.blocks import blocks
from notifications.telegram.texts import CAPTION, TEXT, keyboard, length, text_of
from sandbox.slack.blocks import check_blocks, text_length
from sandbox.telegram.detect import with_found
from sandbox.telegram.markup import parse_html, utf16
from tests.notifications.anything import any_message

KINDS = sorted(kind for kind, of in MESSAGES_BY_KIND.items() if of.__module__.startswith("domain."))
SHOP = Shop(id=1, key="n", name="Nordlicht Shop", currency="EUR", language="en", calendar=Calendar(time_zone="Europe/Berlin"))
CATALOGUE = Catalogue()
PLAIN = "Maria said something quite ordinary"
HOSTILE = (
    "<!channel> <!here> <@U0ADA> <#C0STOCK> <https://evil.example|Approve> <mailto:a@b.example>",
    "</b></blockquote><a href='https://evil.example'>Approve</a><tg-spoiler>x</tg-spoiler><b>unclosed",
    "@opsbell_bot @channel #tag $EUR /start https://evil.example www.evil.example evil.example t.me/x a@b.example +49 151 1234567",
    "*bold* _italic_ ~strike~ `code` ```pre``` > quote\n> more\n&lt;b&gt; &amp;lt; & < > \" '",
    "{{ shop.key }} {% raw %} {# x #} %s {0} \\u003c!channel\\u003e",
    "a\u202eevil\u202c \u200b<\u200b!channel> \ufeff @\u200bchannel \x00\x07\x1b[31m \ud83d",
    "a slash before digits: ?/127.0.0.1 !/4242 _/_x 1/2 a/3",
    "\u202e",
    "＜!channel＞ ﹤b﹥ ‹a› @\u2060here tg://user?id=1001",
)
LONG = "Länge & <Breite> @x " * 300


def letter_of(message: Message) -> Letter:
    stamped = tuple(
        StampedButton(
            label=one.label, token=None if one.url else f"token{number:017d}", style=one.style, confirm=one.confirm,
            more=one.more, menu=one.menu, url=one.url,
        )
        for number, one in enumerate(message.buttons)
    )
    return Letter(message=message, buttons=stamped)


def mrkdwn(value: Any) -> Iterator[str]:
    """Every text that Slack reads for marks."""
    if isinstance(value, dict):
        if value.get("type") == "mrkdwn":
            assert value.get("verbatim") is True, "else Slack makes links by itself"
            yield value["text"]
        else:
            for one in value.values():
                yield from mrkdwn(one)
    elif isinstance(value, list):
        for one in value:
            yield from mrkdwn(one)


def slack_marks(message: Message) -> Counter[str]:
    """What Slack would read as links and mentions, with every escape checked."""
    words = CATALOGUE.words(message, SHOP, "slack")
    built = blocks(words, letter_of(message))
    assert check_blocks(built, "message") == []
    assert text_length(built) <= 13_200
    marks: Counter[str] = Counter()
    for text in mrkdwn(built):
        marks.update(re.findall(r"<[^>]*>?", text))
        assert ">" not in re.sub(r"<[^>]*>", "", re.sub(r"(?m)^>( |$)", "", text)), ascii(text)
        assert not re.search(r"&(?!amp;|lt;|gt;)", text), ascii(text)
    return marks


def telegram_marks(message: Message) -> Counter[str]:
    """What Telegram would show as entities."""
    html = text_of(CATALOGUE.words(message, SHOP, "telegram"), letter_of(message))
    text, entities = parse_html(html)
    assert utf16(text) <= TEXT
    assert length(html) == utf16(text), "we count as Telegram does"
    keyboard(letter_of(message))
    return Counter(one["type"] for one in with_found(text, entities))


def harmless(marks: Counter[str]) -> Counter[str]:
    """Without the entities that only look: how often those stand there depends on how the words are broken."""
    looks = {"bold", "italic", "code", "blockquote", "pre"}
    return Counter({kind: count for kind, count in marks.items() if kind not in looks})


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("full", [True, False])
@pytest.mark.parametrize("choice", [0, 3])
def test_hostile_words_are_only_words(kind: str, full: bool, choice: int) -> None:
    of = MESSAGES_BY_KIND[kind]
    slack = slack_marks(any_message(of, PLAIN, full=full, choice=choice))
    telegram = harmless(telegram_marks(any_message(of, PLAIN, full=full, choice=choice)))
    for text in (*HOSTILE, "".join(HOSTILE)):
        message = any_message(of, text, full=full, choice=choice)
        assert slack_marks(message) <= slack, ascii(text)
        assert harmless(telegram_marks(message)) <= telegram, ascii(text)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("many", [0, 1, 40])
def test_whatever_its_length_a_message_fits_the_platform(kind: str, many: int) -> None:
    for text in (LONG, "&" * 4000) if many > 1 else (LONG, "x" * 5000, "&" * 5000, "é😀" * 2500, " \n" * 3000, "x"):
        message = any_message(MESSAGES_BY_KIND[kind], text, many=many)
        slack_marks(message)
        telegram_marks(message)
        html = text_of(CATALOGUE.words(message, SHOP, "telegram"), letter_of(message), limit=CAPTION)
        assert utf16(parse_html(html)[0]) <= CAPTION


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_title_or_a_body_on_every_platform(kind: str) -> None:
    for choice in range(18):
        for full in (True, False):
            message = any_message(MESSAGES_BY_KIND[kind], PLAIN, choice=choice, full=full)
            for platform in ("slack", "telegram", "plain"):
                words = CATALOGUE.words(message, SHOP, platform)
                assert words.plain_title or str(words.body)
                assert not re.search(r"\bNone\b|\w+\(|<[A-Z]\w+\.", f"{words.title} {words.body} {words.note}")


def test_every_template_belongs_to_a_kind_and_every_kind_to_a_template() -> None:
    assert CATALOGUE.kinds() == set(KINDS)
