"""Chats, people's side of them, and the messages inside; as the Bot API and as the transcript show them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from sandbox.people import TelegramPerson
from sandbox.telegram.arguments import Json
from sandbox.telegram.files import Photo, StoredFile
from sandbox.telegram.keyboards import Markup
from sandbox.telegram.texts import Words

UrlOf = Callable[[StoredFile], str]


def user_json(person: TelegramPerson) -> Json:
    """The person as a User of the Bot API. None of the people has a user name: many customers have none."""
    return {
        "id": person.id,
        "is_bot": False,
        "first_name": person.first_name,
        "last_name": person.last_name,
        "language_code": person.language_code,
    }


@dataclass(kw_only=True)
class Chat:
    """A private chat with one person, a group or a supergroup, as the bot knows it."""

    id: int
    kind: str
    #: how the transcript and the control API name the chat
    name: str
    people: tuple[TelegramPerson, ...]
    title: str = ""
    #: private: the person wrote to the bot; a bot cannot begin
    started: bool = False
    #: private: the person blocked the bot
    blocked: bool = False
    #: group: the bot was thrown out
    kicked: bool = False
    #: group: the supergroup it became; 0: still itself
    migrated_to: int = 0
    last_id: int = 0
    messages: dict[int, "Message"] = field(default_factory=dict)

    @property
    def is_private(self) -> bool:
        """True: one person and the bot."""
        return self.kind == "private"

    def as_json(self) -> Json:
        """The Chat inside a message."""
        if self.is_private:
            person = self.people[0]
            return {
                "id": self.id,
                "first_name": person.first_name,
                "last_name": person.last_name,
                "type": "private",
            }
        answer: Json = {"id": self.id, "title": self.title, "type": self.kind}
        if self.kind == "group":
            answer["all_members_are_administrators"] = False
        return answer


@dataclass(kw_only=True)
class Message:
    """One message. `sender` is None for the bot's own."""

    chat: Chat
    id: int
    sender: TelegramPerson | None
    bot: Json
    date: datetime
    text: Words | None = None
    caption: Words = field(default_factory=Words)
    photo: Photo | None = None
    document: StoredFile | None = None
    contact: Json | None = None
    markup: Markup | None = None
    reply_to: "Message | None" = None
    edit_date: datetime | None = None
    media_group: str = ""
    protected: bool = False
    silent: bool = False
    link_preview: Json | None = None
    caption_above: bool = False
    deleted: bool = False
    #: set for service messages of a migrated group
    service: Json = field(default_factory=dict)
    #: its line in the transcript
    entry: Json = field(default_factory=dict)

    def as_json(self, *, with_reply: bool = True) -> Json:
        """The Message of the Bot API; a replied-to message is shown one level deep."""
        answer: Json = {
            "message_id": self.id,
            "from": user_json(self.sender) if self.sender else self.bot,
            "chat": self.chat.as_json(),
            "date": int(self.date.timestamp()),
        }
        if self.edit_date:
            answer["edit_date"] = int(self.edit_date.timestamp())
        if self.reply_to and with_reply:
            answer["reply_to_message"] = self.reply_to.as_json(with_reply=False)
        if self.media_group:
            answer["media_group_id"] = self.media_group
        answer |= self._content()
        if self.link_preview:
            answer["link_preview_options"] = self.link_preview
        if self.protected:
            answer["has_protected_content"] = True
        if inline := self.markup.as_inline() if self.markup else None:
            answer["reply_markup"] = inline
        return answer | self.service

    def _content(self) -> Json:
        answer: Json = {}
        if self.text is not None:
            answer["text"] = self.text.text
            if self.text.entities:
                answer["entities"] = [dict(entity) for entity in self.text.entities]
        if self.photo:
            answer["photo"] = self.photo.as_json()
        if self.document:
            answer["document"] = self.document.as_document()
        if self.contact:
            answer["contact"] = dict(self.contact)
        if self.caption.text:
            answer["caption"] = self.caption.text
            if self.caption.entities:
                answer["caption_entities"] = [dict(entity) for entity in self.caption.entities]
        if self.caption_above and (self.photo or self.document):
            answer["show_caption_above_media"] = True
        return answer

    def shown(self, url_of: UrlOf) -> Json:
        """The fields of the transcript's entry that an edit can change."""
        words = self.text or self.caption
        document = None
        if self.document:
            document = self.document.as_document() | {"url": url_of(self.document)}
        return {
            "text": self.text.text if self.text else None,
            "entities": [dict(entity) for entity in words.entities],
            "caption": self.caption.text or None,
            "photo": url_of(self.photo.largest) if self.photo else None,
            "document": document,
            "contact": dict(self.contact) if self.contact else None,
            "buttons": _inline_buttons(self.markup),
            "keyboard": _reply_buttons(self.markup),
            "link_preview_disabled": bool(self.link_preview and self.link_preview.get("is_disabled")),
        }

    def new_entry(self, url_of: UrlOf) -> Json:
        """The whole entry of the transcript."""
        markup = self.markup
        return {
            "platform": "telegram",
            "kind": "message",
            "chat_id": self.chat.id,
            "chat_type": self.chat.kind,
            "user": self.chat.name,
            "message_id": self.id,
            "from": self.sender.name if self.sender else "bot",
            **self.shown(url_of),
            "reply_to": self.reply_to.id if self.reply_to else None,
            "keyboard_one_time": bool(markup and markup.one_time),
            "keyboard_resize": bool(markup and markup.resize),
            "keyboard_placeholder": markup.placeholder if markup else "",
            "keyboard_removed": bool(markup and markup.kind == "remove"),
            "force_reply": bool(markup and markup.kind == "force"),
            "media_group": self.media_group or None,
            "service": self.service or None,
            "protected": self.protected,
            "silent": self.silent,
            "edits": [],
            "deleted": False,
        }


def _inline_buttons(markup: Markup | None) -> list[Json]:
    if markup is None or markup.kind != "inline":
        return []
    return [
        {
            "label": button["text"],
            "data": button.get("callback_data"),
            "url": button.get("url"),
            "copy_text": (button.get("copy_text") or {}).get("text"),
            "style": button.get("style"),
            "row": number,
        }
        for number, row in enumerate(markup.rows)
        for button in row
    ]


def _reply_buttons(markup: Markup | None) -> list[Json]:
    if markup is None or markup.kind != "reply":
        return []
    return [
        {
            "label": button["text"],
            "request_contact": bool(button.get("request_contact")),
            "request_location": bool(button.get("request_location")),
            "row": number,
        }
        for number, row in enumerate(markup.rows)
        for button in row
    ]
