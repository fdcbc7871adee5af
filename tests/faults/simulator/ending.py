"""When faults stop: everything becomes final within a bounded time, and the books agree."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from tests.faults.simulator import ending_parcels
from tests.faults.simulator.oracle import SECOND, Press, entitled
from tests.faults.simulator.replica import POLL
from tests.faults.simulator.shop import MARIA, SUED

if TYPE_CHECKING:
    from tests.faults.simulator.world import World

_BERLIN = ZoneInfo("Europe/Berlin")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: the clock may be moved on by so much until all is final: the longest backoff, lease and Retry-After, a few times
_PATIENCE = timedelta(hours=4)
_ROUNDS = 600
_DIGEST = re.compile(r"/digest:(\d{4}-\d\d-\d\d)")


async def settle(world: World) -> None:
    """No more faults: processes run, mail arrives, what waits for a moment gets it."""
    world.calm = True
    world.trace("calm")
    world.oracle.calm_since = world.now()
    if not world.replicas:
        world.boot()
    moved = timedelta()
    for _ in range(_ROUNDS):
        await world.sleep(POLL / 2)
        # also what a dead process left on the wire: to jump over a lease before it arrives would be a fault of ours
        on_the_way = world.network.on_the_wire or world.mail.under_way or world.timers
        if on_the_way or any(replica.waits for replica in world.replicas):
            continue
        moment = _next_moment(world)
        if moment is None:
            return
        wait = moment - world.now()
        if wait > timedelta(0):
            wait += timedelta(milliseconds=5)
            moved += wait
            if moved > _PATIENCE:
                break
            world.jump(wait.total_seconds())
    _report_open(world)


def _next_moment(world: World) -> datetime | None:
    """When the next job that must become final can be taken up; None if there is none."""
    rows = world.database.raw.execute(
        "SELECT max(due_at, coalesce(leased_until, 0)) FROM jobs j WHERE state = 'open' AND (kind != 'fire' OR due_at <= ?) "
        "AND NOT EXISTS (SELECT 1 FROM jobs e WHERE e.lane = j.lane AND e.state = 'open' AND e.id < j.id)",
        ((world.now() - _EPOCH) // timedelta(microseconds=1),),
    ).fetchall()
    return None if not rows else _EPOCH + timedelta(microseconds=min(row[0] for row in rows))


def _report_open(world: World) -> None:
    rows = world.database.raw.execute(
        "SELECT key, attempts, error FROM jobs WHERE state = 'open' AND kind != 'fire'"
    ).fetchall()
    world.violation("I15", f"not final in time: {rows[:4]}, mail {world.mail.under_way}, timers {world.timers}")


def check(world: World) -> None:
    """Every invariant that is about the end."""
    _events(world)
    _letters(world)
    _cards(world)
    _money(world)
    _approvals(world)
    _audit(world)
    _tenants(world)
    _digests(world)
    _promises(world)
    ending_parcels.check(world)


def _rows(world: World, statement: str, *values: Any) -> list[Any]:
    return world.database.raw.execute(statement, values).fetchall()


def _events(world: World) -> None:
    for source, key in world.oracle.taken:
        rows = _rows(world, "SELECT worked_at, error FROM inbox WHERE source = ? AND key = ?", source, key)
        if not rows or rows[0][0] is None:
            world.violation("I5", f"{source} {key} was taken and never worked off")
        elif rows[0][1] is not None and key != "evt_poison" and source != "telegram":
            world.violation("I5", f"{source} {key} was given up: {rows[0][1]}")
    for key, state, attempts, error in _rows(world, "SELECT key, state, attempts, error FROM jobs WHERE key = 'learn:stripe:evt_poison'"):
        if state != "dead":
            world.violation("I14", f"{key} is {state} after {attempts} attempts")
        elif not error:
            world.violation("I14", f"{key} was given up without a reason")


def _letters(world: World) -> None:
    slack = {(post.channel, post.job) for post in world.slack.posts}
    edits = {job for post in world.slack.posts for job in post.edited_by}
    telegram = {line.job for line in world.telegram.lines}
    for key, kind, state, error, payload, attempts in _rows(
        world, "SELECT key, kind, state, error, payload, attempts FROM jobs WHERE kind LIKE 'say.%'"
    ):
        asked = json.loads(payload)
        if state == "dead" and not error:
            world.violation("I6", f"{key} was given up without a reason")
        if state == "dead" and not _may_die(world, kind, asked, error, attempts):
            world.violation("I6", f"{key} was given up: {error}")
        if state != "done":
            continue
        if kind == "say.slack" and (asked["address"], key) not in slack and key not in edits:
            world.violation("I6", f"{key} is done and stands nowhere in Slack")
        if kind == "say.telegram" and key not in telegram and not asked.get("message_id") and "card" not in asked:
            world.violation("I6", f"{key} is done and stands nowhere in Telegram")


def _may_die(world: World, kind: str, asked: dict[str, Any], error: str, attempts: int) -> bool:
    if kind == "say.telegram" and not asked.get("repeat", True) and attempts > 1:
        return True
    if kind == "say.telegram" and asked["address"] in world.telegram.blocked and "blocked" in (error or ""):
        return True
    if "too many attempts" in (error or ""):
        return world.faulty
    return "message to edit not found" in (error or "")


def _cards(world: World) -> None:
    for number, shop, version in _rows(
        world, "SELECT t.number, s.key, t.version FROM returns t JOIN shops s ON s.id = t.shop_id"
    ):
        key = f"return:{number}"
        posts = [post for post in world.slack.posts if post.job.startswith(f"{shop}/card:{key}@")]
        if not posts:
            world.violation("I4", f"{shop} {number} has no card")
        elif not posts[-1].versions[-1][0].startswith(f"{shop}/card:{key}@{version}>"):
            world.violation("I8", f"{shop} {number} is at version {version}, its card shows {posts[-1].versions[-1][0]}")


def _money(world: World) -> None:
    given = {one.intent: one for one in world.bank.given}
    for intent, state, stripe_refund, number, returned, failure in _rows(
        world, "SELECT r.id, r.state, r.stripe_refund, t.number, t.state, r.failure FROM refunds r JOIN returns t ON t.id = r.return_id"
    ):
        made = given.pop(intent, None)
        if state == "intended":
            world.violation("I4", f"the refund {intent} of {number} is still intended")
        if made is None:
            if state not in {"failed", "needs_human"}:
                world.violation("I4", f"the refund {intent} is {state}, and Stripe has none")
            continue
        if state not in {made.status, "needs_human"}:
            world.violation("I4", f"the refund {intent} is {state}, at Stripe it is {made.status} ({failure})")
        if state == "needs_human" and not (world.swarm.late or world.swarm.twice or world.faulty):
            world.violation("I4", f"the refund {intent} needs a person although nothing went wrong: {failure}")
        if stripe_refund not in {None, made.id}:
            world.violation("I2", f"{intent} is {made.id} at Stripe, and {stripe_refund} here")
        wanted = {"succeeded": {"refunded"}, "pending": {"refunding"}, "failed": {"refund_failed", "declined", "refunding", "refunded"}}
        if state == made.status and made is _latest(world, number, intent) and returned not in wanted[made.status]:
            world.violation("I4", f"{number} is {returned}, its refund is {made.status}")
    for made in given.values():
        world.violation("I3", f"{made.id} at Stripe has no intent here")
    for intent, refunded, shop in _rows(
        world, "SELECT p.payment_intent, p.refunded_minor, s.key FROM payments p JOIN shops s ON s.id = p.shop_id"
    ):
        unclear = _rows(world, "SELECT 1 FROM refunds r JOIN shops s ON s.id = r.shop_id WHERE s.key = ? AND r.state IN ('needs_human', 'intended')", shop)
        gone = sum(one.amount for one in world.bank.given if one.payment == intent and one.status != "failed")
        if not unclear and gone != refunded:
            world.violation("I1", f"{intent} counts {refunded} as refunded, Stripe gave {gone}")


def _latest(world: World, number: str, intent: str) -> Any:
    made = [one for one in world.bank.given if one.intent == intent]
    shop_of = _rows(world, "SELECT shop_id FROM refunds WHERE id = ?", intent)[0][0]
    newest = _rows(
        world, "SELECT r.id FROM refunds r JOIN returns t ON t.id = r.return_id WHERE t.number = ? AND r.shop_id = ? "
        "ORDER BY r.approval_id DESC LIMIT 1", number, shop_of,
    )[0][0]
    return made[0] if made and newest == intent else None


def _approvals(world: World) -> None:
    for number, shop, version, amount, who in _rows(
        world, "SELECT t.number, s.key, a.version, a.amount_minor, f.key FROM approvals a JOIN returns t ON t.id = a.return_id "
        "JOIN shops s ON s.id = a.shop_id JOIN staff f ON f.id = a.staff_id"
    ):
        yes = [one for one in world.oracle.meant(shop, number, amount) if (one.who.key, one.version) == (who, version)]
        if not yes:
            world.violation("I3", f"{who} is said to have approved {amount} for {number} version {version}")
    if world.swarm.story == "second":
        for number, people in _rows(
            world, "SELECT t.number, count(DISTINCT a.staff_id) FROM refunds r JOIN returns t ON t.id = r.return_id "
            "JOIN approvals a ON a.return_id = t.id AND a.amount_minor = r.amount_minor WHERE r.amount_minor > ? GROUP BY r.id", SECOND,
        ):
            if people < 2:
                world.violation("I3", f"a refund of {number} was decided by one person where it needs two")
    for number, shop, who in _rows(
        world, "SELECT t.number, s.key, f.key FROM returns t JOIN shops s ON s.id = t.shop_id JOIN staff f ON f.id = t.decided_by "
        "WHERE t.state = 'declined'"
    ):
        pressed = [one for one in world.oracle.presses if (one.shop, one.number, one.who.key, one.what) == (shop, number, who, "decline")]
        if not any(_may_decline(one) for one in pressed):
            world.violation("I3", f"{who} is said to have declined {number}")


def _may_decline(press: Press) -> bool:
    if press.shop == SUED:
        return press.who.key == "rita"
    return entitled(press, 0) or (press.who.limit is None and press.who.key == "finn")


def _audit(world: World) -> None:
    for (shop,) in _rows(world, "SELECT id FROM shops"):
        previous = "0" * 64
        for at, actor, action, subject, detail, before, found in _rows(
            world, "SELECT at, actor, action, subject, detail, previous_hash, hash FROM audit WHERE shop_id = ? ORDER BY id", shop
        ):
            line = [before, (_EPOCH + timedelta(microseconds=at)).isoformat(), actor, action, subject, json.loads(detail)]
            made = hashlib.sha256(json.dumps(line, sort_keys=True, ensure_ascii=True).encode()).hexdigest()
            if before != previous or made != found:
                world.violation("I9", f"the trail of shop {shop} breaks at {action} {subject}")
                break
            previous = found
    for shop, number, version, many in _rows(
        world, "SELECT shop_id, subject, json_extract(detail, '$.version'), count(*) FROM audit WHERE action IN "
        "('return.approved', 'return.first_approval', 'return.declined', 'return.photo_asked', 'return.photo_came', 'return.cancelled') "
        "GROUP BY 1, 2, 3 HAVING count(*) > 1"
    ):
        world.violation("I9", f"version {version} of {number} in shop {shop} was decided {many} times")
    heard: dict[str, str] = {}
    for refund, action in _rows(
        world, "SELECT json_extract(detail, '$.refund'), action FROM audit WHERE action LIKE 'refund.%' AND detail LIKE '%\"refund\"%' ORDER BY id"
    ):
        if heard.get(refund) == action:
            world.violation("I2", f"{action} of {refund} was counted twice in a row")
        heard[refund] = action
    said = {(shop, subject, action) for shop, subject, action in _rows(world, "SELECT shop_id, subject, action FROM audit")}
    needed = {"declined": "return.declined", "photo_asked": "return.photo_asked", "cancelled": "return.cancelled"}
    for shop, number, state in _rows(world, "SELECT shop_id, number, state FROM returns"):
        action = needed.get(state)
        if action is not None and (shop, number, action) not in said:
            world.violation("I9", f"{number} is {state}, and nobody is said to have done it")
    for shop, number, state, version in _rows(
        world, "SELECT r.shop_id, t.number, r.state, a.version FROM refunds r JOIN returns t ON t.id = r.return_id "
        "JOIN approvals a ON a.id = r.approval_id"
    ):
        if (shop, number, "return.approved") not in said:
            world.violation("I9", f"{number} version {version} was approved, and nobody is said to have done it")
        if (shop, number, f"refund.{state}") not in said:
            world.violation("I9", f"the refund of {number} is {state}, and the trail does not say so")


def _tenants(world: World) -> None:
    for table, other, link in (
        ("refunds", "payments", "payment_id"), ("refunds", "returns", "return_id"), ("approvals", "returns", "return_id"),
        ("approvals", "staff", "staff_id"), ("returns", "orders", "order_id"), ("payments", "orders", "order_id"),
    ):
        if _rows(world, f"SELECT 1 FROM {table} a JOIN {other} b ON b.id = a.{link} WHERE a.shop_id != b.shop_id"):
            world.violation("I10", f"a row of {table} belongs to one shop, its {other} to another")


def _digests(world: World) -> None:
    # By the day that it is the digest of: one that was held up for long may be posted on the next day.
    posted = [
        (post.channel, date.fromisoformat(found[1])) for post in world.slack.posts if (found := _DIGEST.search(post.job))
    ]
    if len(posted) != len(set(posted)):
        world.violation("I13", f"two digests of one day: {[str(day) for _, day in posted]}")
    days = {day for _, day in posted}
    if not world.swarm.schedules:
        return
    planned = {lane for (lane,) in _rows(world, "SELECT lane FROM jobs WHERE kind = 'fire' AND state = 'open'")}
    for (shop,) in _rows(world, "SELECT key FROM shops"):
        for name in ("stock", "parcels", "returns", "digest"):
            if f"schedule:{name}:{shop}" not in planned:
                world.violation("I13", f"{name} of {shop} will never run again")
    # The hour is 08:00 in Berlin; a run begins at 09:05. Once a desk has planned, every later day whose hour passes has
    # its digest.
    last = world.now().astimezone(_BERLIN)
    due = last.date() if last.time() > time(8) else last.date() - timedelta(days=1)
    planned = world.oracle.planned_at
    if planned is not None and due > planned.astimezone(_BERLIN).date() and due not in days:
        world.violation("I13", f"the digest of {due} is missing")


def _promises(world: World) -> None:
    """What the customer hears, and what is counted."""
    said = {line.job for line in world.telegram.lines}
    for intent, shop, number in _rows(
        world, "SELECT r.id, s.key, t.number FROM refunds r JOIN returns t ON t.id = r.return_id JOIN shops s ON s.id = r.shop_id "
        "WHERE r.state = 'succeeded' AND t.telegram_user IS NOT NULL"
    ):
        wanted = f"{shop}/return:{number}:customer:{intent}:sent>telegram:{MARIA}"
        dead = _rows(world, "SELECT 1 FROM jobs WHERE key = ? AND state = 'dead'", wanted)
        if wanted not in said and not dead and not world.telegram.blocked:
            world.violation("I4", f"the customer never heard of {intent}")
    for key, payload in _rows(
        world, "SELECT key, payload FROM jobs WHERE kind = 'say.telegram' AND state = 'dead' AND error LIKE '%blocked%'"
    ):
        about = json.loads(payload).get("about")
        note = f"%/unreachable:{key}>slack:%"
        if about is not None and not _rows(world, "SELECT 1 FROM jobs WHERE key LIKE ? AND state = 'done'", note):
            world.violation("I4", f"nobody was told that {key} reached nobody")
    for (on_hand,) in _rows(world, "SELECT sum(on_hand) FROM stock_levels"):
        if on_hand is not None and on_hand != world.oracle.pieces:
            world.violation("I5", f"{on_hand} pieces are counted, {world.oracle.pieces} there are")



