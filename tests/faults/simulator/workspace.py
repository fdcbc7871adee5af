"""Slack below its own client: channels with messages, read-back by metadata, edits. Honest where the network is not."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp.client_reqrep import ConnectionKey
from slack_sdk.web.async_client import AsyncWebClient

from tests.faults.simulator.network import Reply, WireBroken

if TYPE_CHECKING:
    from domain.jobs import Job
    from tests.faults.simulator.replica import Replica
    from tests.faults.simulator.world import World

_KEY = ConnectionKey("slack", 443, True, True, None, None, None)


@dataclass(eq=False)
class Post:
    """A message that stands in a channel. ``job``: who wrote it, as the world knows."""

    ts: str
    channel: str
    job: str
    body: dict[str, Any]
    thread: str | None
    edited_by: list[str] = field(default_factory=list)
    versions: list[tuple[str, list[dict[str, Any]]]] = field(default_factory=list)

    @property
    def buttons(self) -> list[tuple[str, str]]:
        """What can be pressed on it now: label and token."""
        return self.buttons_of(self.body.get("blocks", []))

    @staticmethod
    def buttons_of(blocks: list[dict[str, Any]]) -> list[tuple[str, str]]:
        """The buttons of one version of a message."""
        found = []
        for block in blocks:
            for element in block.get("elements", ()):
                if element.get("type") == "button" and element.get("value"):
                    found.append((element["text"]["text"], element["value"]))
                for option in element.get("options", ()):
                    found.append((option["text"]["text"], option["value"]))
        return found


@dataclass
class Workspace:
    """Every channel."""

    world: World
    posts: list[Post] = field(default_factory=list)

    def __post_init__(self) -> None:
        """The methods that are called here."""
        self._methods: dict[str, Callable[[dict[str, Any], Job | None], dict[str, Any]]] = {
            "chat.postMessage": self._post, "chat.update": self._update, "conversations.history": self._history,
            "conversations.replies": self._replies,
        }

    def client(self, replica: Replica) -> AsyncWebClient:
        """The real client of a process, its wire replaced."""
        return _Client(self, replica)

    def in_channel(self, channel: str) -> list[Post]:
        """Its messages outside threads, oldest first."""
        return [post for post in self.posts if post.channel == channel and post.thread is None]

    def act(self, method: str, asked: dict[str, Any], job: Job | None) -> Reply:
        """Carry a call out."""
        answer = self._methods[method](asked, job)
        return Reply(status=200, body={"ok": True} | answer)

    def _post(self, asked: dict[str, Any], job: Job | None) -> dict[str, Any]:
        now = self.world.now()
        ts = f"{int(now.timestamp())}.{len(self.posts):06d}"
        key = job.key if job else "?"
        post = Post(ts=ts, channel=asked["channel"], job=key, body=asked, thread=asked.get("thread_ts"))
        post.versions.append((self.world.oracle.shows(job), asked.get("blocks", [])))
        self.posts.append(post)
        self.world.oracle.posted(post, job)
        return {"ts": ts, "channel": post.channel, "message": {"ts": ts}}

    def _update(self, asked: dict[str, Any], job: Job | None) -> dict[str, Any]:
        post = next((one for one in self.posts if (one.channel, one.ts) == (asked["channel"], asked["ts"])), None)
        if post is None:
            return {"ok": False, "error": "message_not_found"}
        # chat.update without metadata leaves it as it is: docs.slack.dev/reference/methods/chat.update
        post.body = {**asked, "metadata": asked.get("metadata", post.body.get("metadata"))}
        post.versions.append((self.world.oracle.shows(job), asked.get("blocks", [])))
        post.edited_by.append(job.key if job else "?")
        self.world.oracle.edited(post, job)
        return {"ts": post.ts, "channel": post.channel}

    def _history(self, asked: dict[str, Any], job: Job | None) -> dict[str, Any]:
        del job
        found = [post for post in self.in_channel(asked["channel"]) if float(post.ts) > float(asked.get("oldest", 0))]
        return self._page(found, asked)

    def _replies(self, asked: dict[str, Any], job: Job | None) -> dict[str, Any]:
        del job
        found = [post for post in self.posts if post.channel == asked["channel"] and asked["ts"] in (post.ts, post.thread)]
        return self._page([one for one in found if float(one.ts) > float(asked.get("oldest", 0))], asked)

    @staticmethod
    def _page(found: list[Post], asked: dict[str, Any]) -> dict[str, Any]:
        # newest first, a page at a time
        start, limit = int(asked.get("cursor") or 0), int(asked.get("limit", 100))
        page = found[::-1][start : start + limit]
        more = start + limit < len(found)
        return {
            "messages": [{"ts": one.ts, "metadata": one.body.get("metadata")} for one in page], "has_more": more,
            "response_metadata": {"next_cursor": str(start + limit) if more else ""},
        }


class _Client(AsyncWebClient):
    """slack_sdk's client, down to its request."""

    def __init__(self, workspace: Workspace, replica: Replica) -> None:
        super().__init__("xoxb-simulated", base_url="https://slack.invalid/api/", timeout=15, retry_handlers=[])
        self.workspace, self.replica = workspace, replica

    async def _request(self, *, http_verb: str, api_url: str, req_args: dict[str, Any]) -> dict[str, Any]:
        del http_verb
        world, method = self.workspace.world, api_url.rsplit("/", 1)[-1]
        asked = req_args.get("json") or req_args.get("params") or req_args.get("data") or {}
        job = world.job.get()
        bucket = f"slack:{method}:{asked.get('channel', '')}"
        world.oracle.sends(self.replica, job, method, asked)
        try:
            reply = await world.network.call(
                self.replica, "slack", bucket, lambda: self.workspace.act(method, asked, job), timeout=15.0,
                busy=lambda seconds: Reply(
                    status=429, body={"ok": False, "error": "ratelimited"}, headers={"Retry-After": str(seconds)}
                ),
            )
        except WireBroken as broken:
            world.oracle.unknown(job, broken.how)
            raise _words(broken) from None
        if reply.status >= 500:
            world.oracle.unknown(job, "5xx")
            return {"data": {"ok": False, "error": "internal_error"}, "headers": {}, "status_code": reply.status}
        world.oracle.answered(job)
        return {"data": json.loads(json.dumps(reply.body)), "headers": reply.headers, "status_code": reply.status}


def _words(broken: WireBroken) -> Exception:
    match broken.how:
        case "refused":
            return aiohttp.ClientConnectorError(_KEY, ConnectionRefusedError("refused"))
        case "reset":
            return aiohttp.ServerDisconnectedError()
        case _:
            return TimeoutError()
