"""What a person does on the phone: write, send a photo or the phone number, press, block, edit, throw the bot out."""

import base64
import binascii
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.people import TELEGRAM_PEOPLE, TelegramPerson, names, telegram_person
from sandbox.telegram.arguments import Json
from sandbox.telegram.errors import ApiError
from sandbox.telegram.files import Photo, StoredFile, check_photo, check_upload
from sandbox.telegram.markup import utf16
from sandbox.telegram.message import Chat, Message
from sandbox.telegram.pictures import draw
from sandbox.telegram.state import GROUP, Press
from sandbox.telegram.texts import MOST_CAPTION, MOST_TEXT, plain_words

if TYPE_CHECKING:
    from sandbox.world import World


class Refused(Exception):
    """The person cannot do that; the text says what stands in the way."""

    def __init__(self, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.status = status


@dataclass(frozen=True, kw_only=True)
class Act:
    """What a person did: where, and the messages it made (their own, not an answer)."""

    chat: Chat
    messages: tuple[Message, ...] = ()
    press: Press | None = None
    #: more for the control answer
    told: Json | None = None
    #: False: there is nothing the bot could answer
    waits: bool = True


Verb = Callable[["World", Json], Awaitable[Act]]


def who(asked: Json) -> TelegramPerson:
    """The person named by `user`. Raises Refused."""
    key = asked.get("user", "")
    person = telegram_person(key) if key not in ("", None) else None
    if person is None:
        raise Refused(f"There is no Telegram user {key!r}; there are {names(TELEGRAM_PEOPLE)}.", 404)
    return person


def where(world: "World", asked: Json, person: TelegramPerson) -> Chat:
    """The chat named by `chat` (an id, or the group's name); without it the person's chat with the bot."""
    key = str(asked.get("chat") or person.id)
    chats = world.telegram.chats
    chat = next((one for one in chats.values() if key in (str(one.id), one.name)), None)
    if chat is None or person not in chat.people:
        raise Refused(f"{person.name} is in no Telegram chat {key!r}.", 404)
    return chats[chat.migrated_to] if chat.migrated_to else chat


def _decoded(given: str) -> bytes:
    """The bytes of a base64 text or a data address. Raises Refused."""
    try:
        return base64.b64decode(given.partition(",")[2] if given.startswith("data:") else given, validate=True)
    except (binascii.Error, ValueError):
        raise Refused("photo must be true, a name (mug, parcel, towel), or a picture as base64.") from None


def _photo(world: "World", given: Any) -> Photo:
    """A photo: true or a short name is drawn, anything longer is a picture as base64. Raises Refused."""
    files = world.telegram.files
    if given is True or (isinstance(given, str) and 0 < len(given) <= 40 and not given.startswith("data:")):
        return files.keep_photo(draw("mug" if given is True else given))
    if not isinstance(given, str):
        raise Refused("photo must be true, a name (mug, parcel, towel), or a picture as base64.")
    content = _decoded(given)
    try:
        check_photo(content)
    except ApiError as error:
        raise Refused(f"Telegram would not take this photo: {error.description}") from None
    return files.keep_photo([content])


def _document(world: "World", given: Any) -> StoredFile:
    """A document {"name", "content" in base64, "mimetype"}. Raises Refused."""
    if not isinstance(given, dict) or not isinstance(given.get("content"), str):
        raise Refused('document must be {"name": ..., "content": base64, "mimetype": ...}.')
    content = _decoded(given["content"])
    try:
        check_upload(content)
    except ApiError as error:
        raise Refused(f"Telegram would not take this file: {error.description}") from None
    mimetype = str(given.get("mimetype") or "application/octet-stream")
    return world.telegram.files.keep("documents", str(given.get("name") or "file"), mimetype, content)


def _contact(person: TelegramPerson, given: Any) -> Json:
    """The person's own number, or a contact out of the address book (whose user id may be missing or another's)."""
    if given is True:
        return {
            "phone_number": "".join(character for character in person.phone if character.isdigit()),
            "first_name": person.first_name,
            "last_name": person.last_name,
            "user_id": person.id,
        }
    if not isinstance(given, dict) or not given.get("phone_number") or not given.get("first_name"):
        raise Refused('contact must be true, or {"phone_number": ..., "first_name": ..., "user_id": optional}.')
    fields = ("phone_number", "first_name", "last_name", "user_id", "vcard")
    return {field: given[field] for field in fields if given.get(field)}


def _text(given: Any, most: int, name: str) -> str:
    if not isinstance(given, str):
        raise Refused(f"{name} must be a text.")
    if utf16(given) > most:
        raise Refused(f"Telegram takes at most {most} characters as {name}.")
    return given


def _content(world: "World", asked: Json, person: TelegramPerson) -> list[Json]:
    """The contents of the messages to send: one, or one for each picture of an album. Raises Refused."""
    caption = plain_words(_text(asked.get("caption") or "", MOST_CAPTION, "caption"))
    if "start" in asked:
        payload = asked["start"]
        payload = f" {payload}" if isinstance(payload, str) and payload else ""
        return [{"text": plain_words(f"/start{payload}")}]
    if asked.get("photos"):
        given = asked["photos"]
        if not isinstance(given, list) or not 2 <= len(given) <= 10:
            raise Refused("photos must be a list of 2 to 10 photos.")
        group = world.telegram.new_album()
        photos = [_photo(world, one) for one in given]
        first: Json = {"photo": photos[0], "caption": caption, "media_group": group}
        return [first, *({"photo": photo, "media_group": group} for photo in photos[1:])]
    if asked.get("photo"):
        return [{"photo": _photo(world, asked["photo"]), "caption": caption}]
    if asked.get("document"):
        return [{"document": _document(world, asked["document"]), "caption": caption}]
    if asked.get("contact"):
        return [{"contact": _contact(person, asked["contact"])}]
    words = plain_words(_text(asked.get("text", ""), MOST_TEXT, "text"))
    if not words.text:
        raise Refused("Say what to send: text, photo, photos, document, contact or start.")
    return [{"text": words}]


def _reply_target(chat: Chat, asked: Json) -> Message | None:
    number = asked.get("reply_to")
    if not number:
        return None
    message = chat.messages.get(number) if isinstance(number, int) else None
    if message is None:
        raise Refused(f"There is no message {number} in the chat.", 404)
    return message


async def send(world: "World", asked: Json) -> Act:
    """POST /control/telegram/send: a message of a person, or with `edit` a new text of an earlier one."""
    state = world.telegram
    person = who(asked)
    chat = where(world, asked, person)
    if "edit" in asked:
        return _edit(world, asked, person, chat)
    contents = _content(world, asked, person)
    reply_to = _reply_target(chat, asked)
    if chat.blocked and "start" in asked:
        state.set_blocked(chat, blocked=False)
    if chat.blocked:
        raise Refused(f"{person.name} has blocked the bot and must unblock it first.", 409)
    if chat.is_private and not chat.started:
        chat.started = True
        world.changed("telegram_chat", state.chat_entry(chat))
    made = tuple(state.say(chat, person, reply_to=reply_to, **content) for content in contents)
    return Act(chat=chat, messages=made)


def _edit(world: "World", asked: Json, person: TelegramPerson, chat: Chat) -> Act:
    number = asked["edit"]
    message = chat.messages.get(number) if isinstance(number, int) else None
    if message is None or message.sender != person:
        raise Refused(f"{person.name} wrote no message {number}.", 404)
    if message.contact:
        raise Refused("A contact cannot be edited.")
    words = plain_words(_text(asked.get("text", ""), MOST_TEXT, "text"))
    if message.text is not None:
        if not words.text:
            raise Refused("The new text is empty.")
        message.text = words
    else:
        message.caption = words
    message.edit_date = world.clock.now()
    world.telegram.changed(message)
    if chat.is_private:
        world.telegram.updates.add("edited_message", chat.id, message.as_json())
    return Act(chat=chat)


def _labels(message: Message) -> list[str]:
    if not message.markup:
        return []
    return [button["text"] for row in message.markup.rows for button in row]


def _pressed(chat: Chat, asked: Json) -> tuple[Message, Json]:
    """The message and the button meant: of `message_id`, or the newest with that label. Raises Refused."""
    label, number = asked.get("label"), asked.get("message_id")
    bot_messages = [message for message in chat.messages.values() if message.sender is None]
    if number is not None:
        bot_messages = [message for message in bot_messages if str(message.id) == str(number)]
        if not bot_messages:
            raise Refused(f"There is no message {number} of the bot in the chat.", 404)
    for message in reversed(bot_messages):
        if not message.markup:
            continue
        for row in message.markup.rows:
            for button in row:
                if button["text"] == label:
                    return message, button
    offered = [one for message in bot_messages[-3:] for one in _labels(message)]
    raise Refused(f"There is no button {label!r}; the newest are: {', '.join(offered) or 'none'}.", 404)


async def press(world: "World", asked: Json) -> Act:
    """POST /control/telegram/press: a button below a message, or one of the reply keyboard."""
    person = who(asked)
    chat = where(world, asked, person)
    message, button = _pressed(chat, asked)
    if chat.blocked:
        raise Refused(f"{person.name} has blocked the bot and must unblock it first.", 409)
    if message.markup and message.markup.kind == "reply":
        what: Json = {"contact": True} if button.get("request_contact") else {"text": button["text"]}
        return await send(world, {"user": person.id, "chat": chat.id, **what})
    if "callback_data" in button:
        pressed = world.telegram.press(message, person, button["callback_data"])
        return Act(chat=chat, press=pressed, told={"message_id": message.id})
    told = {"url": button.get("url"), "copied": (button.get("copy_text") or {}).get("text")}
    return Act(chat=chat, told={key: value for key, value in told.items() if value}, waits=False)


async def block(world: "World", asked: Json) -> Act:
    """POST /control/telegram/block."""
    chat = world.telegram.chats[who(asked).id]
    world.telegram.set_blocked(chat, blocked=True)
    return Act(chat=chat, waits=False)


async def unblock(world: "World", asked: Json) -> Act:
    """POST /control/telegram/unblock."""
    chat = world.telegram.chats[who(asked).id]
    world.telegram.set_blocked(chat, blocked=False)
    return Act(chat=chat, waits=False)


async def kick(world: "World", asked: Json) -> Act:
    """POST /control/telegram/kick: the bot is thrown out of the staff's group, or with `back` let in again."""
    person = who(asked)
    chat = where(world, {**asked, "chat": asked.get("chat", GROUP)}, person)
    if chat.is_private:
        raise Refused("Nobody can be thrown out of a private chat; block the bot instead.")
    world.telegram.set_kicked(chat, person, kicked=not asked.get("back"))
    return Act(chat=chat, waits=False)


async def migrate(world: "World", _: Json) -> Act:
    """POST /control/telegram/migrate: the staff's group becomes a supergroup with another chat id."""
    chat = world.telegram.chats[GROUP]
    if chat.migrated_to:
        raise Refused("The group is a supergroup already.", 409)
    new = world.telegram.migrate(chat)
    return Act(chat=new, told={"migrate_from_chat_id": chat.id, "migrate_to_chat_id": new.id}, waits=False)


VERBS: dict[str, Verb] = {
    "send": send,
    "press": press,
    "block": block,
    "unblock": unblock,
    "kick": kick,
    "migrate": migrate,
}
