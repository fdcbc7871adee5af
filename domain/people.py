"""Who is speaking, and what they may do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from domain.errors import NotAllowed
from domain.messages import Chat
from domain.money import Money


class Role(StrEnum):
    """What a member of staff is trusted with."""

    OWNER = "owner"
    OPS = "ops"
    SUPPORT = "support"
    FINANCE = "finance"
    VIEWER = "viewer"

    @property
    def plural(self) -> str:
        """Those who have it: "owners", "finance"."""
        return f"{self.value}s" if self in (Role.OWNER, Role.VIEWER) else self.value


def listed(words: Sequence[str]) -> str:
    """"finance, owners and support"; "" for none."""
    return " and ".join(part for part in (", ".join(words[:-1]), *words[-1:]) if part)


ANY_STAFF = frozenset(Role)
#: may change things other than money
DESK = frozenset({Role.OWNER, Role.OPS, Role.SUPPORT, Role.FINANCE})
#: may order goods
BUYERS = frozenset({Role.OWNER, Role.OPS})
#: may speak to customers
SPEAKERS = frozenset({Role.OWNER, Role.OPS, Role.SUPPORT})
#: may decide returns, each within their own limit
APPROVERS = frozenset({Role.OWNER, Role.SUPPORT, Role.FINANCE})
#: may let any amount go that the shop's policy leaves to one person
UNLIMITED = frozenset({Role.OWNER, Role.FINANCE})


@dataclass(frozen=True, kw_only=True)
class Staff:
    """A member of staff. ``refund_limit`` None means no limit of their own, and counts only for UNLIMITED roles."""

    id: int
    key: str
    name: str
    role: Role
    refund_limit: Money | None
    slack_team: str | None = None
    slack_user: str | None = None
    telegram_user: int | None = None
    active: bool = True
    #: most that they may let go in one local day; None = what the shop's policy says
    day_limit: Money | None = None
    email: str | None = None

    @property
    def own_chats(self) -> tuple[Chat, ...]:
        """Where that person reads alone: in Slack, in Telegram, in both or in neither."""
        there = {"slack": self.slack_user, "telegram": self.telegram_user}
        return tuple(Chat(platform=name, address=str(one)) for name, one in there.items() if one is not None)


@dataclass(frozen=True, kw_only=True)
class Actor:
    """Whoever makes a command: the platform's signed identity, and the member of staff or customer it belongs to."""

    #: "slack:T0/U0", "telegram:1001", "clock", "cli:name"
    identity: str
    staff: Staff | None = None
    customer_id: int | None = None
    #: guests and people of other workspaces are refused whatever else is known of them
    stranger: bool = False
    #: the platform would not say whether they are a guest: good enough to look, not for money
    unsure: bool = False

    @property
    def name(self) -> str:
        """How the audit trail and the card call them."""
        return self.staff.name if self.staff else self.identity

    @property
    def audit_name(self) -> str:
        """"staff:ada", "customer:17", or the bare identity."""
        if self.staff:
            return f"staff:{self.staff.key}"
        return f"customer:{self.customer_id}" if self.customer_id else self.identity

    def require(self, roles: frozenset[Role], doing: str, *, money: bool = False) -> Staff:
        """The member of staff, if active and of one of the roles; NotAllowed otherwise. ``doing``: "order stock".

        ``money``: whether it lets money go, or stops it; then who cannot be told from a guest is refused as well.
        """
        if self.stranger:
            raise NotAllowed("Guests and people of other workspaces can't use Opsbell. Ask the shop's staff.")
        if self.staff is None:
            raise NotAllowed("I don't know you as staff of this shop. Ask an owner to add you to the shop file.")
        if not self.staff.active:
            raise NotAllowed("Your access is switched off. Ask an owner.")
        if money and self.unsure:
            raise NotAllowed("Slack does not tell me right now whether you are a guest here. Try again in a minute.")
        if self.staff.role not in roles:
            able = listed(sorted(role.plural for role in roles if role is not Role.VIEWER)) or "nobody"
            raise NotAllowed(f"Only {able} can {doing}. You are {self.staff.role.value}.")
        return self.staff
