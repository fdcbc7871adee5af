"""How words are written for a platform. Every value of a template is escaped here, whatever it holds.

The control characters, zero-width signs and direction marks that could make an amount look like another are taken
out for every platform.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from html import escape as html_escape
from typing import Final
from urllib.parse import urlsplit

from markupsafe import Markup

_INVISIBLE: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]"
    "|[\ud800-\udfff]|[\U000e0000-\U000e007f]"
)


def clean(text: str) -> str:
    """The text without what cannot be seen; line ends become plain ones."""
    return _INVISIBLE.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """A platform's way of writing. Every function takes plain or already escaped text and gives escaped text."""

    name: str
    escape: Callable[[object], Markup]
    bold: Callable[[Markup], Markup]
    italic: Callable[[Markup], Markup]
    code: Callable[[str], Markup]
    link: Callable[[Markup, str], Markup]
    quote: Callable[[Markup], Markup]
    #: the last word on a whole text
    whole: Callable[[Markup], Markup] = lambda text: text


def as_markup(value: object, dialect: Dialect) -> Markup:
    """Escaped text of any value; what is escaped already stays."""
    return value if isinstance(value, Markup) else dialect.escape(value)


def safe_url(url: str) -> str:
    """An https address, or a loopback one, percent-encoded where it must be; ValueError otherwise."""
    parts = urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in {"127.0.0.1", "localhost"}:
        raise ValueError("a link needs an https address")
    return re.sub(r"[\s<>|\"'`\\^{}]", lambda found: f"%{ord(found[0]):02X}", url)


# --- Slack's mrkdwn: only & < > are special; https://docs.slack.dev/messaging/formatting-message-text


def _slack_escape(value: object) -> Markup:
    text = clean(str(value)).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return Markup(text)


def _slack_wrapped(mark: str) -> Callable[[Markup], Markup]:
    def wrap(text: Markup) -> Markup:
        inner = str(text).strip()
        # A mark inside the text would end the run early; Slack has no escape for it, a look-alike reads the same.
        return Markup(mark + inner.replace(mark, {"*": "∗", "_": "＿"}[mark]) + mark) if inner else Markup("")

    return wrap


def _slack_code(value: str) -> Markup:
    return Markup("`" + str(_slack_escape(value)).replace("`", "ˋ") + "`")


def _slack_link(text: Markup, url: str) -> Markup:
    return Markup(f"<{safe_url(url).replace('&', '&amp;')}|{str(text).replace('|', '¦')}>")


def _slack_quote(text: Markup) -> Markup:
    return Markup("\n".join("> " + line for line in str(text).splitlines() if line.strip()))


MRKDWN: Final = Dialect(
    name="slack", escape=_slack_escape, bold=_slack_wrapped("*"), italic=_slack_wrapped("_"), code=_slack_code,
    link=_slack_link, quote=_slack_quote,
)

# --- Telegram's HTML: https://core.telegram.org/bots/api#html-style

# Telegram makes links of bare addresses, @names, #tags, /commands and phone numbers by itself. A word joiner, which has
# no width, keeps them text. A slash between digits, as in 1/2, is none of these and stays as it is.
_LINKISH: Final = re.compile(
    r"(?<=[@#$])(?=\w)|(?<=\+)(?=[1-9])|(?<=/)(?=[A-Za-z])|(?<=/)(?<!\w/)(?=[0-9_])|(?<=:/)(?=/)"
    r"|(?<=\w)\.(?=[A-Za-z]{2})"
)

_TAG_BEGUN: Final = re.compile(r"<[^>]*>|#(?=\w*[^\W\d_])")


def _html_escape(value: object) -> Markup:
    text = _LINKISH.sub(lambda found: found[0] + "\u2060", clean(str(value)))
    return Markup(html_escape(text, quote=False))


def _html_whole(text: Markup) -> Markup:
    # A value behind a template's own # would make a tag that neither holds alone.
    return Markup(_TAG_BEGUN.sub(lambda found: found[0] + ("\u2060" if found[0] == "#" else ""), str(text)))


def _html_tag(tag: str) -> Callable[[Markup], Markup]:
    return lambda text: Markup(f"<{tag}>{text}</{tag}>")


HTML: Final = Dialect(
    name="telegram", escape=_html_escape, bold=_html_tag("b"), italic=_html_tag("i"),
    code=lambda value: Markup(f"<code>{html_escape(clean(value), quote=False)}</code>"),
    link=lambda text, url: Markup(f'<a href="{html_escape(safe_url(url))}">{text}</a>'),
    quote=lambda text: Markup(f"<blockquote>{text}</blockquote>") if str(text).strip() else Markup(""),
    whole=_html_whole,
)


# --- no markup at all: the text of a notification, a picture's words, a log


def _plain(text: Markup) -> Markup:
    return text


PLAIN: Final = Dialect(
    name="plain", escape=lambda value: Markup(clean(str(value))), bold=_plain, italic=_plain,
    code=lambda value: Markup(clean(value)), link=lambda text, _url: text, quote=_plain,
)

DIALECTS: Final = {dialect.name: dialect for dialect in (MRKDWN, HTML, PLAIN)}
