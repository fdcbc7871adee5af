"""Reply markup of calls: inline keyboards, reply keyboards, their removal, and forced replies.

Limits: core.telegram.org/bots/api#inlinekeyboardbutton; error texts: get_reply_markup in
github.com/tdlib/telegram-bot-api, read 2026-11-24.
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from sandbox.telegram.arguments import Arguments, Json
from sandbox.telegram.errors import ApiError, bad_request
from sandbox.telegram.markup import checked_link, utf16

#: bytes of callback_data
MOST_CALLBACK_DATA = 64
#: buttons of one inline keyboard, and in one row; Telegram's servers answer REPLY_MARKUP_TOO_LONG beyond
MOST_BUTTONS = 100
#: UTF-16 units of a placeholder
MOST_PLACEHOLDER = 64
STYLES = frozenset({"danger", "success", "primary"})
#: what an inline button may do that the sandbox's people cannot follow
OTHER_ACTIONS = (
    "login_url", "switch_inline_query", "switch_inline_query_current_chat", "web_app", "pay", "callback_game"
)


@dataclass(frozen=True, kw_only=True)
class Markup:
    """A reply markup. `kind`: inline, reply, remove or force; `rows` hold the buttons as Telegram shows them."""

    kind: str
    rows: tuple[tuple[Json, ...], ...] = ()
    one_time: bool = False
    resize: bool = False
    persistent: bool = False
    selective: bool = False
    placeholder: str = ""

    def as_inline(self) -> Json | None:
        """The `reply_markup` of a Message: only inline keyboards appear there."""
        if self.kind != "inline" or not self.rows:
            return None
        return {"inline_keyboard": [[dict(button) for button in row] for row in self.rows]}


def _field(button: Json, name: str) -> str:
    value = button.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise bad_request(f'can\'t parse inline keyboard button: Field "{name}" must be of type String')
    return value


def _label(button: Any, kind: str) -> str:
    if not isinstance(button, dict):
        raise bad_request(f"can't parse {kind}: {_TYPE[kind]} must be an Object")
    if "text" not in button:
        raise bad_request(f'can\'t parse {kind}: Can\'t find field "text"')
    text = button["text"]
    if not isinstance(text, str):
        raise bad_request(f'can\'t parse {kind}: Field "text" must be of type String')
    return text.strip()


_TYPE = {"inline keyboard button": "InlineKeyboardButton", "keyboard button": "KeyboardButton"}


def checked_url(address: str, what: str) -> str:
    """A link of a button; raises ApiError for what is no web or Telegram address, or has no public host name."""
    link = checked_link(address)
    parts = urlsplit(link)
    host = parts.hostname or ""
    if parts.scheme in ("http", "https") and "." not in host:
        link = ""
    if not link or parts.scheme not in ("http", "https", "tg", "ton"):
        wrong = "Wrong HTTP URL" if parts.scheme in ("http", "https", "") else "Unsupported URL protocol"
        raise bad_request(f"{what} '{address}' is invalid: {wrong}")
    return link


def _inline_button(button: Any) -> Json | None:
    """One inline button; None: an empty label, which Telegram leaves out silently."""
    text = _label(button, "inline keyboard button")
    made: Json = {"text": text}
    style = _field(button, "style")
    if style:
        if style not in STYLES:
            raise bad_request("can't parse inline keyboard button: invalid button style specified")
        made["style"] = style
    if url := _field(button, "url"):
        made["url"] = checked_url(url, "inline keyboard button URL")
    elif callback := _field(button, "callback_data"):
        if len(callback.encode()) > MOST_CALLBACK_DATA:
            raise bad_request("BUTTON_DATA_INVALID")
        made["callback_data"] = callback
    elif copy := button.get("copy_text"):
        copied = copy.get("text") if isinstance(copy, dict) else None
        if not isinstance(copied, str) or not 1 <= utf16(copied) <= 256:
            raise bad_request("BUTTON_COPY_TEXT_INVALID")
        made["copy_text"] = {"text": copied}
    elif other := next((name for name in OTHER_ACTIONS if button.get(name) is not None), None):
        made[other] = button[other]
    else:
        raise bad_request("can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard")
    return made if text else None


def _reply_button(button: Any) -> Json | None:
    """One button of a reply keyboard, which may be a bare text; None: an empty label."""
    if isinstance(button, str):
        return {"text": button.strip()} if button.strip() else None
    text = _label(button, "keyboard button")
    made: Json = {"text": text}
    for name in ("request_contact", "request_location"):
        if button.get(name) in (True, "true", "True", 1):
            made[name] = True
    if (style := button.get("style")) in STYLES:
        made["style"] = style
    return made if text else None


def _rows(value: Any, of: str, field: str) -> list[list[Any]]:
    if not isinstance(value, list):
        raise bad_request(f'field "{field}" of the {of} must be an Array')
    for row in value:
        if not isinstance(row, list):
            raise bad_request(f'field "{field}" of the {of} must be an Array of Arrays')
    return value


def _flag(value: Json, name: str, of: str) -> bool:
    given = value.get(name, False)
    if not isinstance(given, bool):
        raise bad_request(f'field "{name}" of the {of} must be of the type Boolean')
    return given


def _inline(value: Json) -> Markup:
    made = [
        tuple(button for raw in row if (button := _inline_button(raw)))
        for row in _rows(value["inline_keyboard"], "InlineKeyboardMarkup", "inline_keyboard")
    ]
    rows = tuple(row for row in made if row)
    if sum(map(len, rows)) > MOST_BUTTONS:
        raise bad_request("reply markup is too long")
    return Markup(kind="inline", rows=rows)


def _reply(value: Json, *, is_private: bool) -> Markup:
    made = [
        tuple(button for raw in row if (button := _reply_button(raw)))
        for row in _rows(value["keyboard"], "ReplyKeyboardMarkup", "keyboard")
    ]
    rows = tuple(row for row in made if row)
    for row in rows:
        for button in row:
            if not is_private and button.get("request_contact"):
                raise bad_request("phone number can be requested in private chats only")
            if not is_private and button.get("request_location"):
                raise bad_request("location can be requested in private chats only")
    return Markup(
        kind="reply",
        rows=rows,
        one_time=_flag(value, "one_time_keyboard", "ReplyKeyboardMarkup"),
        resize=_flag(value, "resize_keyboard", "ReplyKeyboardMarkup"),
        persistent=_flag(value, "is_persistent", "ReplyKeyboardMarkup"),
        selective=_flag(value, "selective", "reply markup"),
        placeholder=_placeholder(value),
    )


def _placeholder(value: Json) -> str:
    text = str(value.get("input_field_placeholder") or "")
    if utf16(text) > MOST_PLACEHOLDER:
        raise bad_request("input field placeholder is too long")
    return text


def read_markup(arguments: Arguments, *, is_private: bool) -> Markup | None:
    """The call's `reply_markup`, or None; raises ApiError with Telegram's words."""
    value = arguments.json("reply_markup", "can't parse reply keyboard markup JSON object")
    if value is None:
        return None
    if not isinstance(value, dict):
        raise bad_request("object expected as reply markup")
    if "keyboard" in value and (reply := _reply(value, is_private=is_private)).rows:
        return reply
    if "inline_keyboard" in value and (inline := _inline(value)).rows:
        return inline
    if _flag(value, "remove_keyboard", "ReplyKeyboardRemove"):
        return Markup(kind="remove", selective=_flag(value, "selective", "reply markup"))
    if _flag(value, "force_reply", "reply markup"):
        selective = _flag(value, "selective", "reply markup")
        return Markup(kind="force", selective=selective, placeholder=_placeholder(value))
    return None


def read_inline(arguments: Arguments) -> Markup | None:
    """The `reply_markup` of an edit: an inline keyboard or none. Raises ApiError for any other kind."""
    markup = read_markup(arguments, is_private=True)
    if markup is not None and markup.kind != "inline":
        raise ApiError(400, "Bad Request: inline keyboard expected")
    return markup
