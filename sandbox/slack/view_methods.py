"""Web API: views.*, the modal stack and App Home, and apps.connections.open.

Source: docs.slack.dev/reference/methods/views.open and docs.slack.dev/surfaces/modals, read 2026-11-23.
"""

import copy
from typing import Any

from sandbox.people import TEAM, slack_user
from sandbox.slack.blocks import MOST_VIEW_BYTES, check_view, view_size
from sandbox.slack.calls import Call, Json, Method, SlackError
from sandbox.slack.shown import stamped, view_entry, view_json
from sandbox.slack.state import State, Trigger, View
from sandbox.slack.values import initial_values

#: a modal and two more on top of it
MOST_STACKED = 3


def read_view(given: Any, kind: str, state: State, *, own: str | None = None) -> Json:
    """A checked and stamped view definition. Raises invalid_arguments, view_too_large, duplicate_external_id."""
    wrong = check_view(given, kind)
    if wrong:
        raise SlackError("invalid_arguments", *wrong)
    if view_size(given) > MOST_VIEW_BYTES:
        raise SlackError("view_too_large")
    external = given.get("external_id")
    taken = [one for one in state.views.values() if one.definition.get("external_id") and one.state == "open"]
    if external and any(one.definition["external_id"] == external and one.id != own for one in taken):
        raise SlackError("duplicate_external_id")
    definition: Json = copy.deepcopy(given)
    definition["blocks"] = stamped(definition["blocks"], state)
    return definition


def new_hash(state: State) -> str:
    """A view's hash: changes with every change of the view."""
    return f"{state.new_ts().split('.')[0]}.{state.new_id('', 8)}"


def _check_trigger(call: Call) -> Trigger:
    """The trigger of the call, not yet used up. Raises the three trigger errors."""
    key = call.text("trigger_id") or call.text("interactivity_pointer")
    trigger = call.world.slack.triggers.get(key)
    if trigger is None:
        raise SlackError("invalid_trigger_id" if key else "invalid_arguments")
    if trigger.used:
        raise SlackError("exchanged_trigger_id")
    if call.world.clock.now() > trigger.until:
        raise SlackError("expired_trigger_id")
    return trigger


def add_view(state: State, user: str, definition: Json, below: View | None) -> View:
    """Put a modal on the screen of `user`, on top of `below` or alone."""
    view_id = state.new_id("V0")
    view = View(
        id=view_id,
        user=user,
        kind="modal",
        definition=definition,
        hash=new_hash(state),
        entry={},
        root=below.root if below else view_id,
        previous=below.id if below else None,
        values=initial_values(definition["blocks"]),
    )
    state.views[view.id] = view
    view.entry.update(view_entry(view), errors={})
    state.world.transcript.add(view.entry)
    return view


def change_view(state: State, view: View, definition: Json) -> None:
    """Give an open view a new definition; what was typed into blocks that stay is kept."""
    kept = view.values
    view.definition = definition
    view.hash = new_hash(state)
    view.values = initial_values(definition["blocks"])
    for block_id, actions in view.values.items():
        for action_id in actions:
            if action_id in kept.get(block_id, {}):
                actions[action_id] = kept[block_id][action_id]
    view.entry.update(view_entry(view), errors={})
    state.world.transcript.touch(view.entry)


def stack_of(state: State, root: str) -> list[View]:
    """The open modals of one stack, lowest first."""
    return [view for view in state.views.values() if view.root == root and view.state == "open"]


def _open(call: Call) -> Json:
    state = call.world.slack
    definition = read_view(call.arguments.get("view"), "modal", state)
    trigger = _check_trigger(call)
    trigger.used = True
    for other in [one for one in state.views.values() if one.user == trigger.user and one.state == "open"]:
        close_view(state, other, "closed")
    return {"view": view_json(add_view(state, trigger.user, definition, None))}


def close_view(state: State, view: View, how: str) -> None:
    """Take a modal off the screen; `how` is "submitted" or "closed"."""
    view.state = how
    view.entry.update(view_entry(view))
    state.world.transcript.touch(view.entry)


def _push(call: Call) -> Json:
    state = call.world.slack
    definition = read_view(call.arguments.get("view"), "modal", state)
    trigger = _check_trigger(call)
    below = state.views.get(trigger.view or "")
    if below is None or below.state != "open":
        raise SlackError("not_found")
    if len(stack_of(state, below.root)) >= MOST_STACKED:
        raise SlackError("push_limit_reached")
    trigger.used = True
    return {"view": view_json(add_view(state, trigger.user, definition, below))}


def _update(call: Call) -> Json:
    state = call.world.slack
    wanted, external = call.text("view_id"), call.text("external_id")
    if not wanted and not external:
        raise SlackError("invalid_arguments", "missing required field: view_id")
    every = [*state.views.values(), *state.homes.values()]
    view = next(
        (
            one
            for one in every
            if one.id == wanted or (external and one.definition.get("external_id") == external)
        ),
        None,
    )
    if view is None or view.state != "open":
        raise SlackError("not_found")
    if call.text("hash") and call.text("hash") != view.hash:
        raise SlackError("hash_conflict")
    definition = read_view(call.arguments.get("view"), view.kind, state, own=view.id)
    change_view(state, view, definition)
    return {"view": view_json(view)}


def _publish(call: Call) -> Json:
    state = call.world.slack
    if not state.installation.has_home:
        raise SlackError("not_enabled")
    user = slack_user(call.text("user_id"))
    if user is None or user.id != call.text("user_id") or user.team != TEAM:
        raise SlackError("invalid_arguments", "user_not_found [json-pointer:/user_id]")
    definition = read_view(call.arguments.get("view"), "home", state)
    view = state.homes.get(user.id)
    if call.text("hash") and view is not None and call.text("hash") != view.hash:
        raise SlackError("hash_conflict")
    if view is not None:
        change_view(state, view, definition)
        return {"view": view_json(view)}
    view_id = state.new_id("V0")
    view = View(
        id=view_id,
        user=user.id,
        kind="home",
        definition=definition,
        hash=new_hash(state),
        entry={},
        root=view_id,
        values=initial_values(definition["blocks"]),
    )
    state.homes[user.id] = view
    view.entry.update(view_entry(view))
    state.world.transcript.add(view.entry)
    return {"view": view_json(view)}


def _connections_open(call: Call) -> Json:
    state = call.world.slack
    ticket = state.new_id("", 32).lower()
    state.tickets.add(ticket)
    address = call.world.address.replace("http://", "ws://", 1)
    return {"url": f"{address}/slack/socket?ticket={ticket}&app_id=A0OPSBELL"}


METHODS = (
    Method(name="views.open", act=_open, tier=4, required=("view",)),
    Method(name="views.push", act=_push, tier=4, required=("view",)),
    Method(name="views.update", act=_update, tier=4, required=("view",)),
    Method(name="views.publish", act=_publish, tier=4, required=("user_id", "view")),
    Method(name="apps.connections.open", act=_connections_open, tier=3, caller="app"),
)
