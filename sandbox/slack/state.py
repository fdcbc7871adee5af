"""What the Slack of the sandbox remembers: messages, files, views, App Homes, triggers, response URLs."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sandbox.people import BOT_USER, SLACK_CHANNELS
from sandbox.slack.manifest import Installation

if TYPE_CHECKING:
    from sandbox.slack.sockets import Socket
    from sandbox.world import World

#: a trigger_id opens one view, within 3 s
TRIGGER_LIFE = timedelta(seconds=3)
#: a response URL takes 5 answers within 30 minutes
RESPONSE_LIFE = timedelta(minutes=30)
RESPONSE_USES = 5
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


@dataclass(kw_only=True)
class Channel:
    """A channel as it now is."""

    id: str
    name: str
    members: set[str]
    is_shared: bool
    is_archived: bool = False


@dataclass(kw_only=True)
class Message:
    """One message. `entry` is its line in the transcript; None for a message nobody was shown."""

    channel: str
    ts: str
    #: user id of the author
    user: str
    text: str
    blocks: list[dict[str, Any]]
    entry: dict[str, Any]
    is_bot: bool = True
    thread_ts: str | None = None
    #: user id of the only reader; None: everyone in the channel
    ephemeral_to: str | None = None
    metadata: dict[str, Any] | None = None
    files: list["File"] = field(default_factory=list)
    attachments: list[dict[str, Any]] = field(default_factory=list)
    reactions: dict[str, list[str]] = field(default_factory=dict)
    edited_ts: str | None = None
    broadcast: bool = False
    deleted: bool = False
    #: what people have chosen in selects and inputs of this message: block_id -> action_id -> state
    chosen: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass(kw_only=True)
class File:
    """An uploaded file, or a place reserved for one."""

    id: str
    name: str
    length: int
    title: str
    alt_text: str = ""
    mimetype: str = "application/octet-stream"
    content: bytes | None = None
    completed: bool = False
    #: where it was shared: channel id -> ts of the message
    shares: dict[str, str] = field(default_factory=dict)


@dataclass(kw_only=True)
class View:
    """A modal or an App Home as the app gave it."""

    id: str
    user: str
    kind: str
    definition: dict[str, Any]
    hash: str
    entry: dict[str, Any]
    root: str
    previous: str | None = None
    #: "open", "submitted" or "closed"
    state: str = "open"
    values: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass(kw_only=True)
class Trigger:
    """A trigger_id: who pressed, until when it works, and from which view it came."""

    id: str
    user: str
    until: datetime
    view: str | None = None
    used: bool = False


@dataclass(kw_only=True)
class ResponseUrl:
    """A response URL: what it may answer to."""

    id: str
    channel: str
    user: str
    until: datetime
    #: ts of the message whose button was pressed; None for a command
    message_ts: str | None = None
    uses: int = 0


class State:
    """The workspace. One per world."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.sockets: list[Socket] = []
        self.tickets: set[str] = set()
        #: what the manifest allows; stays through a reset
        self.installation = Installation()
        #: counts what the app has done that a person may notice; never goes back
        self.app_acts = 0
        self.reset()

    def reset(self) -> None:
        """An empty workspace with its people and channels; open sockets and the installation stay."""
        self.channels = {
            channel.id: Channel(
                id=channel.id, name=channel.name, members=set(channel.members), is_shared=channel.is_shared
            )
            for channel in SLACK_CHANNELS
        }
        self.messages: dict[tuple[str, str], Message] = {}
        #: replies by channel and thread_ts, so that a thread is found without a search
        self.replies: dict[tuple[str, str], list[Message]] = {}
        self.files: dict[str, File] = {}
        self.views: dict[str, View] = {}
        self.homes: dict[str, View] = {}
        self.triggers: dict[str, Trigger] = {}
        self.response_urls: dict[str, ResponseUrl] = {}
        #: rate limits: bucket name -> (calls left, sandbox time of that count in seconds)
        self.buckets: dict[str, tuple[float, float]] = {}
        #: body and headers of the last HTTP request to the app
        self.last_request: tuple[bytes, dict[str, str]] | None = None
        self._last_ts = 0

    def new_id(self, prefix: str, length: int = 9) -> str:
        """A new id in Slack's form, for example "F7K2M0Q1ZX"; seeded, so the same in every run."""
        return prefix + "".join(self.world.random.choices(_ALPHABET, k=length))

    def new_ts(self) -> str:
        """A new message time "seconds.micros", later than every one before."""
        now = int(self.world.clock.now().timestamp() * 1_000_000)
        self._last_ts = max(now, self._last_ts + 1)
        return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06d}"

    def new_trigger(self, user: str, view: str | None = None) -> Trigger:
        """A trigger for `user`, good for one view within 3 s."""
        now = self.world.clock.now()
        number = self.world.random.randrange(10**12, 10**13)
        trigger = Trigger(
            id=f"{number}.{number % 10**10}.{self.new_id('', 32).lower()}",
            user=user,
            until=now + TRIGGER_LIFE,
            view=view,
        )
        self.triggers[trigger.id] = trigger
        return trigger

    def new_response_url(self, channel: str, user: str, message_ts: str | None = None) -> str:
        """The address of a new response URL."""
        url = ResponseUrl(
            id=self.new_id("", 24),
            channel=channel,
            user=user,
            until=self.world.clock.now() + RESPONSE_LIFE,
            message_ts=message_ts,
        )
        self.response_urls[url.id] = url
        return f"{self.world.address}/slack/response/{url.id}"

    def find_channel(self, key: str) -> Channel | None:
        """The channel of this id, "#name" or name; a user's id finds the direct messages with the bot."""
        bare = key.removeprefix("#")
        for channel in self.channels.values():
            if bare in (channel.id, channel.name):
                return channel
        return None

    def direct_channel(self, user: str) -> Channel:
        """The direct messages between `user` and the bot, made when first needed."""
        channel_id = "D" + user[1:]
        if channel_id not in self.channels:
            self.channels[channel_id] = Channel(
                id=channel_id, name="directmessage", members={user, BOT_USER}, is_shared=False
            )
        return self.channels[channel_id]
