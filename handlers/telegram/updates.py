"""An update, as a command of the desk or of the customer's conversation; the reply leaves by the outbox."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from aiogram.types import CallbackQuery, Message, Update
from pydantic import ValidationError

from domain.answers import AreYouSure, FormQuestion, Refused
from domain.dialogue import Say, SendPhoto, ShareContact, Start
from domain.errors import BadInput, NotAllowed, OpsError, Stale
from domain.foreign import json_object
from domain.jobs import Received, Transaction
from domain.letters import StoredButton
from domain.messages import Chat, Command
from domain.messages import Message as Said
from domain.people import Actor
from domain.ports import UnitOfWork
from domain.shops import Shop
from handlers import questions
from handlers.commands import SHORT_NAMES, read
from handlers.run import Unknown, Who, actor_of, begin, carry_out, form_for, press, run
from notifications.telegram.texts import PRESS

_STAFF_NAMES: Final = frozenset({"ops", "help", *SHORT_NAMES})


@dataclass(frozen=True, kw_only=True)
class TelegramUpdates:
    """Works off stored updates. ``username``: the bot's own name, as groups address it."""

    username: str = ""
    source: str = "telegram"

    def work(self, received: Received, transaction: Transaction) -> None:
        """Do what an update asks for, and have the reply said."""
        update = _parsed(received)
        if update.callback_query is not None:
            self._pressed(update, update.callback_query, transaction)
        elif update.message is not None and update.message.from_user is not None:
            self._heard(update, update.message, transaction)
        elif update.my_chat_member is not None and update.my_chat_member.new_chat_member.status == "kicked":
            member = update.my_chat_member
            for shop in transaction.shops.all():
                transaction.of(shop.id).customers.unreachable(member.from_user.id)

    def refuse(self, received: Received, error: OpsError, transaction: Transaction) -> None:
        """Tell the person what could not be done; a press hears it as an alert, and loses buttons that are over."""
        update = _parsed(received)
        who = _who(update)
        if isinstance(error, Stale) and who is not None:
            _draw_anew(transaction, update, who, error)
        if update.callback_query is not None:
            _answer(transaction, update.callback_query.id, error.sentence)
        elif who is not None and (uow := _anybodys(transaction, who)) is not None:
            _reply(uow, who, update.update_id, Refused(sentence=error.sentence))

    def _heard(self, update: Update, message: Message, transaction: Transaction) -> None:
        who = _who(update)
        if who is None or message.from_user is None or message.from_user.is_bot:
            return
        private = message.chat.type == "private"
        name, text = self._command(message.text or "")
        # Who is staff of several shops answers the one that asked them; what they begin themselves is never guessed.
        asking = transaction.shops.asking(message.from_user.id) if private and not name else None
        uow, actor = begin(transaction, who) if asking is None else _with(transaction, who, asking)
        if name in _STAFF_NAMES and actor.staff is not None:
            if not private and not transaction.shops.names(uow.shop, _chat(who)):
                # Whoever else reads there may be anybody.
                raise NotAllowed(
                    f"This group is no chat of {uow.shop.name}: ask me in our own chat. An owner can add it to the "
                    f"shop file: its number is {who.place}."
                )
            reply = _typed(uow, actor, who, name, text)
        elif not private:
            return  # in a group only commands are meant for us
        elif actor.staff is not None and questions.waits(uow, questions.own_chat(who)):
            reply = questions.answer(transaction, uow, actor, who, message.text or "")
        else:
            reply = run(_spoken(message, name, text), actor, uow)
        _reply(uow, who, update.update_id, reply)

    def _pressed(self, update: Update, query: CallbackQuery, transaction: Transaction) -> None:
        data = query.data or ""
        who = _who(update)
        if who is None or not data.startswith(PRESS):
            _answer(transaction, query.id, "I don't know this button.")
            return
        uow, actor, button = press(transaction, who, data.removeprefix(PRESS))
        confirm = button.confirm
        if confirm is not None:
            _rehearse(transaction, uow, actor, who, button)
            reply: Said = AreYouSure.about(button.command, confirm.question, confirm.yes, confirm.no)
        elif (meant := questions.handle(transaction, uow, actor, who, button.command)) is not None:
            reply = meant
        elif (form := form_for(button.command, actor, uow)) is not None:
            reply = questions.begin(uow, questions.own_chat(who), form, token=button.token)
        else:
            reply = carry_out(transaction, uow, actor, who, button, button.command)
        elsewhere = isinstance(reply, FormQuestion) and _chat(who) != questions.own_chat(who)
        _answer(transaction, query.id, "I have asked you in our own chat." if elsewhere else None)
        if query.message is not None and reply.kind == button.shown_in:
            number = str(query.message.message_id)
            uow.outbox.replace(_chat(who), number, reply, once=f"reply:{update.update_id}")
        else:
            _reply(uow, who, update.update_id, reply)

    def _command(self, text: str) -> tuple[str, str]:
        """The name and the rest of a command such as /stock@opsbell_bot low; no name for anything else."""
        if not text.startswith("/"):
            return "", text
        word, _, rest = text[1:].partition(" ")
        name, _, addressed = word.partition("@")
        if addressed and self.username and addressed.lower() != self.username.lower():
            return "", ""
        return name.lower(), rest.strip()


def _anybodys(transaction: Transaction, who: Who) -> UnitOfWork | None:
    """The shop that somebody means, or where that cannot be told any that knows them; None if none does."""
    try:
        return begin(transaction, who)[0]
    except Unknown:
        shops = (transaction.of(shop) for shop in transaction.shops.all())
        return next((uow for uow in shops if actor_of(who, uow).staff is not None), None)


def _with(transaction: Transaction, who: Who, shop: Shop) -> tuple[UnitOfWork, Actor]:
    uow = transaction.of(shop)
    return uow, actor_of(who, uow)


def _rehearse(transaction: Transaction, uow: UnitOfWork, actor: Actor, who: Who, button: StoredButton) -> None:
    """Whoever would be refused after the question is refused before it."""
    if form_for(button.command, actor, uow) is None:
        transaction.rehearse(lambda: carry_out(transaction, uow, actor, who, button, button.command))


def _draw_anew(transaction: Transaction, update: Update, who: Who, stale: Stale) -> None:
    """What looks different by now is drawn anew wherever its card stands, and so is the message that was pressed."""
    uow, chat = transaction.of(stale.shop_id), _chat(who)
    try:
        now: Said = run(stale.show, actor_of(who, uow), uow)
    except OpsError:
        return  # they may not see it either
    stands = uow.outbox.card_again(stale.card)
    if questions.waits(uow, questions.own_chat(who)):
        uow.dialogues.end(questions.own_chat(who))  # its last answer would be refused again and again
    query = update.callback_query
    if query is None or query.message is None or (chat, str(query.message.message_id)) in stands:
        return
    button = transaction.buttons.find((query.data or "").removeprefix(PRESS))
    if button is None or button.shown_in != now.kind:
        now = Refused(sentence=stale.sentence)  # a question about it is over, and has no buttons any more
    uow.outbox.replace(chat, str(query.message.message_id), now, once=f"stale:{update.update_id}")


def _typed(uow: UnitOfWork, actor: Actor, who: Who, name: str, text: str) -> Said:
    asked = read("ops", "help") if name == "help" else read(name, text)
    if asked.command is None and asked.missing is not None:
        return questions.begin(uow, questions.own_chat(who), asked.missing, path=asked.entry.path)
    if asked.command is None:
        raise BadInput(f"That needs more: /{asked.entry.usage}")
    return run(asked.command, actor, uow)


def _spoken(message: Message, name: str, text: str) -> Command:
    """What a customer did, as the conversation's command."""
    if message.contact is not None:
        return ShareContact(phone=message.contact.phone_number, user_id=message.contact.user_id)
    if message.photo:
        return SendPhoto(file_id=message.photo[-1].file_id, caption=message.caption)
    if name == "start":
        return Start(payload=text or None)
    return Say(text=message.text or message.caption or "")


def _parsed(received: Received) -> Update:
    # aiogram's models let NUL and endless numbers through, and take a text or a yes for a number
    if type(json_object(received.body).get("update_id")) is not int:
        raise OpsError("That update has no number.")
    try:
        update = Update.model_validate_json(received.body)
    except ValidationError:
        raise OpsError("That update is not as Telegram writes them.") from None
    if any(abs(one) >= 2**52 for one in _ids(update)):  # core.telegram.org/bots/api: at most 52 significant bits
        raise OpsError("That update names somebody who cannot be.")
    return update


def _ids(update: Update) -> list[int]:
    found = [one.from_user.id for one in (update.message, update.callback_query, update.my_chat_member)
             if one is not None and one.from_user is not None]
    found += [one.chat.id for one in (update.message, update.my_chat_member) if one is not None]
    pressed = update.callback_query.message if update.callback_query is not None else None
    found += [pressed.chat.id, pressed.message_id] if pressed is not None else []
    contact = update.message.contact if update.message is not None else None
    return [*found, contact.user_id or 0] if contact is not None else found


def _who(update: Update) -> Who | None:
    query, message = update.callback_query, update.message
    if query is not None:
        place = query.message.chat.id if query.message is not None else query.from_user.id
        return Who(platform="telegram", user=str(query.from_user.id), place=str(place))
    if message is not None and message.from_user is not None:
        return Who(platform="telegram", user=str(message.from_user.id), place=str(message.chat.id))
    return None


def _chat(who: Who) -> Chat:
    return Chat(platform="telegram", address=who.place or who.user)


def _reply(uow: UnitOfWork, who: Who, update_id: int, message: Said) -> None:
    chat = questions.own_chat(who) if isinstance(message, FormQuestion) else _chat(who)
    uow.outbox.tell(chat, message, once=f"reply:{update_id}")


def _answer(transaction: Transaction, callback: str, text: str | None) -> None:
    transaction.jobs.add(
        key=f"answer:{callback}", kind="answer.telegram", payload={"callback": callback, "text": text},
        due_at=transaction.now,
    )
