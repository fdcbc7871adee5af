"""Payments, refunds and disputes. FACTS names what is noted for each fact."""

from typing import Final

from domain.messages import Fact, NoteFact
from domain.payments.disputes import note_dispute_closed, note_dispute_opened
from domain.payments.facts import DisputeClosed, DisputeOpened, RefundSettled
from domain.payments.messages import DisputeCard
from domain.payments.model import (
    Dispute,
    Payment,
    Payments,
    Refund,
    RefundState,
    refundable_now,
    refundable_payment,
)
from domain.payments.reconcile import SeenRefund, note_reach, note_reconciled, since_when
from domain.payments.settlement import NotApproved, note_refund_settled, refund_sent, refund_to_send

FACTS: Final[dict[type[Fact], NoteFact]] = {
    RefundSettled: note_refund_settled,
    DisputeOpened: note_dispute_opened,
    DisputeClosed: note_dispute_closed,
}

__all__ = [
    "FACTS",
    "Dispute",
    "DisputeCard",
    "DisputeClosed",
    "DisputeOpened",
    "NotApproved",
    "Payment",
    "Payments",
    "Refund",
    "RefundSettled",
    "RefundState",
    "SeenRefund",
    "note_dispute_closed",
    "note_dispute_opened",
    "note_reach",
    "note_reconciled",
    "note_refund_settled",
    "refund_sent",
    "refund_to_send",
    "refundable_now",
    "refundable_payment",
    "since_when",
]
