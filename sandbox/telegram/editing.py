"""The methods that change what was sent: editMessage..., deleteMessage, and the answer to a press."""

from datetime import timedelta
from typing import TYPE_CHECKING

from sandbox.telegram.arguments import Arguments, Json
from sandbox.telegram.errors import NOT_MODIFIED, bad_request
from sandbox.telegram.keyboards import Markup, read_inline
from sandbox.telegram.markup import utf16
from sandbox.telegram.message import Message
from sandbox.telegram.sending import caption_of, read_input_media, read_preview
from sandbox.telegram.texts import read_words

if TYPE_CHECKING:
    from sandbox.world import World

#: how long a bot may delete a message for everyone, core.telegram.org/bots/api#deletemessage
DELETABLE = timedelta(hours=48)
#: UTF-16 units of an answer to a press
MOST_ANSWER = 200


def _to_edit(world: "World", arguments: Arguments) -> Message:
    """The bot's own message a call wants to edit. Raises ApiError.

    A message that carries a reply keyboard cannot be edited.
    """
    state = world.telegram
    number = arguments.number("message_id")
    if not arguments.text("chat_id") and not number:
        if arguments.text("inline_message_id"):
            raise bad_request("MESSAGE_ID_INVALID")
        raise bad_request("message identifier is not specified")
    message = state.message(state.open_chat(arguments), number, "message to edit")
    if message.sender is not None or (message.markup and message.markup.kind != "inline"):
        raise bad_request("message can't be edited")
    return message


def _same(one: Markup | None, other: Markup | None) -> bool:
    return (one.as_inline() if one else None) == (other.as_inline() if other else None)


def _edited(world: "World", message: Message, markup: Markup | None) -> Json:
    """Finish an edit: the keyboard is replaced too, or taken away when none was given."""
    message.markup = markup
    message.edit_date = world.clock.now()
    world.telegram.changed(message)
    return message.as_json()


async def edit_text(world: "World", arguments: Arguments) -> Json:
    """core.telegram.org/bots/api#editmessagetext."""
    words = read_words(arguments, world.telegram.user)
    markup = read_inline(arguments)
    preview = read_preview(arguments)
    message = _to_edit(world, arguments)
    if message.text is None:
        raise bad_request("there is no text in the message to edit")
    if words == message.text and _same(markup, message.markup) and preview == message.link_preview:
        raise bad_request(NOT_MODIFIED)
    message.text, message.link_preview = words, preview
    return _edited(world, message, markup)


async def edit_caption(world: "World", arguments: Arguments) -> Json:
    """core.telegram.org/bots/api#editmessagecaption."""
    markup = read_inline(arguments)
    caption = caption_of(world, arguments)
    message = _to_edit(world, arguments)
    if message.photo is None and message.document is None:
        raise bad_request("there is no caption in the message to edit")
    if caption == message.caption and _same(markup, message.markup):
        raise bad_request(NOT_MODIFIED)
    message.caption = caption
    return _edited(world, message, markup)


async def edit_reply_markup(world: "World", arguments: Arguments) -> Json:
    """core.telegram.org/bots/api#editmessagereplymarkup: without a keyboard it takes the old one away."""
    markup = read_inline(arguments)
    message = _to_edit(world, arguments)
    if _same(markup, message.markup):
        raise bad_request(NOT_MODIFIED)
    return _edited(world, message, markup)


async def edit_media(world: "World", arguments: Arguments) -> Json:
    """core.telegram.org/bots/api#editmessagemedia: other media, or media for a text message."""
    markup = read_inline(arguments)
    given = arguments.json("media", "can't parse input media JSON object")
    if given is None:
        raise bad_request('parameter "media" is required')
    message = _to_edit(world, arguments)
    media = read_input_media(world, arguments, given)
    if message.media_group and bool(media.photo) != bool(message.photo):
        raise bad_request("message can't be edited")
    same_file = media.photo == message.photo and media.document == message.document
    if same_file and media.caption == message.caption and _same(markup, message.markup):
        raise bad_request(NOT_MODIFIED)
    message.text, message.link_preview = None, None
    message.photo, message.document, message.caption = media.photo, media.document, media.caption
    return _edited(world, message, markup)


def _delete(world: "World", message: Message) -> None:
    """Raises ApiError: too old, or not the bot's to delete."""
    is_own = message.sender is None
    if world.clock.now() - message.date > DELETABLE or not (is_own or message.chat.is_private):
        raise bad_request("message can't be deleted for everyone")
    world.telegram.remove(message)


async def delete_message(world: "World", arguments: Arguments) -> bool:
    """core.telegram.org/bots/api#deletemessage: own messages, and people's in private chats, for 48 hours."""
    if not arguments.text("chat_id"):
        raise bad_request("chat identifier is not specified")
    number = arguments.number("message_id")
    state = world.telegram
    if number == 0:
        raise bad_request("message identifier is not specified")
    _delete(world, state.message(state.open_chat(arguments), number, "message to delete"))
    return True


async def delete_messages(world: "World", arguments: Arguments) -> bool:
    """core.telegram.org/bots/api#deletemessages: 1 to 100 of them; those not found are skipped."""
    numbers = arguments.json("message_ids", "can't parse message identifiers JSON object")
    if not isinstance(numbers, list) or not numbers:
        raise bad_request("message identifiers are not specified")
    if len(numbers) > 100:
        raise bad_request("too many message identifiers specified")
    chat = world.telegram.open_chat(arguments)
    for number in numbers:
        message = chat.messages.get(number) if isinstance(number, int) else None
        if message is not None:
            _delete(world, message)
    return True


async def answer_callback(world: "World", arguments: Arguments) -> bool:
    """core.telegram.org/bots/api#answercallbackquery: once, while the press waits; an empty one only ends the wait."""
    number = arguments.text("callback_query_id").strip()
    text = arguments.text("text")
    if utf16(text) > MOST_ANSWER:
        raise bad_request("MESSAGE_TOO_LONG")
    url = arguments.text("url")
    if url and not url.startswith(("https://t.me/", "tg://")):
        raise bad_request("URL_INVALID")
    press = world.telegram.answer_press(number)
    world.telegram.noticed(press.chat)
    if text or url:
        entry: Json = {
            "platform": "telegram",
            "kind": "callback_answer",
            "chat_id": press.chat.id,
            "user": press.person.name,
            "text": text,
            "alert": arguments.flag("show_alert"),
        }
        world.transcript.add(entry | ({"url": url} if url else {}))
    return True
