"""Shipping: where parcels are, which are late and why, and who is told.

USE_CASES, FORMS and FACTS name what runs for each command and fact.
"""

from typing import Final

from domain.messages import Command, Fact, NoteFact, UseCase
from domain.shipping import claims, refunds, reship
from domain.shipping.actions import (
    list_late_parcels,
    resolve_parcel,
    show_parcels,
    snooze_parcel,
    suggested_text,
    tell_customer,
    where_is_my_parcel,
    why_parcel,
)
from domain.shipping.claims import Claim, ClaimCard, ClaimDone, ClaimDue, remind_claims
from domain.shipping.commands import (
    CancelReship,
    CloseClaim,
    FileClaim,
    ListLateParcels,
    OpenClaim,
    RefundParcel,
    ReshipLeft,
    ReshipParcel,
    ResolveParcel,
    ShowParcels,
    SnoozeParcel,
    TellCustomer,
    WhereIsMyParcel,
    WhyParcel,
)
from domain.shipping.facts import ParcelScanned, ParcelTracked, note_parcel_scanned, note_parcel_tracked
from domain.shipping.forms import FORMS
from domain.shipping.messages import (
    ClaimLine,
    CustomerTold,
    LateParcel,
    LateParcelCard,
    LateParcelList,
    LateParcelsRest,
    ParcelChoices,
    ParcelDelayTold,
    ParcelDone,
    ParcelLine,
    ParcelQuiet,
    ParcelReport,
    ParcelSettled,
    ParcelStatus,
    ParcelStillLate,
    ParcelWhy,
    ParcelWorse,
    Quiet,
    Told,
)
from domain.shipping.model import Milestone, OpenCounts, ParcelAsOf, Parcels, Progress, Scan, Substatus, progress
from domain.shipping.refunds import RefundAsked
from domain.shipping.reship import Piece, Reship, ReshipCard, ReshipDone, ReshipTold
from domain.shipping.rules import Delay, DelayRule, LaneGuess, delay, delays, lane_guess
from domain.shipping.watch import counts_of, evaluate_order, late_parcels, open_counts, sweep_parcels

USE_CASES: Final[dict[type[Command], UseCase]] = {
    ShowParcels: show_parcels,
    ListLateParcels: list_late_parcels,
    TellCustomer: tell_customer,
    SnoozeParcel: snooze_parcel,
    ResolveParcel: resolve_parcel,
    WhyParcel: why_parcel,
    WhereIsMyParcel: where_is_my_parcel,
    **claims.USE_CASES, **refunds.USE_CASES, **reship.USE_CASES,
}
FACTS: Final[dict[type[Fact], NoteFact]] = {
    ParcelScanned: note_parcel_scanned, ParcelTracked: note_parcel_tracked,
}

__all__ = [
    "FACTS",
    "FORMS",
    "USE_CASES",
    "CancelReship",
    "Claim",
    "ClaimCard",
    "ClaimDone",
    "ClaimDue",
    "ClaimLine",
    "CloseClaim",
    "CustomerTold",
    "Delay",
    "DelayRule",
    "FileClaim",
    "LaneGuess",
    "LateParcel",
    "LateParcelCard",
    "LateParcelList",
    "LateParcelsRest",
    "ListLateParcels",
    "Milestone",
    "OpenClaim",
    "OpenCounts",
    "ParcelAsOf",
    "ParcelChoices",
    "ParcelDelayTold",
    "ParcelDone",
    "ParcelLine",
    "ParcelQuiet",
    "ParcelReport",
    "ParcelScanned",
    "ParcelSettled",
    "ParcelStatus",
    "ParcelStillLate",
    "ParcelTracked",
    "ParcelWhy",
    "ParcelWorse",
    "Parcels",
    "Piece",
    "Progress",
    "Quiet",
    "RefundAsked",
    "RefundParcel",
    "Reship",
    "ReshipCard",
    "ReshipDone",
    "ReshipLeft",
    "ReshipParcel",
    "ReshipTold",
    "ResolveParcel",
    "Scan",
    "ShowParcels",
    "SnoozeParcel",
    "Substatus",
    "TellCustomer",
    "Told",
    "WhereIsMyParcel",
    "WhyParcel",
    "counts_of",
    "delay",
    "delays",
    "evaluate_order",
    "lane_guess",
    "late_parcels",
    "list_late_parcels",
    "note_parcel_scanned",
    "open_counts",
    "progress",
    "remind_claims",
    "resolve_parcel",
    "show_parcels",
    "snooze_parcel",
    "suggested_text",
    "sweep_parcels",
    "tell_customer",
    "where_is_my_parcel",
    "why_parcel",
]
