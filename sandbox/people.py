"""The fixed people, channels and commands of the demo world (Nordlicht Shop)."""

from collections.abc import Iterable
from dataclasses import dataclass

TEAM = "T0NORDLICHT"
OTHER_TEAM = "T0ELSEWHERE"
TEAM_NAME = "Nordlicht Shop"
TEAM_DOMAIN = "nordlicht-shop"
APP = "A0OPSBELL"
BOT_USER = "U0OPSBELL"
BOT = "B0OPSBELL"
SHOP = "nordlicht"
TIME_ZONE = "Europe/Berlin"


@dataclass(frozen=True, kw_only=True)
class SlackUser:
    """A person of the Slack workspace, or a stranger of a shared channel."""

    id: str
    name: str
    real_name: str
    #: what the person does in the shop; for the page only
    role: str
    team: str = TEAM
    is_admin: bool = False
    is_restricted: bool = False


@dataclass(frozen=True, kw_only=True)
class SlackChannel:
    """A channel of the workspace and who is in it (user ids)."""

    id: str
    name: str
    members: frozenset[str]
    #: shared with the other team
    is_shared: bool = False


@dataclass(frozen=True, kw_only=True)
class TelegramPerson:
    """A person on Telegram; the private chat has the same number."""

    id: int
    name: str
    first_name: str
    last_name: str
    language_code: str
    #: "customer" or "staff"
    role: str
    #: pressed Start long ago; the others begin as strangers, to whom a bot cannot write
    knows_bot: bool = False

    @property
    def phone(self) -> str:
        """The phone number the person would share."""
        return f"+49 151 0000 {self.id}"


@dataclass(frozen=True, kw_only=True)
class SlashCommand:
    """A slash command of the app."""

    command: str
    usage_hint: str
    description: str


SLACK_USERS = (
    SlackUser(id="U0ADA", name="ada", real_name="Ada Lindqvist", role="owner", is_admin=True),
    SlackUser(id="U0BEN", name="ben", real_name="Ben Carter", role="support"),
    SlackUser(id="U0CLEO", name="cleo", real_name="Cleo Martin", role="finance"),
    SlackUser(id="U0DAN", name="dan", real_name="Dan Weber", role="ops"),
    SlackUser(id="U0EVE", name="eve", real_name="Eve Novak", role="viewer"),
    SlackUser(id="U0FINN", name="finn", real_name="Finn Okafor", role="support"),
    SlackUser(id="U0GUEST", name="gus", real_name="Gus Peters", role="guest", is_restricted=True),
    SlackUser(id="U0MALLORY", name="mallory", real_name="Mallory Stone", role="stranger", team=OTHER_TEAM),
)

_STAFF = frozenset({"U0ADA", "U0BEN", "U0CLEO", "U0DAN", "U0EVE", "U0FINN", "U0GUEST", BOT_USER})

SLACK_CHANNELS = (
    SlackChannel(id="C0GENERAL", name="general", members=_STAFF | {"U0MALLORY"}, is_shared=True),
    SlackChannel(id="C0STOCK", name="stock", members=_STAFF),
    SlackChannel(id="C0PARCELS", name="parcels", members=_STAFF),
    SlackChannel(id="C0RETURNS", name="returns", members=_STAFF | {"U0MALLORY"}, is_shared=True),
    SlackChannel(id="C0DAILY", name="daily", members=_STAFF),
)

COMMANDS = (
    SlashCommand(
        command="/ops",
        usage_hint="help | stock SKU | parcels ORDER | returns | digest",
        description="Ask Opsbell about the shop",
    ),
    SlashCommand(command="/stock", usage_hint="[sku]", description="What there is of an article"),
    SlashCommand(command="/parcels", usage_hint="[order]", description="Where an order's parcels are"),
    SlashCommand(command="/returns", usage_hint="[return]", description="Returns that wait for a decision"),
    SlashCommand(command="/digest", usage_hint="[day]", description="A day's figures"),
    SlashCommand(command="/quiet", usage_hint="[hours] [days]", description="Your quiet hours"),
)

TELEGRAM_PEOPLE = (
    TelegramPerson(
        id=1001, name="maria", first_name="Maria", last_name="Silva", language_code="pt", role="customer"
    ),
    TelegramPerson(
        id=1002, name="jonas", first_name="Jonas", last_name="Becker", language_code="de", role="customer",
        knows_bot=True,
    ),
    TelegramPerson(
        id=1003, name="sofia", first_name="Sofia", last_name="Rossi", language_code="en", role="customer"
    ),
    TelegramPerson(
        id=1004, name="liam", first_name="Liam", last_name="Murphy", language_code="en", role="customer",
        knows_bot=True,
    ),
    TelegramPerson(
        id=1005, name="yuki", first_name="Yuki", last_name="Tanaka", language_code="en", role="customer",
        knows_bot=True,
    ),
    TelegramPerson(
        id=1006, name="omar", first_name="Omar", last_name="Haddad", language_code="en", role="customer",
        knows_bot=True,
    ),
    TelegramPerson(
        id=2001, name="dan", first_name="Dan", last_name="Weber", language_code="en", role="staff",
        knows_bot=True,
    ),
    TelegramPerson(
        id=2002, name="ada", first_name="Ada", last_name="Lindqvist", language_code="en", role="staff",
        knows_bot=True,
    ),
)


def slack_user(key: str) -> SlackUser | None:
    """The Slack user of this id or name (a leading @ is ignored)."""
    key = key.removeprefix("@")
    return next((user for user in SLACK_USERS if key in (user.id, user.name)), None)


def slack_channel(key: str) -> SlackChannel | None:
    """The Slack channel of this id or name (a leading # is ignored)."""
    key = key.removeprefix("#")
    return next((channel for channel in SLACK_CHANNELS if key in (channel.id, channel.name)), None)


def telegram_person(key: str | int) -> TelegramPerson | None:
    """The Telegram person of this id or name."""
    return next((person for person in TELEGRAM_PEOPLE if str(key) in (str(person.id), person.name)), None)


def slack_name(user_id: str) -> str:
    """How the transcript names a Slack user: "bot", a short name, or the id itself if unknown."""
    if user_id == BOT_USER:
        return "bot"
    user = slack_user(user_id)
    return user.name if user else user_id


def names(things: Iterable[SlackUser | SlackChannel | TelegramPerson]) -> str:
    """The names, for an error sentence."""
    return ", ".join(thing.name for thing in things)
