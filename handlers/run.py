"""run(): the one door by which a person's wish comes in. Who is it, may they, do it, audit it, all in one transaction.

A typed command, a pressed button and a filled-in form are three ways to make the same Command.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, fields, replace

from domain.answers import NeverMind, Noted, Refused
from domain.errors import BadInput, Conflict, NotAllowed, NotFound, OpsError, Stale
from domain.forms import FieldKind, Form
from domain.jobs import Engine, Transaction
from domain.letters import StoredButton
from domain.messages import Command, Letter, Message
from domain.money import parse_money
from domain.people import Actor, Staff
from domain.ports import UnitOfWork
from domain.shops import Shop
from handlers.commands import BY_PATH, Asked, fill, read, typed
from handlers.deadline import TooSlow
from handlers.use_cases import FORMS, USE_CASES

log = logging.getLogger("opsbell.run")


@dataclass(frozen=True, kw_only=True)
class Who:
    """The platform's signed word on who speaks, and where."""

    platform: str
    user: str
    #: Slack's workspace; "" on Telegram
    team: str = ""
    #: the channel or chat; None where there is none (App Home)
    place: str | None = None
    #: a guest, or somebody of another workspace
    stranger: bool = False
    #: the platform would not say whether they are one
    unsure: bool = False

    @property
    def identity(self) -> str:
        """As rows keep it: slack:T0/U0, or telegram:1001."""
        return f"slack:{self.team}/{self.user}" if self.platform == "slack" else f"telegram:{self.user}"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the person is to see: a letter, or a form to fill in."""

    shop: Shop | None
    letter: Letter
    form: Form | None = None
    #: the form's field at fault, where the answer is a refusal
    field: str | None = None
    refused: bool = False
    #: what was pressed on as it stands now, where the answer is that it has changed
    now: Letter | None = None
    #: the very same request came before; nothing was done for this one
    repeated: bool = False


class Repeated(Conflict):
    """I have this already."""


class Unknown(OpsError):
    """I can't tell which shop you mean. Ask an owner to add you, or this channel, to the shop file."""


async def _as_said(who: Who) -> Who:
    return who


@dataclass(frozen=True, kw_only=True)
class Desk:
    """Runs what people ask for. ``reference``: a short fresh id under which the log can be searched."""

    engine: Engine
    reference: Callable[[], str]
    refusals: list[int] = field(default_factory=lambda: [0, 0])
    #: what else the platform knows of somebody than its signed word: whether they are a guest
    known: Callable[[Who], Awaitable[Who]] = field(default=_as_said)

    async def typed(self, who: Who, name: str, text: str, *, seen: str | None = None) -> Answer:
        """A typed command. ``seen``: the key that makes a replayed request count once."""
        who = await self.known(who)

        def whole(transaction: Transaction) -> Answer:
            uow, actor = begin(transaction, who)
            asked = read(name, text)
            if asked.missing is not None:
                actor.require(frozenset(type(actor.staff.role)) if actor.staff else frozenset(), "use Opsbell")
                return Answer(shop=uow.shop, letter=Letter(message=Noted(sentence="")), form=asked.missing)
            return _answer(whole_command(asked, actor, uow), uow, who)

        return await self._guarded(who, whole, seen)

    async def filled(self, who: Who, path: str, values: dict[str, str], *, seen: str | None = None) -> Answer:
        """A typed command whose missing arguments a form has asked for."""
        who = await self.known(who)

        def whole(transaction: Transaction) -> Answer:
            uow, actor = begin(transaction, who)
            entry = BY_PATH.get(path)
            if entry is None:
                raise Conflict("That form is over.")
            return _answer(whole_command(fill(entry, values), actor, uow), uow, who)

        return await self._guarded(who, whole, seen)

    async def pressed(self, who: Who, token: str, *, seen: str | None = None) -> Answer:
        """A pressed button: its command, or the form that its command needs."""
        who = await self.known(who)

        def whole(transaction: Transaction) -> Answer:
            uow, actor, button = press(transaction, who, token)
            form = form_for(button.command, actor, uow)
            if form is not None:
                return Answer(shop=uow.shop, letter=Letter(message=Noted(sentence="")), form=form)
            return _answer(carry_out(transaction, uow, actor, who, button, button.command), uow, who)

        return await self._guarded(who, whole, seen)

    async def submitted(self, who: Who, token: str, values: dict[str, str], *, seen: str | None = None) -> Answer:
        """A form that a button opened, filled in."""
        who = await self.known(who)

        def whole(transaction: Transaction) -> Answer:
            uow, actor, button = press(transaction, who, token)
            form = form_for(button.command, actor, uow)
            if form is None:
                raise Conflict("That form is over.")
            command = complete(button.command, form, values, uow.shop.currency)
            return _answer(carry_out(transaction, uow, actor, who, button, command), uow, who)

        return await self._guarded(who, whole, seen)

    async def commanded(self, who: Who, command: Command) -> Answer:
        """A command made by the platform itself, such as an opened App Home."""
        who = await self.known(who)

        def whole(transaction: Transaction) -> Answer:
            uow, actor = begin(transaction, who)
            return _answer(run(command, actor, uow), uow, who)

        return await self._guarded(who, whole, None)

    async def _guarded(self, who: Who, whole: Callable[[Transaction], Answer], seen: str | None) -> Answer:
        def once(transaction: Transaction) -> Answer:
            if seen is not None and not transaction.inbox.first("click", seen):
                raise Repeated
            return whole(transaction)

        try:
            return await self.engine.write(once)
        except Stale as error:
            self.refusals[0] += 1
            return await self._shown_anew(who, error)
        except OpsError as error:
            self.refusals[0] += 1
            return _refusal(error)
        except TooSlow:
            raise  # the platform shows the person a warning
        except Exception:
            self.refusals[1] += 1
            reference = self.reference()
            log.exception("a command broke (ref %s)", reference)
            sentence = f"I could not do that, and nothing was changed. Try again in a minute. (ref {reference})"
            return Answer(shop=None, letter=Letter(message=Refused(sentence=sentence)), refused=True)

    async def _shown_anew(self, who: Who, stale: Stale) -> Answer:
        """A press on a card that looks different by now: the card is drawn anew, and the answer says how it stands."""

        def whole(transaction: Transaction) -> Answer:
            uow = transaction.of(stale.shop_id)
            now = run(stale.show, actor_of(who, uow), uow)
            uow.outbox.card_again(stale.card)
            answer = _refusal(stale)
            return replace(answer, shop=uow.shop, now=uow.outbox.stamp(now, who.identity))

        try:
            return await self.engine.write(whole)
        except OpsError:  # they may not see it either
            return _refusal(stale)


def _refusal(error: OpsError) -> Answer:
    at_fault = error.field if isinstance(error, BadInput) else None
    return Answer(
        shop=None, letter=Letter(message=Refused(sentence=error.sentence)), field=at_fault, refused=True,
        repeated=isinstance(error, Repeated),
    )


def begin(transaction: Transaction, who: Who) -> tuple[UnitOfWork, Actor]:
    """The shop that somebody means, and who they are there; Unknown if it cannot be told."""
    if who.platform == "slack":
        meant = transaction.shops.of_slack(who.team, who.user, who.place)
        if meant is None:
            raise Unknown
        shop, staff = meant
        return transaction.of(shop), _of_slack(who, staff)
    found = transaction.shops.of_telegram(int(who.user), who.place or who.user)
    if found is None:
        raise Unknown
    uow = transaction.of(found)
    return uow, actor_of(who, uow)


def actor_of(who: Who, uow: UnitOfWork) -> Actor:
    """Who that is in this shop."""
    if who.platform == "slack":
        return _of_slack(who, uow.people.by_slack(who.team, who.user))
    customer = uow.customers.by_telegram(int(who.user))
    return Actor(
        identity=who.identity, staff=uow.people.by_telegram(int(who.user)),
        customer_id=None if customer is None else customer.id, stranger=who.stranger, unsure=who.unsure,
    )


def _of_slack(who: Who, staff: Staff | None) -> Actor:
    return Actor(identity=who.identity, staff=staff, stranger=who.stranger, unsure=who.unsure)


def run(command: Command, actor: Actor, uow: UnitOfWork) -> Message:
    """The command's use case. Only the use case decides whether this actor may."""
    if isinstance(command, NeverMind):
        return Noted(sentence="Nothing was changed.")
    return USE_CASES[type(command)](command, actor, uow)


def press(transaction: Transaction, who: Who, token: str) -> tuple[UnitOfWork, Actor, StoredButton]:
    """The button behind a token, for whoever may press it."""
    button = transaction.buttons.find(token)
    if button is None:
        raise NotFound("This button is no longer valid. Look at the newest message about it.")
    if button.presser is not None and button.presser != who.identity:
        raise NotAllowed("This button is for somebody else.")
    uow = transaction.of(button.shop_id)
    return uow, actor_of(who, uow), button


def carry_out(
    transaction: Transaction, uow: UnitOfWork, actor: Actor, who: Who, button: StoredButton, command: Command
) -> Message:
    """Run a button's command; a single-use button is used up in the same transaction."""
    message = run(command, actor, uow)
    if button.once and not transaction.buttons.use(button.token, who.identity):
        raise Conflict("Somebody has just pressed this.")
    return message


def whole_command(asked: Asked, actor: Actor, uow: UnitOfWork) -> Message:
    """Run what was typed."""
    if asked.command is None:
        raise BadInput(f"{asked.entry.path} needs more: /ops {asked.entry.usage}")
    return run(asked.command, actor, uow)


def form_for(command: Command, actor: Actor, uow: UnitOfWork) -> Form | None:
    """The form that a command needs; None if it is whole as it is."""
    made = FORMS.get(type(command))
    if made is None:
        return None
    return made if isinstance(made, Form) else made(command, actor, uow)


def complete(command: Command, form: Form, values: dict[str, str], currency: str) -> Command:
    """The command with the form's answers as its fields; BadInput names the field at fault."""
    known = {one.name for one in fields(command)}
    found: dict[str, object] = {}
    for one in form.fields:
        text = values.get(one.name, "").strip()
        if not text and one.required:
            raise BadInput(f"{one.label} is missing.", field=one.name)
        if len(text) > one.max_length:
            raise BadInput(f"{one.label} may have {one.max_length} characters at most.", field=one.name)
        if one.kind is FieldKind.CHOICE and text and text not in {choice.value for choice in one.choices}:
            raise BadInput(f"{one.label} is none of the choices.", field=one.name)
        if one.name not in known:
            continue
        if one.kind is FieldKind.MONEY and text:
            found[one.name] = _money(text, currency, one.name)
        else:
            found[one.name] = typed(type(command), one.name, text)
    return replace(command, **found)


def _money(text: str, currency: str, name: str) -> object:
    try:
        return parse_money(text, currency)
    except BadInput as error:
        raise BadInput(error.sentence, field=name) from None


def _answer(message: Message, uow: UnitOfWork, who: Who) -> Answer:
    return Answer(shop=uow.shop, letter=uow.outbox.stamp(message, who.identity))
