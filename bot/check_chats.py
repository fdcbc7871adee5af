"""Part of ``opsbell check``: whether the bot may write into every chat that the shop files name.

What the platforms answer: docs.slack.dev/reference/methods/conversations.info and core.telegram.org/bots/api, getChat
and getChatMember, read 2026-11.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from aiogram import Bot
from slack_sdk.web.async_client import AsyncWebClient

from domain.messages import Topic
from notifications.direct import Barred
from notifications.slack import calls as slack
from notifications.telegram import calls as telegram
from storage.shops import ShopChat

Trouble = Callable[[ShopChat], Awaitable[str | None]]

_INVITE: Final = "type /invite @{name} there"
#: what Slack refuses to tell of a channel -> what is wrong and what to do
_SLACK: Final[Mapping[str, str]] = {
    "channel_not_found": f"there is no such channel, or it is private and I am not in it: {_INVITE}, or mend the "
                         "shop file (a channel's id stands at the end of its details)",
    "missing_scope": "I may not look, for the app lacks a scope: paste what opsbell slack-manifest prints, and install "
                     "the app again",
}
#: a person's own chat takes letters without any invitation
_PEOPLE: Final = ("U", "W")
_TOPICS: Final = tuple(topic.value for topic in Topic if topic is not Topic.PERSONAL)


def waits(held: Barred) -> str:
    """Why a platform is not asked now, after its name."""
    seconds = max(1, math.ceil(held.wait.total_seconds()))
    if held.shut and isinstance(held.__cause__, slack.Refused):
        return f"refuses the bot token: {held.__cause__.code}"
    if held.shut and isinstance(held.__cause__, telegram.TokenRefused):
        return f"refuses the bot token: {held.__cause__.reason}"
    if held.shut:
        return f"refused our token before, and it is tried once a minute: opsbell check again in {seconds} s"
    return f"asked us to wait: opsbell check again in {seconds} s"


async def slack_chats(client: AsyncWebClient, direct: slack.Direct, name: str, chats: Sequence[ShopChat]) -> bool:
    """Print what is wrong with Slack's channels, ``name`` being the bot's; whether nothing is."""

    async def trouble(one: ShopChat) -> str | None:
        if one.chat.address.startswith(_PEOPLE):
            return None
        try:
            answer = await direct.ask(
                lambda: client.conversations_info(channel=one.chat.address), lane=slack.INFO
            )
        except Barred as held:
            return f"Slack {waits(held)}"
        except slack.Refused as error:
            return _SLACK.get(error.code, f"Slack does not tell of it ({error.code})").format(name=name)
        except slack.Lost as error:
            return f"Slack does not tell of it ({error.reason})"
        except slack.NotSent:
            return "Slack cannot be reached from here"
        told = answer.get("channel") or {}
        if told.get("is_archived"):
            return "it is archived: bring it back, or name another in the shop file"
        # chat:write.public would let us post, but neither files nor reading back what became of a post.
        return None if told.get("is_member") else f"I am not in it: {_INVITE.format(name=name)}"

    return await _all_well("Slack", "channel", chats, trouble)


async def telegram_chats(bot: Bot, direct: telegram.Direct, chats: Sequence[ShopChat]) -> bool:
    """Print what is wrong with Telegram's chats; whether nothing is."""

    async def trouble(one: ShopChat) -> str | None:
        address = one.chat.address
        try:
            if not address.startswith("-"):
                await direct.ask(lambda: bot.get_chat(address))
                return None
            member = await direct.ask(lambda: bot.get_chat_member(address, bot.id))
        except Barred as held:
            return f"Telegram {waits(held)}"
        except (telegram.Lost, telegram.NotSent):
            return "Telegram cannot be reached from here"
        except telegram.Moved as moved:
            return f"that group is now {moved.address}: mend the shop file"
        except telegram.Refused as error:
            who = "add me to the group" if address.startswith("-") else "have that person press Start in my chat"
            return f"Telegram says {error.reason[:100]!r}: {who}, or mend the shop file"
        if member.status in ("left", "kicked"):
            return "I am not in that group: add me"
        if member.status == "restricted" and not getattr(member, "can_send_messages", True):
            return "I may not write in that group: allow it in the group's permissions"
        return None

    return await _all_well("Telegram", "chat", chats, trouble)


def topics_unheard(shops: Sequence[str], chats: Sequence[ShopChat]) -> bool:
    """Print which shop's news reach nobody; whether each reaches somebody."""
    good = True
    for shop in shops:
        heard = {topic for one in chats if one.shop == shop for topic in one.topics}
        missing = [topic for topic in _TOPICS if topic not in heard]
        if missing:
            good = False
            print(f"✗ {shop}: no chat hears {', '.join(missing)}: name one under [channels] in the shop file")
    return good


async def _all_well(platform: str, called: str, chats: Sequence[ShopChat], trouble: Trouble) -> bool:
    good = True
    for one in chats:
        if (wrong := await trouble(one)) is not None:
            good = False
            print(f"✗ {platform}: {one.shop}'s {called} {one.chat.address} ({', '.join(one.topics)}): {wrong}")
    if good and chats:
        print(f"✓ {platform}: I can write into {'its' if len(chats) == 1 else 'all'} {len(chats)} {called}"
              f"{'' if len(chats) == 1 else 's'}")
    return good
