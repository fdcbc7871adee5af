"""The methods that send: sendMessage, sendPhoto, sendDocument, sendMediaGroup, sendChatAction."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sandbox.telegram.arguments import Arguments, Json, Upload
from sandbox.telegram.errors import bad_request
from sandbox.telegram.files import Photo, StoredFile, check_photo, check_upload
from sandbox.telegram.keyboards import read_markup
from sandbox.telegram.message import Chat, Message
from sandbox.telegram.texts import MOST_CAPTION, Words, read_words

if TYPE_CHECKING:
    from sandbox.world import World

ACTIONS = frozenset(
    """typing upload_photo record_video upload_video record_voice upload_voice upload_document choose_sticker
    find_location cancel record_audio upload_audio pick_up_location record_video_note upload_video_note""".split()
)
#: items of an album, core.telegram.org/bots/api#sendmediagroup
ALBUM = range(2, 11)


@dataclass(frozen=True, kw_only=True)
class Media:
    """What was sent along: a photo or a document, with its caption."""

    photo: Photo | None = None
    document: StoredFile | None = None
    caption: Words = field(default_factory=Words)
    caption_above: bool = False


def read_preview(arguments: Arguments) -> Json | None:
    """The link preview options; the older `disable_web_page_preview` counts too."""
    options = arguments.json("link_preview_options", "can't parse link preview options JSON object")
    if options is not None:
        if not isinstance(options, dict):
            raise bad_request("object expected as link preview options")
        return {name: value for name, value in options.items() if value} or None
    return {"is_disabled": True} if arguments.flag("disable_web_page_preview") else None


def _reply_target(world: "World", arguments: Arguments, chat: Chat) -> Message | None:
    """The message replied to. Raises ApiError when it is gone, unless the call allows that."""
    given = arguments.json("reply_parameters", "can't parse reply parameters JSON object")
    lenient = arguments.flag("allow_sending_without_reply")
    if given is None:
        number = arguments.number("reply_to_message_id")
    else:
        if not isinstance(given, dict):
            raise bad_request("object expected as reply parameters")
        number = given.get("message_id") or 0
        lenient = bool(given.get("allow_sending_without_reply"))
        elsewhere = given.get("chat_id")
        if elsewhere not in (None, "") and str(elsewhere) != str(chat.id):
            chat = world.telegram.find_chat(Arguments(values={"chat_id": elsewhere}))
    if not number:
        return None
    target = chat.messages.get(number)
    if target is None and not lenient:
        raise bad_request("message to be replied not found")
    return target


def _send(world: "World", arguments: Arguments, **content: Any) -> Message:
    """Check the chat, the reply and the pace, in Telegram's order, then put the message there."""
    state = world.telegram
    markup = read_markup(arguments, is_private=not arguments.text("chat_id").startswith("-"))
    chat = state.open_chat(arguments)
    if arguments.number("message_thread_id"):
        raise bad_request("message thread not found")
    reply_to = _reply_target(world, arguments, chat)
    state.pace(chat)
    return state.say(
        chat,
        None,
        markup=markup,
        reply_to=reply_to,
        protected=arguments.flag("protect_content"),
        silent=arguments.flag("disable_notification"),
        **content,
    )


async def send_message(world: "World", arguments: Arguments) -> Json:
    """core.telegram.org/bots/api#sendmessage."""
    words = read_words(arguments, world.telegram.user)
    return _send(world, arguments, text=words, link_preview=read_preview(arguments)).as_json()


def read_upload(arguments: Arguments, name: str, what: str) -> Upload | str:
    """A file of a call: an upload, or the id of a kept file. Raises ApiError."""
    upload = arguments.uploads.get(name)
    if upload is None:
        value = arguments.text(name).strip()
        if not value:
            raise bad_request(f"there is no {what} in the request")
        if not value.startswith("attach://"):
            return value
        upload = arguments.uploads.get(value.removeprefix("attach://"))
        if upload is None:
            raise bad_request(f"there is no {what} in the request")
    return upload


def _kept(world: "World", file_id: str, kind: str) -> StoredFile:
    if file_id.startswith(("http://", "https://")):
        # the sandbox fetches nothing from outside, which Telegram words so
        raise bad_request("failed to get HTTP URL content")
    stored = world.telegram.files.by_id.get(file_id)
    if stored is None:
        raise bad_request("wrong file identifier/HTTP URL specified")
    if stored.kind != kind:
        names = {"photos": "Photo", "documents": "Document"}
        raise bad_request(f"can't use file of type {names[stored.kind]} as {names[kind]}")
    return stored


def photo_of(world: "World", given: Upload | str) -> Photo:
    """The photo an upload makes, or one kept before. Raises ApiError."""
    files = world.telegram.files
    if isinstance(given, str):
        return files.photos[_kept(world, given, "photos").file_id]
    check_photo(given.content)
    return files.keep_photo([given.content])


def document_of(world: "World", given: Upload | str) -> StoredFile:
    """The document an upload makes, or one kept before. Raises ApiError."""
    if isinstance(given, str):
        return _kept(world, given, "documents")
    check_upload(given.content)
    return world.telegram.files.keep("documents", given.name, given.mimetype, given.content)


def caption_of(world: "World", arguments: Arguments) -> Words:
    """The caption of a call, possibly empty. Raises ApiError."""
    return read_words(arguments, world.telegram.user, name="caption", most=MOST_CAPTION, may_be_empty=True)


def _read_media(world: "World", arguments: Arguments, name: str) -> Media:
    given = read_upload(arguments, name, name)
    caption = caption_of(world, arguments)
    above = arguments.flag("show_caption_above_media")
    if name == "photo":
        return Media(photo=photo_of(world, given), caption=caption, caption_above=above)
    return Media(document=document_of(world, given), caption=caption)


async def send_photo(world: "World", arguments: Arguments) -> Json:
    """core.telegram.org/bots/api#sendphoto."""
    return _send(world, arguments, **_read_media(world, arguments, "photo").__dict__).as_json()


async def send_document(world: "World", arguments: Arguments) -> Json:
    """core.telegram.org/bots/api#senddocument."""
    return _send(world, arguments, **_read_media(world, arguments, "document").__dict__).as_json()


def read_input_media(world: "World", arguments: Arguments, given: Any) -> Media:
    """One InputMedia of an album or of editMessageMedia. Raises ApiError."""
    if not isinstance(given, dict):
        raise bad_request("can't parse InputMedia: expected an Object")
    kind = given.get("type")
    if not isinstance(kind, str):
        raise bad_request('can\'t parse InputMedia: Can\'t find field "type"')
    media = str(given.get("media") or "")
    is_lost = media.startswith("attach://") and media.removeprefix("attach://") not in arguments.uploads
    if not media or is_lost:
        raise bad_request("can't parse InputMedia: media not found")
    if kind not in ("photo", "document"):
        # Telegram also takes videos, animations and audio; the shop has none
        raise bad_request(f'can\'t parse InputMedia: type "{kind}" is unsupported')
    one = Arguments(values={**given, kind: media}, uploads=arguments.uploads)
    return _read_media(world, one, kind)


async def send_media_group(world: "World", arguments: Arguments) -> list[Json]:
    """core.telegram.org/bots/api#sendmediagroup: an album of 2 to 10 photos, or of documents."""
    given = arguments.json("media", "can't parse media JSON object")
    if given is None:
        raise bad_request('parameter "media" is required')
    if not isinstance(given, list):
        raise bad_request("expected an Array of InputMedia")
    if len(given) >= ALBUM.stop:
        raise bad_request("too many messages to send as an album")
    if len(given) < ALBUM.start:
        raise bad_request("an album must include 2-10 items")
    state = world.telegram
    chat = state.open_chat(arguments)
    reply_to = _reply_target(world, arguments, chat)
    media = [read_input_media(world, arguments, one) for one in given]
    if any(one.photo for one in media) and any(one.document for one in media):
        raise bad_request("document can't be mixed with other media types")
    state.pace(chat, len(media))
    group = state.new_album()
    options = {
        "media_group": group,
        "reply_to": reply_to,
        "protected": arguments.flag("protect_content"),
        "silent": arguments.flag("disable_notification"),
    }
    return [state.say(chat, None, **one.__dict__, **options).as_json() for one in media]


async def send_chat_action(world: "World", arguments: Arguments) -> bool:
    """core.telegram.org/bots/api#sendchataction: shown for five seconds or until the next message."""
    action = arguments.text("action").strip().lower()
    if action not in ACTIONS:
        raise bad_request("wrong parameter action in request")
    state = world.telegram
    chat = state.open_chat(arguments)
    state.actions[chat.id] = action
    world.changed("telegram_chat", state.chat_entry(chat))
    return True
