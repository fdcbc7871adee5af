"""What Telegram knows in the sandbox: chats, messages, files, presses waiting for an answer, the bot's settings."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sandbox.people import TELEGRAM_PEOPLE, TelegramPerson, telegram_person
from sandbox.telegram.arguments import Arguments, Json
from sandbox.telegram.errors import OLD_QUERY, ApiError, bad_request, forbidden, too_many
from sandbox.telegram.files import Files
from sandbox.telegram.limits import RateLimits
from sandbox.telegram.message import Chat, Message, user_json
from sandbox.telegram.updates import UpdateQueue
from sandbox.world import Response

if TYPE_CHECKING:
    from sandbox.world import World

#: the staff's group, and the supergroup it becomes
GROUP = -4001
SUPERGROUP = -1001000004001
GROUP_NAME = "warehouse"
GROUP_TITLE = "Nordlicht warehouse"
#: how long a press waits for its answer. Telegram publishes no number; answers after about a minute are refused.
CALLBACK_LIFE = timedelta(seconds=60)
BOT_NAME = "Nordlicht Shop"
BOT_USERNAME = "nordlicht_shop_bot"


@dataclass(kw_only=True)
class Press:
    """One press of an inline button, to be answered once."""

    id: str
    chat: Chat
    person: TelegramPerson
    at: datetime
    answered: bool = False


@dataclass(kw_only=True)
class Settings:
    """What the bot set about itself, by language and scope where Telegram has them."""

    #: (scope as text, language) -> commands
    commands: dict[tuple[str, str], list[Json]] = field(default_factory=dict)
    #: ("name" | "description" | "short_description", language) -> text
    texts: dict[tuple[str, str], str] = field(default_factory=dict)
    #: chat id (0: all) -> menu button
    menu_buttons: dict[int, Json] = field(default_factory=dict)


class State:
    """Telegram in the sandbox. Everything begins as new: nothing has been said yet."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.files = Files(world)
        self.limits = RateLimits()
        self.settings = Settings()
        self.presses: dict[str, Press] = {}
        #: albums so far
        self.albums = 0
        self.chats: dict[int, Chat] = {}
        #: counts what the bot did that its chat can notice, by chat
        self.heard: dict[int, int] = {}
        #: what the bot is doing in a chat ("typing"), as last told
        self.actions: dict[int, str] = {}
        self.updates = UpdateQueue(world=world, reply=self._webhook_reply)
        self._begin()

    def _begin(self) -> None:
        self.chats = {
            person.id: Chat(
                id=person.id, kind="private", name=person.name, people=(person,), started=person.knows_bot
            )
            for person in TELEGRAM_PEOPLE
        }
        staff = tuple(person for person in TELEGRAM_PEOPLE if person.role == "staff")
        self.chats[GROUP] = Chat(id=GROUP, kind="group", name=GROUP_NAME, title=GROUP_TITLE, people=staff)

    def reset(self) -> None:
        """Back to how the world starts; what the bot registered (webhook, commands, texts) stays."""
        self.files.clear()
        self.limits.clear()
        self.presses.clear()
        self.heard.clear()
        self.actions.clear()
        self.updates.reset()
        self._begin()

    async def _webhook_reply(self, answer: Response) -> None:
        from sandbox.telegram.api import act_on_webhook_answer

        await act_on_webhook_answer(self.world, answer)

    # -- who and where

    def bot(self) -> Json:
        """The bot as a User inside messages."""
        number = int(self.world.settings.telegram_token.split(":", 1)[0])
        name = self.settings.texts.get(("name", "")) or BOT_NAME
        return {"id": number, "is_bot": True, "first_name": name, "username": BOT_USERNAME}

    def user(self, user_id: int) -> Json | None:
        """A person, or the bot, as a User; None: nobody Telegram would tell the bot about."""
        if user_id == self.bot()["id"]:
            return self.bot()
        person = telegram_person(user_id)
        return user_json(person) if person else None

    def find_chat(self, arguments: Arguments, name: str = "chat_id") -> Chat:
        """The chat a call names. Raises ApiError: none named, or not found."""
        value = arguments.text(name).strip()
        if not value:
            raise bad_request(f"{name} is empty")
        try:
            chat = self.chats.get(int(value))
        except ValueError:
            chat = None
        if chat is None:
            raise bad_request("chat not found")
        return chat

    def open_chat(self, arguments: Arguments) -> Chat:
        """The chat a call wants to write to. Raises ApiError: blocked, never started, thrown out, or moved."""
        chat = self.find_chat(arguments)
        if chat.migrated_to:
            raise bad_request(
                "group chat was upgraded to a supergroup chat", migrate_to_chat_id=chat.migrated_to
            )
        if chat.blocked:
            raise forbidden("bot was blocked by the user")
        if chat.kicked:
            raise forbidden(f"bot was kicked from the {chat.kind} chat")
        if chat.is_private and not chat.started:
            raise forbidden("bot can't initiate conversation with a user")
        return chat

    def pace(self, chat: Chat, messages: int = 1) -> None:
        """Count messages against the rate limits. Raises ApiError 429, or only notes it when told to warn."""
        enforce = self.world.settings.enforce_rate_limits
        wait = self.limits.take(
            chat.id, self.world.clock.now(), is_group=not chat.is_private, messages=messages, enforce=enforce
        )
        if wait and enforce:
            raise too_many(wait)
        if wait:
            self.world.record("telegram", "in", "rate limit", {"chat_id": chat.id}, "warning", f"429 for {wait} s")

    # -- what happens

    def new_album(self) -> str:
        """The id that binds the messages of one album."""
        self.albums += 1
        return str(13_900_000_000_000_000 + self.updates.current_id() * 1000 + self.albums)

    def noticed(self, chat: Chat) -> None:
        """The bot did something in this chat that an action of a person may have waited for."""
        self.heard[chat.id] = self.heard.get(chat.id, 0) + 1

    def say(self, chat: Chat, sender: TelegramPerson | None, **content: Any) -> Message:
        """Put a message into a chat and into the transcript; a person's message becomes an update."""
        chat.last_id += 1
        message = Message(
            chat=chat, id=chat.last_id, sender=sender, bot=self.bot(), date=self.world.clock.now(), **content
        )
        chat.messages[message.id] = message
        message.entry = self.world.transcript.add(message.new_entry(self.files.url))
        if sender is None:
            self.actions.pop(chat.id, None)
            self.noticed(chat)
        elif chat.is_private or self._reaches_bot(message):
            self.updates.add("message", chat.id, message.as_json())
        return message

    def _reaches_bot(self, message: Message) -> bool:
        """Privacy mode: of a group the bot only gets commands, mentions, replies to it and service messages."""
        if message.service or (message.reply_to and message.reply_to.sender is None):
            return True
        words = message.text or message.caption
        return words.text.startswith("/") or f"@{BOT_USERNAME}" in words.text.lower()

    def changed(self, message: Message) -> None:
        """Bring the transcript's entry up to date after an edit."""
        was = message.entry.get("text") or message.entry.get("caption")
        message.entry.update(message.shown(self.files.url))
        message.entry["edits"].append({"at": self.world.clock.now().isoformat(), "text": was})
        self.world.transcript.touch(message.entry)
        if message.sender is None:
            self.noticed(message.chat)

    def remove(self, message: Message) -> None:
        """Delete a message for everyone."""
        message.deleted = True
        del message.chat.messages[message.id]
        message.entry["deleted"] = True
        self.world.transcript.touch(message.entry)
        self.noticed(message.chat)

    def press(self, message: Message, person: TelegramPerson, data: str) -> Press:
        """A person pressed an inline button: the bot gets a callback query."""
        number = f"{self.updates.current_id()}{len(self.presses):08d}"
        press = Press(id=number, chat=message.chat, person=person, at=self.world.clock.now())
        self.presses[number] = press
        payload = {
            "id": number,
            "from": user_json(person),
            "message": message.as_json(),
            "chat_instance": str(-(abs(message.chat.id) * 7_919_000_003)),
            "data": data,
        }
        self.updates.add("callback_query", message.chat.id, payload)
        return press

    def set_blocked(self, chat: Chat, *, blocked: bool) -> None:
        """The person blocks or unblocks the bot; the bot is told as my_chat_member."""
        if chat.blocked == blocked:
            return
        chat.blocked = blocked
        kicked = {"user": self.bot(), "status": "kicked", "until_date": 0}
        member = {"user": self.bot(), "status": "member"}
        self._membership(chat, chat.people[0], *((member, kicked) if blocked else (kicked, member)))

    def set_kicked(self, chat: Chat, person: TelegramPerson, *, kicked: bool) -> None:
        """A person throws the bot out of the group, or lets it in again."""
        if chat.kicked == kicked:
            return
        chat.kicked = kicked
        out: Json = {"user": self.bot(), "status": "left" if not kicked else "kicked"}
        if kicked:
            out["until_date"] = 0
        member = {"user": self.bot(), "status": "member"}
        self._membership(chat, person, *((member, out) if kicked else (out, member)))

    def _membership(self, chat: Chat, person: TelegramPerson, old: Json, new: Json) -> None:
        payload = {
            "chat": {**chat.as_json()},
            "from": user_json(person),
            "date": int(self.world.clock.now().timestamp()),
            "old_chat_member": old,
            "new_chat_member": new,
        }
        self.updates.add("my_chat_member", chat.id, payload)
        self.world.changed("telegram_chat", self.chat_entry(chat))

    def migrate(self, chat: Chat) -> Chat:
        """The group becomes a supergroup: two service messages, and a new chat id."""
        person = chat.people[0]
        new = Chat(id=SUPERGROUP, kind="supergroup", name=chat.name, title=chat.title, people=chat.people)
        self.chats[new.id] = new
        chat.migrated_to = new.id
        self.say(chat, person, service={"migrate_to_chat_id": new.id})
        self.say(new, person, service={"migrate_from_chat_id": chat.id})
        return new

    def chat_entry(self, chat: Chat) -> Json:
        """A chat as the control API shows it."""
        return {
            "chat_id": chat.id,
            "name": chat.name,
            "type": chat.kind,
            "started": chat.started or not chat.is_private,
            "blocked": chat.blocked or chat.kicked,
            "action": self.actions.get(chat.id),
        }

    def answer_press(self, press_id: str) -> Press:
        """The press of this id, now answered. Raises ApiError: unknown, answered before, or too old."""
        press = self.presses.get(press_id)
        if press is None or press.answered or self.world.clock.now() - press.at > CALLBACK_LIFE:
            raise bad_request(OLD_QUERY)
        press.answered = True
        return press

    def message(self, chat: Chat, message_id: int, what: str) -> Message:
        """A message of a chat. Raises ApiError "<what> not found"."""
        if message_id == 0:
            raise bad_request("message identifier is not specified")
        message = chat.messages.get(message_id)
        if message is None:
            raise ApiError(400, f"Bad Request: {what} not found")
        return message
