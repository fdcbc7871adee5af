"""The Slack app's manifest, made from the command table. Schema: github.com/slackapi/manifest-schema, version 2."""

from __future__ import annotations

from typing import Any

from handlers.commands import COMMANDS, SHORT_NAMES

#: im: for what goes to one person, such as an alarm to an owner; groups: for private channels
_SCOPES = [
    "commands", "chat:write", "chat:write.public", "channels:history", "channels:read", "groups:history", "groups:read",
    "im:history", "im:write", "files:read", "files:write", "users:read",
]


def manifest(public_url: str) -> dict[str, Any]:
    """The manifest to paste at api.slack.com/apps. Without a public address it is for Socket Mode."""
    by_http = bool(public_url)
    request_url = f"{public_url.rstrip('/')}/slack/events"
    commands = [_command("ops", "The shop's desk: /ops help", "help", request_url if by_http else None)]
    for name in SHORT_NAMES:
        entry = next(entry for entry in COMMANDS if entry.path == name)
        hint = " ".join(f"[{word.replace('return_number', 'return')}]" for word in entry.arguments)
        commands.append(_command(name, entry.summary, hint, request_url if by_http else None))
    interactivity: dict[str, Any] = {"is_enabled": True}
    events: dict[str, Any] = {"bot_events": ["app_home_opened"]}
    if by_http:
        interactivity["request_url"] = request_url
        events["request_url"] = request_url
    return {
        "_metadata": {"major_version": 2, "minor_version": 1},
        "display_information": {
            "name": "Opsbell", "description": "The operations desk of your shop", "background_color": "#1f2a44",
        },
        "features": {
            "app_home": {
                "home_tab_enabled": True, "messages_tab_enabled": True, "messages_tab_read_only_enabled": True,
            },
            "bot_user": {"display_name": "Opsbell", "always_online": True},
            "slash_commands": commands,
        },
        "oauth_config": {"scopes": {"bot": [*_SCOPES]}},
        "settings": {
            "event_subscriptions": events,
            "interactivity": interactivity,
            "org_deploy_enabled": False,
            "socket_mode_enabled": not by_http,
            "token_rotation_enabled": False,
        },
    }


def _command(name: str, description: str, hint: str, url: str | None) -> dict[str, Any]:
    made: dict[str, Any] = {
        "command": f"/{name}", "description": description[:100], "usage_hint": hint or "low", "should_escape": False,
    }
    return made | ({"url": url} if url else {})
