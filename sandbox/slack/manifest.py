"""The app's manifest: which commands, events and scopes the app has in the workspace.

Until one is installed everything is allowed.
Source: github.com/slackapi/manifest-schema, docs.slack.dev/reference/scopes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.people import COMMANDS, SlashCommand

MOST_COMMANDS = 50
MOST_COMMAND_LENGTH = 32
#: events the sandbox can send, and the scope each needs
EVENT_SCOPES = {
    "app_home_opened": None,
    "app_mention": "app_mentions:read",
    "message.channels": "channels:history",
    "message.im": "im:history",
}
#: the scope of each method that needs one; "channels:" stands for "im:" in direct messages
METHOD_SCOPES = {
    "chat.postMessage": "chat:write",
    "chat.postEphemeral": "chat:write",
    "chat.update": "chat:write",
    "chat.delete": "chat:write",
    "reactions.add": "reactions:write",
    "conversations.info": "channels:read",
    "conversations.list": "channels:read",
    "conversations.members": "channels:read",
    "conversations.open": "im:write",
    "conversations.history": "channels:history",
    "conversations.replies": "channels:history",
    "files.getUploadURLExternal": "files:write",
    "files.completeUploadExternal": "files:write",
    "files.info": "files:read",
    "team.info": "team:read",
    "users.info": "users:read",
    "users.list": "users:read",
    "bots.info": "users:read",
}


class BadManifest(ValueError):
    """Slack would not take this manifest; the text says why."""


@dataclass(frozen=True, kw_only=True)
class Installation:
    """What the app may do and is told of."""

    commands: tuple[SlashCommand, ...] = COMMANDS
    events: frozenset[str] = frozenset(EVENT_SCOPES)
    #: None: no manifest is installed, every scope is granted
    scopes: frozenset[str] | None = None
    has_home: bool = True

    def missing_scope(self, method: str, channel: str) -> str | None:
        """The scope that a call needs and the app lacks; None: it may."""
        needed = METHOD_SCOPES.get(method)
        if needed is None or self.scopes is None:
            return None
        if channel.startswith("D"):
            needed = needed.replace("channels:", "im:")
        return None if needed in self.scopes else needed

    def posts_anywhere(self) -> bool:
        """Whether the app may post to public channels it is not in."""
        return self.scopes is not None and "chat:write.public" in self.scopes


def _part(value: Any, *path: str) -> Any:
    """What stands at a path; None if any step is missing."""
    for step in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(step)
    return value


def _command(given: Any) -> SlashCommand:
    name = _part(given, "command")
    if not isinstance(name, str) or not name.startswith("/") or not 2 <= len(name) <= MOST_COMMAND_LENGTH:
        raise BadManifest(f"A slash command is a / and up to {MOST_COMMAND_LENGTH - 1} characters, not {name!r}.")
    if name != name.lower() or " " in name:
        raise BadManifest(f"A slash command is lower case and without spaces, not {name!r}.")
    description = _part(given, "description")
    if not isinstance(description, str) or not description:
        raise BadManifest(f"The command {name} needs a description.")
    return SlashCommand(command=name, usage_hint=str(_part(given, "usage_hint") or ""), description=description)


def read_manifest(manifest: Any) -> Installation:
    """What a manifest installs. Raises BadManifest."""
    if not _part(manifest, "display_information", "name"):
        raise BadManifest("A manifest needs display_information.name.")
    commands = tuple(_command(one) for one in _part(manifest, "features", "slash_commands") or ())
    if len(commands) > MOST_COMMANDS:
        raise BadManifest(f"An app has at most {MOST_COMMANDS} slash commands.")
    if len({one.command for one in commands}) != len(commands):
        raise BadManifest("A slash command is named twice.")
    scopes = frozenset(_part(manifest, "oauth_config", "scopes", "bot") or ())
    if commands and "commands" not in scopes:
        raise BadManifest("Slash commands need the scope commands.")
    events = frozenset(_part(manifest, "settings", "event_subscriptions", "bot_events") or ())
    for event in sorted(events & EVENT_SCOPES.keys()):
        needed = EVENT_SCOPES[event]
        if needed is not None and needed not in scopes:
            raise BadManifest(f"The event {event} needs the scope {needed}.")
    has_home = _part(manifest, "features", "app_home", "home_tab_enabled") is True
    return Installation(commands=commands, events=events, scopes=scopes, has_home=has_home)
