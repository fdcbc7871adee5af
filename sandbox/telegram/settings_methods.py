"""The methods about the bot itself, about chats and about files."""

import re
from typing import TYPE_CHECKING, Any

from sandbox.telegram.arguments import Arguments, Json
from sandbox.telegram.errors import bad_request
from sandbox.telegram.files import MOST_DOWNLOAD
from sandbox.telegram.markup import utf16
from sandbox.telegram.message import user_json

if TYPE_CHECKING:
    from sandbox.world import World

COMMAND = re.compile(r"/?[a-z0-9_]{1,32}")
LANGUAGE = re.compile(r"[a-z]{2}")
MOST_COMMANDS = 100
MOST_COMMAND_DESCRIPTION = 256
#: UTF-16 units of the texts a bot sets about itself
MOST_TEXTS = {"name": 64, "description": 512, "short_description": 120}
SCOPES = frozenset(
    "default all_private_chats all_group_chats all_chat_administrators chat chat_administrators chat_member".split()
)


async def get_me(world: "World", _: Arguments) -> Json:
    """core.telegram.org/bots/api#getme."""
    return world.telegram.bot() | {
        "can_join_groups": True,
        "can_read_all_group_messages": False,
        "supports_inline_queries": False,
        "can_connect_to_business": False,
        "has_main_web_app": False,
    }


def _language(arguments: Arguments) -> str:
    language = arguments.text("language_code")
    if language and not LANGUAGE.fullmatch(language):
        raise bad_request("invalid language code specified")
    return language


def _scope(world: "World", arguments: Arguments) -> str:
    """The scope of commands as a key. Raises ApiError."""
    scope = arguments.json("scope", "can't parse BotCommandScope JSON object")
    if scope is None:
        return "default"
    if not isinstance(scope, dict):
        raise bad_request("can't parse BotCommandScope: expected an Object")
    kind = scope.get("type")
    if not isinstance(kind, str):
        raise bad_request('can\'t parse BotCommandScope: Can\'t find field "type"')
    if kind not in SCOPES:
        raise bad_request("can't parse BotCommandScope: Unsupported type specified")
    if not kind.startswith("chat"):
        return kind
    chat = world.telegram.find_chat(Arguments(values={"chat_id": scope.get("chat_id", "")}))
    return f"{kind} {chat.id} {scope.get('user_id', '')}".strip()


def _command(given: Any) -> Json:
    if not isinstance(given, dict):
        raise bad_request("can't parse BotCommand: expected an Object")
    for name in ("command", "description"):
        if not isinstance(given.get(name), str):
            raise bad_request(f'can\'t parse BotCommand: Can\'t find field "{name}"')
    if not COMMAND.fullmatch(given["command"]):
        raise bad_request("BOT_COMMAND_INVALID")
    description = given["description"].strip()
    if not 1 <= utf16(description) <= MOST_COMMAND_DESCRIPTION:
        raise bad_request("BOT_COMMAND_DESCRIPTION_INVALID")
    return {"command": given["command"].removeprefix("/"), "description": description}


async def set_my_commands(world: "World", arguments: Arguments) -> bool:
    """core.telegram.org/bots/api#setmycommands."""
    given = arguments.json("commands", "can't parse commands JSON object")
    if given is not None and not isinstance(given, list):
        raise bad_request("expected an Array of BotCommand")
    commands = [_command(one) for one in given or []]
    if len(commands) > MOST_COMMANDS:
        raise bad_request("BOT_COMMANDS_TOO_MUCH")
    key = (_scope(world, arguments), _language(arguments))
    world.telegram.settings.commands[key] = commands
    world.changed("telegram_bot", {"commands": world.telegram.settings.commands.get(("default", ""), [])})
    return True


async def get_my_commands(world: "World", arguments: Arguments) -> list[Json]:
    """core.telegram.org/bots/api#getmycommands: exactly this scope and language, nothing else."""
    return world.telegram.settings.commands.get((_scope(world, arguments), _language(arguments)), [])


async def delete_my_commands(world: "World", arguments: Arguments) -> bool:
    """core.telegram.org/bots/api#deletemycommands."""
    world.telegram.settings.commands.pop((_scope(world, arguments), _language(arguments)), None)
    return True


def set_text(name: str) -> Any:
    """The method that sets the bot's name, description or short description."""

    async def method(world: "World", arguments: Arguments) -> bool:
        text = arguments.text(name)
        if utf16(text) > MOST_TEXTS[name]:
            raise bad_request(f"bot {name.replace('_', ' ')} is too long")
        world.telegram.settings.texts[name, _language(arguments)] = text
        return True

    return method


def get_text(name: str) -> Any:
    """The method that gives what `set_text` set; without a text for the language the one for all."""

    async def method(world: "World", arguments: Arguments) -> Json:
        texts = world.telegram.settings.texts
        default = world.telegram.bot()["first_name"] if name == "name" else ""
        return {name: texts.get((name, _language(arguments))) or texts.get((name, "")) or default}

    return method


async def set_menu_button(world: "World", arguments: Arguments) -> bool:
    """core.telegram.org/bots/api#setchatmenubutton."""
    button = arguments.json("menu_button", "can't parse menu button JSON object")
    if button is not None and not isinstance(button, dict):
        raise bad_request("MenuButton must be an Object")
    kind = (button or {"type": "default"}).get("type")
    if kind not in ("default", "commands", "web_app"):
        raise bad_request("MenuButton has unsupported type")
    chat_id = world.telegram.find_chat(arguments).id if arguments.text("chat_id") else 0
    if chat_id < 0:
        raise bad_request("chat not found")
    world.telegram.settings.menu_buttons[chat_id] = button or {"type": "default"}
    return True


async def get_menu_button(world: "World", arguments: Arguments) -> Json:
    """core.telegram.org/bots/api#getchatmenubutton."""
    buttons = world.telegram.settings.menu_buttons
    return buttons.get(arguments.number("chat_id")) or buttons.get(0) or {"type": "commands"}


async def get_chat(world: "World", arguments: Arguments) -> Json:
    """core.telegram.org/bots/api#getchat; people who never wrote to the bot are not found."""
    chat = world.telegram.find_chat(arguments)
    if chat.is_private and not chat.started:
        raise bad_request("chat not found")
    shown = chat.as_json() | {
        "accent_color_id": abs(chat.id) % 7,
        "max_reaction_count": 11,
        "accepted_gift_types": {
            "unlimited_gifts": chat.is_private,
            "limited_gifts": chat.is_private,
            "unique_gifts": chat.is_private,
            "premium_subscription": chat.is_private,
            "gifts_from_channels": False,
        },
    }
    if not chat.is_private:
        shown["permissions"] = {"can_send_messages": True, "can_invite_users": True}
    return shown


async def get_chat_member(world: "World", arguments: Arguments) -> Json:
    """core.telegram.org/bots/api#getchatmember: the first of a group's people owns it."""
    state = world.telegram
    chat = state.find_chat(arguments)
    number = arguments.number("user_id")
    if number == 0:
        raise bad_request("invalid user_id specified")
    if number == state.bot()["id"]:
        out = chat.kicked or chat.blocked
        return {"user": state.bot(), "status": "kicked", "until_date": 0} if out else {
            "user": state.bot(), "status": "member"
        }
    for place, person in enumerate(chat.people):
        if person.id == number:
            user = user_json(person)
            if place == 0 and not chat.is_private:
                return {"user": user, "status": "creator", "is_anonymous": False}
            return {"user": user, "status": "member"}
    user_or_none = state.user(number)
    if user_or_none is None:
        raise bad_request("user not found")
    if chat.is_private:
        raise bad_request("member not found")
    return {"user": user_or_none, "status": "left"}


async def get_file(world: "World", arguments: Arguments) -> Json:
    """core.telegram.org/bots/api#getfile: files of up to 20 MB; the link works for an hour."""
    number = arguments.text("file_id").strip()
    if not number:
        raise bad_request("file_id not specified")
    files = world.telegram.files
    stored = files.by_id.get(number)
    if stored is None:
        raise bad_request("wrong file_id or the file is temporarily unavailable")
    if len(stored.content) > MOST_DOWNLOAD:
        raise bad_request("file is too big")
    files.linked[stored.path] = world.clock.now()
    return stored.as_file()
