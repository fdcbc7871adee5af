"""Forms on a platform without forms: asked one by one, in the person's own chat; they outlive a restart."""

from __future__ import annotations

from domain.answers import AnswerForm, FormQuestion, LeaveForm, Noted
from domain.errors import BadInput, Conflict
from domain.forms import DIALOGUE, Form
from domain.jobs import Transaction
from domain.messages import Chat, Command, Message
from domain.people import Actor
from domain.ports import UnitOfWork
from domain.wire import Json, from_json, to_json
from handlers.commands import BY_PATH, fill
from handlers.run import Who, carry_out, complete, press, run


def begin(uow: UnitOfWork, chat: Chat, form: Form, *, token: str | None = None, path: str | None = None) -> Message:
    """The first question. ``token``: the button that needs the form; ``path``: the typed command that does."""
    uow.dialogues.put(chat, DIALOGUE, {"form": to_json(form), "token": token, "path": path, "values": {}})
    return _question(form, 0)


def waits(uow: UnitOfWork, chat: Chat) -> bool:
    """Whether a question stands open in this chat."""
    under_way = uow.dialogues.of(chat)
    return under_way is not None and under_way.name == DIALOGUE


def handle(transaction: Transaction, uow: UnitOfWork, actor: Actor, who: Who, command: Command) -> Message | None:
    """What a pressed button of a question does; None if it is another button."""
    if isinstance(command, AnswerForm):
        return answer(transaction, uow, actor, who, command.value)
    if isinstance(command, LeaveForm):
        uow.dialogues.end(own_chat(who))
        return Noted(sentence="Stopped. Nothing was changed.")
    return None


def answer(transaction: Transaction, uow: UnitOfWork, actor: Actor, who: Who, text: str) -> Message:
    """The next question, or what the whole form brought about."""
    under_way = uow.dialogues.of(own_chat(who))
    if under_way is None or under_way.name != DIALOGUE:
        raise Conflict("That question is over.")
    state = under_way.state
    form = from_json(Form, state["form"])
    values = dict(state["values"]) if isinstance(state["values"], dict) else {}
    field = form.fields[len(values)]
    if field.required and not text.strip():
        raise BadInput(f"{field.label} is missing.")
    values[field.name] = text
    if len(values) < len(form.fields):
        uow.dialogues.put(own_chat(who), DIALOGUE, {**state, "values": values})
        return _question(form, len(values))
    uow.dialogues.end(own_chat(who))
    return _carry_out(transaction, uow, actor, who, state, {name: str(value) for name, value in values.items()})


def _carry_out(
    transaction: Transaction, uow: UnitOfWork, actor: Actor, who: Who, state: dict[str, Json], values: dict[str, str]
) -> Message:
    if state.get("token"):
        _, _, button = press(transaction, who, str(state["token"]))
        command = complete(button.command, from_json(Form, state["form"]), values, uow.shop.currency)
        return carry_out(transaction, uow, actor, who, button, command)
    asked = fill(BY_PATH[str(state["path"])], values)
    if asked.command is None:
        raise BadInput("Something is still missing.")
    return run(asked.command, actor, uow)


def _question(form: Form, place: int) -> Message:
    return FormQuestion(
        title=form.title, intro=form.intro, field=form.fields[place], number=place + 1, of=len(form.fields)
    )


def own_chat(who: Who) -> Chat:
    """Where a person is asked: in a group others would answer, and we hear no plain words there."""
    return Chat(platform="telegram", address=who.user)
