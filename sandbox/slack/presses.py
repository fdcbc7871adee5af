"""Pressing buttons, choosing in selects, filling in and closing modals."""

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.people import SlackUser
from sandbox.slack.acts import QUIET, Mark, Refused, mark, outcome, payload_base, person, place
from sandbox.slack.calls import SlackError
from sandbox.slack.delivery import Ack, send
from sandbox.slack.elements import STATEFUL
from sandbox.slack.shown import Json, buttons, message_json, options_of, used, view_entry, view_json
from sandbox.slack.state import Channel, Message, View
from sandbox.slack.values import BadValue, entered, fill_in, initial_values
from sandbox.slack.view_methods import add_view, change_view, close_view, read_view, stack_of

if TYPE_CHECKING:
    from sandbox.world import World

#: what Slack's client says when a modal's or a button's request fails
TROUBLE = "We had some trouble connecting. Try again?"


@dataclass(frozen=True, kw_only=True)
class Surface:
    """Where something is pressed: a message in a channel, or a view."""

    blocks: list[Json]
    message: Message | None = None
    channel: Channel | None = None
    view: View | None = None


def own_view(world: "World", key: Any, user: SlackUser) -> View:
    """The open view of this id; of App Home too. Raises Refused."""
    every = [*world.slack.views.values(), *world.slack.homes.values()]
    view = next((one for one in every if one.id == str(key)), None)
    if view is None or view.user != user.id:
        raise Refused(f"{user.name} has no view {key!r}.", 404)
    if view.state != "open":
        raise Refused(f"The view {key} is {view.state}.", 409)
    return view


def _readable(world: "World", channel: Channel, user: SlackUser) -> list[Message]:
    """The messages `user` can press in, newest first."""
    every = [one for one in world.slack.messages.values() if one.channel == channel.id and not one.deleted]
    seen = [one for one in every if one.ephemeral_to in (None, user.id)]
    return sorted(seen, key=lambda one: one.ts, reverse=True)


def _surfaces(world: "World", asked: Json, user: SlackUser) -> list[Surface]:
    """Where to look for the button: the view or message named, or all messages of the channel."""
    if asked.get("home") is True:
        home = world.slack.homes.get(user.id)
        if home is None:
            raise Refused(f"The app has published no home for {user.name}.", 404)
        return [Surface(blocks=home.definition["blocks"], view=home)]
    if asked.get("view_id"):
        view = own_view(world, asked["view_id"], user)
        return [Surface(blocks=view.definition["blocks"], view=view)]
    channel = place(world, asked.get("channel"), user)
    messages = _readable(world, channel, user)
    if asked.get("ts"):
        messages = [one for one in messages if one.ts == str(asked["ts"])]
        if not messages:
            raise Refused(f"{user.name} sees no message {asked['ts']} in #{channel.name}.", 404)
    return [Surface(blocks=one.blocks, message=one, channel=channel) for one in messages]


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The element a person uses, and what they choose in it (None: a plain button)."""

    block: Json
    element: Json
    given: Any = None


def _fits(element: Json, given: Any, chosen: Any) -> bool:
    """Whether this is the element meant: the button with that value, the menu with that option."""
    if element["type"] == "button":
        return given in (None, element.get("value"))
    if element["type"] != "overflow" or chosen is None:
        return True
    return any(chosen in (one["value"], one["text"]["text"]) for one in options_of(element))


def _find(blocks: list[Json], asked: Json) -> Choice | None:
    """The element that the request names by action_id, by label, or by an option's label."""
    wanted, action_id = asked.get("label"), asked.get("action_id")
    given = asked.get("option", asked.get("value"))
    for (block, element), flat in zip(used(blocks), buttons(blocks), strict=True):
        if asked.get("block_id") not in (None, block["block_id"]):
            continue
        if action_id is not None:
            chosen = wanted if given is None else given
            if element["action_id"] == action_id and _fits(element, given, chosen):
                return Choice(block=block, element=element, given=chosen)
        elif wanted is not None:
            if flat["label"] == wanted and (flat["kind"] == "button" or given is not None):
                return Choice(block=block, element=element, given=given)
            if any(option["text"]["text"] == wanted for option in options_of(element)):
                return Choice(block=block, element=element, given=wanted)
    return None


def _locate(world: "World", asked: Json, user: SlackUser) -> tuple[Surface, Choice]:
    """Surface and element of a press. Raises Refused, saying what could be pressed."""
    if asked.get("label") is None and asked.get("action_id") is None:
        raise Refused("Say what to press: label or action_id.")
    surfaces = _surfaces(world, asked, user)
    for surface in surfaces:
        choice = _find(surface.blocks, asked)
        if choice is not None:
            return surface, choice
    labels = [flat["label"] for surface in surfaces[:3] for flat in buttons(surface.blocks)]
    labels += [
        option["label"]
        for surface in surfaces[:3]
        for flat in buttons(surface.blocks)
        for option in flat["options"]
    ]
    there = ", ".join(label for label in labels if label) or "nothing"
    raise Refused(f"There is no {asked.get('label') or asked.get('action_id')!r} to press; there is: {there}.", 404)


def _action(world: "World", surface: Surface, choice: Choice) -> Json:
    """The `actions[0]` of the payload; keeps what was chosen. Raises BadValue."""
    element, block = choice.element, choice.block
    action: Json = {
        "type": element["type"],
        "action_id": element["action_id"],
        "block_id": block["block_id"],
        "action_ts": world.slack.new_ts(),
    }
    for name in ("text", "value", "style", "url", "placeholder", "confirm"):
        if name in element:
            action[name] = element[name]
    if element["type"] == "overflow":
        action["selected_option"] = entered({**element, "type": "static_select"}, choice.given)["selected_option"]
        if action["selected_option"] is None:
            raise BadValue("Say which option of the menu: option.")
    elif element["type"] in STATEFUL:
        chosen = entered(element, choice.given)
        holder = surface.view.values if surface.view else _chosen(surface)
        holder.setdefault(block["block_id"], {})[element["action_id"]] = chosen
        action |= {key: value for key, value in chosen.items() if key != "type"}
    return action


def _chosen(surface: Surface) -> dict[str, dict[str, Json]]:
    """state.values of a message: made when the first thing is chosen."""
    assert surface.message is not None
    if not surface.message.chosen:
        surface.message.chosen = initial_values(surface.blocks)
    return surface.message.chosen


def _block_actions(world: "World", user: SlackUser, surface: Surface, action: Json) -> Json:
    """The whole block_actions payload."""
    view = surface.view
    payload = payload_base(world, user, "block_actions", view.id if view and view.kind == "modal" else None)
    payload["actions"] = [action]
    if view is not None:
        payload["container"] = {"type": "view", "view_id": view.id}
        payload["view"] = view_json(view)
        return copy.deepcopy(payload)
    message, channel = surface.message, surface.channel
    assert message is not None
    assert channel is not None
    payload["container"] = {
        "type": "message",
        "message_ts": message.ts,
        "channel_id": channel.id,
        "is_ephemeral": message.ephemeral_to is not None,
        **({"thread_ts": message.thread_ts} if message.thread_ts else {}),
    }
    payload["channel"] = {"id": channel.id, "name": channel.name}
    payload["state"] = {"values": _chosen(surface)}
    payload["response_url"] = world.slack.new_response_url(channel.id, user.id, message.ts)
    if message.ephemeral_to is None:
        payload["message"] = message_json(message, world.slack)
    return copy.deepcopy(payload)


async def press(world: "World", asked: Json) -> Json:
    """Press a button or choose in a select; a confirmation dialog is answered with yes unless told."""
    user = person(asked.get("user"))
    surface, choice = _locate(world, asked, user)
    if "confirm" in choice.element and asked.get("confirm") is False:
        return {"ok": True, "cancelled": True, "confirm": choice.element["confirm"], "saw": []}
    try:
        action = _action(world, surface, choice)
    except BadValue as error:
        raise Refused(str(error)) from error
    since = mark(world)
    payload = _block_actions(world, user, surface, action)
    ack = await send(world, "interactive", payload, name=f"press {action['action_id'][:60]}")
    answer = await outcome(world, user, since, QUIET if ack.error else None)
    answer["confirm"] = choice.element.get("confirm")
    if choice.element.get("url"):
        answer["url"] = choice.element["url"]
    return {**answer, "ok": False, "error": f"{TROUBLE} ({ack.error})"} if ack.error else answer


def _refuse_input(world: "World", view: View, complaints: dict[str, str]) -> Json:
    """Show complaints at their fields; the modal stays open."""
    view.entry["errors"] = complaints
    view.entry.update(view_entry(view))
    world.transcript.touch(view.entry)
    labels = {block["block_id"]: (block.get("label") or {}).get("text") for block in view.definition["blocks"]}
    named = {labels.get(key) or key: text for key, text in complaints.items()}
    return {"ok": False, "errors": complaints, "labels": named, "view_id": view.id}


def _react(world: "World", view: View, body: Json) -> Json | None:
    """Do what the app's answer to a submission says; errors come back. Raises SlackError."""
    state = world.slack
    if body:
        state.app_acts += 1
    match body.get("response_action"):
        case None:
            close_view(state, view, "submitted")
        case "clear":
            for one in stack_of(state, view.root):
                close_view(state, one, "submitted")
        case "update":
            change_view(state, view, read_view(body.get("view"), "modal", state, own=view.id))
        case "push":
            if len(stack_of(state, view.root)) >= 3:
                raise SlackError("push_limit_reached")
            add_view(state, view.user, read_view(body.get("view"), "modal", state), view)
        case "errors":
            errors = body.get("errors")
            known = {block["block_id"] for block in view.definition["blocks"] if block["type"] == "input"}
            if not isinstance(errors, dict) or not errors or not set(errors) <= known:
                raise SlackError("invalid_errors")
            return _refuse_input(world, view, {key: str(text) for key, text in errors.items()})
        case other:
            raise SlackError(f"unknown response_action {other}")
    return None


def _top_view(world: "World", asked: Json, user: SlackUser) -> View:
    """The view to submit: the one named, or the top of what `user` has open. Raises Refused."""
    key = asked.get("view_id")
    if not key:
        mine = [one for one in world.slack.views.values() if one.user == user.id and one.state == "open"]
        if not mine:
            raise Refused(f"{user.name} has no modal open.", 404)
        return mine[-1]
    view = own_view(world, key, user)
    if view.kind != "modal":
        raise Refused("Only modals can be submitted or closed.")
    if stack_of(world.slack, view.root)[-1] is not view:
        raise Refused(f"Another modal lies on top of {key}.", 409)
    return view


async def submit(world: "World", asked: Json) -> Json:
    """Fill in a modal and press its submit button."""
    user = person(asked.get("user"))
    view = _top_view(world, asked, user)
    given = asked.get("values") or {}
    if not isinstance(given, dict):
        raise Refused("values must be an object: label or block_id to value.")
    if not view.definition.get("submit"):
        raise Refused("This modal has no submit button.")
    try:
        complaints = fill_in(view.definition["blocks"], view.values, given)
    except BadValue as error:
        raise Refused(str(error)) from error
    if complaints:
        return {**_refuse_input(world, view, complaints), "saw": [view.entry]}
    since = mark(world)
    payload = payload_base(world, user, "view_submission", view.id)
    payload |= {"view": copy.deepcopy(view_json(view)), "response_urls": []}
    ack = await send(world, "interactive", payload, name=f"submit {view.definition.get('callback_id', '')[:60]}")
    return await _after_submit(world, user, view, ack, since)


async def _after_submit(world: "World", user: SlackUser, view: View, ack: Ack, since: Mark) -> Json:
    refused: Json | None = None
    error = ack.error
    if error is None and (ack.text.strip() or view.state != "open"):
        # Text that is no JSON is an answer Slack does not understand; a view closed meanwhile stays closed.
        error = "invalid_response" if ack.text.strip() else None
    elif error is None:
        try:
            refused = _react(world, view, ack.body or {})
        except SlackError as problem:
            error = "; ".join((problem.code, *problem.messages))
    answer = await outcome(world, user, since, QUIET if error or refused else None)
    if error:
        return {**answer, "ok": False, "error": f"{TROUBLE} ({error})"}
    return {**answer, **(refused or {})}


async def close(world: "World", asked: Json) -> Json:
    """Close a modal with its close button; all=true closes the whole stack with the cross."""
    user = person(asked.get("user"))
    view = _top_view(world, asked, user)
    every = asked.get("all") is True or view.definition.get("clear_on_close") is True
    closing = list(reversed(stack_of(world.slack, view.root))) if every else [view]
    since = mark(world)
    told = False
    for one in closing:
        close_view(world.slack, one, "closed")
        if one.definition.get("notify_on_close"):
            payload = payload_base(world, user, "view_closed")
            del payload["trigger_id"]
            payload |= {"view": copy.deepcopy(view_json(one)), "is_cleared": every}
            await send(world, "interactive", payload, name="view_closed")
            told = True
    return await outcome(world, user, since, None if told else QUIET)
