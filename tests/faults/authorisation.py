"""The whole authorisation table, and proof that it can fail: each rule taken out of the code once, cells turn wrong."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.authorisation.desk import judge_all
from tests.figures import Figure

_ROOT: Final = Path(__file__).resolve().parents[2]
_PARTS: Final = ("bot", "domain", "handlers", "gateways", "notifications", "storage", "tests")
_PEOPLE: Final = "domain/people.py"
_DECISIONS: Final = "domain/returns/decisions.py"
_ENTITLED: Final = "domain/returns/entitlement.py"


@dataclass(frozen=True)
class Rule:
    """One rule, where it stands, and the code without it."""

    name: str
    file: str
    code: str
    without: str
    #: what notices: the table of returns, or the one of everything else
    by: str = "tests.authorisation.desk"
    #: which of the places where the code stands; None: all of them
    place: int | None = None


_CARDS: Final = "tests/authorisation/test_cards.py"
#: who may do everything else: file, the roles, the words of the refusal
_ASKED: Final = (
    ("domain/shipping/reship.py", "APPROVERS", '"send goods again", money=True'),
    ("domain/shipping/reship.py", "DESK", '"send parcels"'),
    ("domain/shipping/reship.py", "APPROVERS", '"stop a parcel", money=True'),
    ("domain/shipping/claims.py", "DESK", '"open claims"'),
    ("domain/shipping/claims.py", "DESK", '"file claims"'),
    ("domain/shipping/claims.py", "DESK", '"close claims"'),
    ("domain/shipping/refunds.py", "DESK", '"ask for refunds"'),
    ("domain/shipping/forms.py", "SPEAKERS", '"write to customers"'),
    ("domain/shipping/actions.py", "SPEAKERS", '"write to customers"'),
    ("domain/shipping/actions.py", "DESK", '"snooze alerts"'),
    ("domain/shipping/actions.py", "DESK", '"resolve cases"'),
    ("domain/inventory/suppliers.py", "BUYERS", '"choose suppliers"'),
    ("domain/inventory/actions.py", "BUYERS", '"order stock"'),
    ("domain/inventory/actions.py", "DESK", '"snooze alerts"'),
    ("domain/inventory/forms.py", "BUYERS", '"order stock"'),
    ("domain/inventory/forms.py", "BUYERS", '"change reorder points"'),
    ("domain/inventory/actions.py", "BUYERS", '"change reorder points"'),
)


def _asked() -> Iterator[Rule]:
    """Each place that asks for a role, without it: any of the staff may."""
    for file, roles, words in _ASKED:
        code = f"actor.require({roles}, {words})"
        for place in range((_ROOT / file).read_text().count(code)):
            yield Rule(f"{words.split(chr(34))[1]} ({file}, {place + 1})", file, code,
                       f"actor.require(frozenset(actor.staff and [actor.staff.role] or ()), {words})", _CARDS, place)


RULES: Final = (
    Rule("guests and strangers are refused", _PEOPLE, "if self.stranger:", "if False:"),
    Rule("only the shop's staff", _PEOPLE, "if self.staff is None:", "if False:"),
    Rule("not those switched off", _PEOPLE, "if not self.staff.active:", "if False:"),
    Rule("no money where a guest cannot be told", _PEOPLE, "if money and self.unsure:", "if False:"),
    Rule("looking is allowed then", _PEOPLE, "if money and self.unsure:", "if self.unsure:"),
    Rule("roles", _PEOPLE, "if self.staff.role not in roles:", "if False:"),
    Rule("viewers decide nothing", _PEOPLE, "APPROVERS = frozenset({Role.OWNER,", "APPROVERS = frozenset({Role.VIEWER, Role.OWNER,"),
    Rule("ops decide nothing", _PEOPLE, "APPROVERS = frozenset({Role.OWNER,", "APPROVERS = frozenset({Role.OPS, Role.OWNER,"),
    Rule("finance decides", _PEOPLE, "APPROVERS = frozenset({Role.OWNER, Role.SUPPORT, Role.FINANCE})", "APPROVERS = frozenset({Role.OWNER, Role.SUPPORT})"),
    Rule("support may decide", _PEOPLE, "APPROVERS = frozenset({Role.OWNER, Role.SUPPORT, Role.FINANCE})", "APPROVERS = frozenset({Role.OWNER, Role.FINANCE})"),
    Rule("no limit set is none for support", _PEOPLE, "UNLIMITED = frozenset({Role.OWNER, Role.FINANCE})", "UNLIMITED = frozenset(Role)"),
    Rule("viewers cancel nothing", _PEOPLE, "DESK = frozenset({Role.OWNER,", "DESK = frozenset({Role.VIEWER, Role.OWNER,"),
    Rule("own by Telegram account", _ENTITLED, "staff.telegram_user in accounts", "False"),
    Rule("own by e-mail", _ENTITLED, "_same_address(staff.email, customer.email)", "False"),
    Rule("e-mail in any case of letters", _ENTITLED, "str(one).strip().casefold() == str(other).strip().casefold()", "one == other"),
    Rule("own before approving", _DECISIONS, "    refuse_own(yes.found, yes.staff, yes.actor, uow)\n", ""),
    Rule("own before declining", _DECISIONS, "    found = open_return(command.return_number, command.version, uow)\n    refuse_own(found, staff, actor, uow)\n    reason", "    found = open_return(command.return_number, command.version, uow)\n    reason"),
    Rule("own before asking for a photo", _DECISIONS, "    refuse_own(found, staff, actor, uow)\n    if found.state not in", "    if found.state not in"),
    Rule("a person's own limit", _ENTITLED, "return already + yes.amount.minor <= limit.minor", "return True"),
    Rule("a second person", _ENTITLED, "return bool(bound) and", "return False and"),
    Rule("never more than is left", "domain/payments/model.py", "if amount <= payment.left:", "if True:"),
    Rule("the card's version", _DECISIONS, "and version in (None, found.version)", ""),
    Rule("only what waits is decided", "domain/returns/model.py", "{ReturnState.REQUESTED, ReturnState.PHOTO_ASKED, ReturnState.RECEIVED,", "{ReturnState.REQUESTED, ReturnState.PHOTO_ASKED, ReturnState.APPROVED, ReturnState.RECEIVED,"),
    Rule("a photo only before the goods are there", _DECISIONS, "if found.state not in {ReturnState.REQUESTED, ReturnState.PHOTO_ASKED}:", "if False:"),
    Rule("cancelled only by its own customer", "domain/returns/arrivals.py", 'actor.identity == f"telegram:{found.telegram_user}"', "True"),
    Rule("goods: not for oneself", "domain/shipping/reship.py", "    _refuse_own(order, staff, actor, uow)\n", "", _CARDS),
    Rule("goods: no limit set is none for support", "domain/shipping/reship.py", "    _within_limit(staff, _value(order), uow)\n", "", _CARDS),
    Rule("goods: not where a guest cannot be told", "domain/shipping/reship.py", '"send goods again", money=True', '"send goods again"', _CARDS),
    Rule("stopping goods: not where a guest cannot be told", "domain/shipping/reship.py", '"stop a parcel", money=True', '"stop a parcel"', _CARDS),
    *_asked(),
    Rule("cancelled only in time", "domain/returns/arrivals.py", "if found.state not in CANCELLABLE or found.received_at is not None:", "if False:"),
)


def machine() -> Sequence[Figure]:
    """Every cell, and every rule taken out once."""
    count, bad = judge_all()
    with ThreadPoolExecutor(2) as pool:
        survived = [rule.name for rule, caught in zip(RULES, pool.map(caught_without, RULES), strict=True) if not caught]
    return (
        Figure(
            name="authorisation table (S9)", tried=f"{count:,} cells", found=f"{len(bad)} other than the table says",
            goal="0", met=not bad,
        ),
        Figure(
            name="rules that the table guards", tried=f"{len(RULES)} taken out, one at a time",
            found=f"{len(RULES) - len(survived)} noticed" + (f"; not: {', '.join(survived)}" if survived else ""),
            goal=f"{len(RULES)}", met=not survived,
        ),
    )


def caught_without(rule: Rule) -> bool:
    """Whether the table turns wrong in a copy of the code without that rule."""
    with tempfile.TemporaryDirectory() as folder:
        for part in _PARTS:
            shutil.copytree(_ROOT / part, Path(folder) / part, ignore=shutil.ignore_patterns("__pycache__", "*.png"))
        file = Path(folder) / rule.file
        code = file.read_text()
        if rule.code not in code:
            raise LookupError(f"{rule.file} has no {rule.code!r} any more: bring the rule up to date")
        file.write_text(_without(code, rule))
        command = ["-m", rule.by] if rule.by != _CARDS else ["-m", "pytest", "-q", "-p", "no:randomly", "-n", "0", _CARDS]
        done = subprocess.run([sys.executable, *command], cwd=folder, capture_output=True, check=False)
        if done.returncode not in (0, 1) or (done.returncode == 1 and b" wrong" not in done.stdout):
            raise RuntimeError((done.stderr + done.stdout).decode()[-500:])
        return done.returncode == 1


def _without(code: str, rule: Rule) -> str:
    if rule.place is None:
        return code.replace(rule.code, rule.without)
    parts = code.split(rule.code)
    return rule.code.join(parts[: rule.place + 1]) + rule.without + rule.code.join(parts[rule.place + 1 :])
