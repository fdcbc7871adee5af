"""A million hostile texts in every field of every kind of message: no mark that its template did not write.

The texts are put together at random from what platforms read as marks, and from what hides them. What they become is
read by parsers that did not write it (tests/notifications/test_hostile.py).
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from tests.figures import Figure

#: what means something to Slack, Telegram, HTML, Jinja or a reader's eye
PIECES = (
    *"<>&|\"'`*_~[](){}#@$/\\=:;.!?-+%^", "\n", "\r\n", "\t", " ", "\u00a0", "\u200b", "\u200d", "\u2060", "\u202e",
    "\u202c", "\ufeff", "\x00", "\x1b[31m", "\ud83d", "\udc00", "😀", "é", "ß", "Ａ", "＜", "＞", "﹤", "‹", "ﬁ",
    "<!channel>", "<!here>", "<!everyone>", "<!subteam^S0>", "<!date^1^{date}^https://evil.example|x>", "<@U0ADA>",
    "<@W0>", "<#C0STOCK>", "<https://evil.example|Approve>", "<mailto:a@b.example>", "<tel:+49>", "<slack://x>",
    "&lt;!channel&gt;", "&amp;lt;", "&#60;", "&#x3c;", "&nbsp;", "</b>", "<b>", "<i>", "<u>", "<s>", "<code>", "</code>",
    "<pre>", "</pre>", "<a href='https://evil.example'>", '<a href="tg://user?id=1001">', "</a>", "<tg-spoiler>",
    '<tg-emoji emoji-id="5368324170671202286">', "<blockquote expandable>", "</blockquote>", "<!--", "-->", "<br>",
    "https://evil.example", "http://evil.example/?a=b&c=d", "www.evil.example", "evil.example", "t.me/evil",
    "tg://user?id=1001", "ftp://evil.example", "javascript:alert(1)", "a@b.example", "@opsbell_bot", "@channel",
    "#tag", "$EUR", "/start", "/stock@opsbell_bot", "+49 151 1234567", "4242 4242 4242 4242", "1:23", "127.0.0.1",
    "{{ shop.key }}", "{% raw %}", "{# x #}", "{0}", "%s", "${x}", "Maria", "a mug", "mug", "x", "0", "-5", "€38.00",
)


def text(chance: random.Random) -> str:
    """A hostile text of up to some forty pieces."""
    return "".join(chance.choices(PIECES, k=chance.choice((1, 2, 3, 5, 8, 13, 40))))


def check(seed: int, count: int) -> tuple[int, list[str]]:
    """Put at least ``count`` texts into messages of every kind in turn, another into each field.

    How many it were, and what was found active or broken, as sentences that name the message's number.
    """
    from domain.messages import MESSAGES_BY_KIND
    from tests.notifications.anything import any_message
    from tests.notifications.test_hostile import KINDS, PLAIN, harmless, slack_marks, telegram_marks

    chance, found, texts, number = random.Random(seed), [], 0, 0
    plain: dict[tuple[str, bool, int, int], tuple[Counter[str], Counter[str]]] = {}

    def drawn() -> str:
        nonlocal texts
        texts += 1
        return text(chance)

    while texts < count:
        number += 1
        kind = KINDS[(seed + number) % len(KINDS)]
        full, choice, many = chance.random() < 0.8, chance.randrange(6), chance.choice((1, 2, 3))
        key, of = (kind, full, choice, many), MESSAGES_BY_KIND[kind]
        if key not in plain:
            quiet = any_message(of, PLAIN, full=full, choice=choice, many=many)
            plain[key] = (slack_marks(quiet), harmless(telegram_marks(quiet)))
        message = any_message(of, drawn, full=full, choice=choice, many=many)
        try:
            slack, telegram = slack_marks(message), harmless(telegram_marks(message))
        except Exception as error:  # whatever the check finds is a finding, and its text is kept
            found.append(f"seed {seed} number {number}: {type(error).__name__} with {message!a}")
            continue
        if not (slack <= plain[key][0] and telegram <= plain[key][1]):
            found.append(f"seed {seed} number {number}: {slack - plain[key][0]} {telegram - plain[key][1]} in {message!a}")
    return texts, found


def machine(count: int = 1_000_000) -> Sequence[Figure]:
    """The whole million, over all cores."""
    part = 10_000
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        parts = list(pool.map(partial(check, count=part), range(0, count, part)))
    found = [one for _, some in parts for one in some]
    for one in found[:20]:
        print("  ", one[:600])
    return [Figure(
        name="Hostile texts that became a mention, link or tag, or broke a platform's limit",
        tried=f"{sum(texts for texts, _ in parts):,} texts in every kind of message, both platforms",
        found=f"{len(found)}", goal="0", met=not found,
    )]
