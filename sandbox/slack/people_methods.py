"""Web API: auth, users, bots and the team.

Source: docs.slack.dev/reference/methods, read 2026-11-23.
"""

from sandbox.people import (
    APP,
    BOT,
    BOT_USER,
    SLACK_USERS,
    TEAM,
    TEAM_DOMAIN,
    TEAM_NAME,
    TIME_ZONE,
    SlackUser,
    slack_user,
)
from sandbox.slack.calls import Call, Json, Method, SlackError


def _auth_test(_: Call) -> Json:
    return {
        "url": f"https://{TEAM_DOMAIN}.slack.com/",
        "team": TEAM_NAME,
        "user": "opsbell",
        "team_id": TEAM,
        "user_id": BOT_USER,
        "bot_id": BOT,
        "is_enterprise_install": False,
    }


def _api_test(call: Call) -> Json:
    if call.text("error"):
        raise SlackError(call.text("error"), args=call.arguments)
    return {"args": call.arguments}


def _team_info(call: Call) -> Json:
    if call.text("team", TEAM) != TEAM:
        raise SlackError("team_not_found")
    return {"team": {"id": TEAM, "name": TEAM_NAME, "domain": TEAM_DOMAIN, "email_domain": "nordlicht.example"}}


_BOT_PERSON = SlackUser(id=BOT_USER, name="opsbell", real_name="Opsbell", role="bot")


def user_json(user: SlackUser) -> Json:
    """A person as users.info gives it."""
    return {
        "id": user.id,
        "team_id": user.team,
        "name": user.name,
        "deleted": False,
        "real_name": user.real_name,
        "tz": TIME_ZONE,
        "tz_label": "Central European Time",
        "tz_offset": 3600,
        "profile": {
            "real_name": user.real_name,
            "real_name_normalized": user.real_name,
            "display_name": user.name,
            "display_name_normalized": user.name,
            "email": f"{user.name}@nordlicht.example",
            "team": user.team,
        },
        "is_admin": user.is_admin,
        "is_owner": user.is_admin,
        "is_primary_owner": user.is_admin,
        "is_restricted": user.is_restricted,
        "is_ultra_restricted": False,
        "is_bot": user.id == BOT_USER,
        "is_app_user": False,
        "is_stranger": user.team != TEAM,
        "locale": "en-GB",
    }


def _users_info(call: Call) -> Json:
    key = call.text("user")
    user = _BOT_PERSON if key == BOT_USER else slack_user(key)
    if user is None or user.id != key:
        raise SlackError("user_not_found")
    return {"user": user_json(user)}


def _users_list(_: Call) -> Json:
    members = [user_json(user) for user in (*SLACK_USERS, _BOT_PERSON)]
    return {"members": members, "cache_ts": 0, "response_metadata": {"next_cursor": ""}}


def _bots_info(call: Call) -> Json:
    if call.text("bot", BOT) != BOT:
        raise SlackError("bot_not_found")
    return {"bot": {"id": BOT, "deleted": False, "name": "Opsbell", "app_id": APP, "user_id": BOT_USER}}


METHODS = (
    Method(name="api.test", act=_api_test, tier=4, caller="anyone"),
    Method(name="auth.test", act=_auth_test, tier=5),
    Method(name="team.info", act=_team_info, tier=3),
    Method(name="users.info", act=_users_info, tier=4, required=("user",), takes_json=False),
    Method(name="users.list", act=_users_list, tier=2, takes_json=False),
    Method(name="bots.info", act=_bots_info, tier=3, takes_json=False),
)
