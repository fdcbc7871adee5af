"""Payments, refunds and disputes as the sandbox keeps them, and their JSON as Stripe writes it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

API_VERSION = "2026-10-28.endive"
Json = dict[str, Any]
#: a refund in these states takes part of the charge away
_COUNTS = ("pending", "requires_action", "succeeded")
_EVIDENCE = (
    "access_activity_log billing_address cancellation_policy cancellation_policy_disclosure cancellation_rebuttal "
    "customer_communication customer_email_address customer_name customer_purchase_ip customer_signature "
    "duplicate_charge_documentation duplicate_charge_explanation duplicate_charge_id product_description receipt "
    "refund_policy refund_policy_disclosure refund_refusal_explanation service_date service_documentation "
    "shipping_address shipping_carrier shipping_date shipping_documentation shipping_tracking_number "
    "uncategorized_file uncategorized_text"
).split()


@dataclass(kw_only=True)
class Refund:
    """A refund. ``settles_at``: Unix seconds at which a pending one becomes ``settles_as``; None = already settled."""

    id: str
    amount: int
    created: int
    status: str = "succeeded"
    reason: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    failure_reason: str | None = None
    settles_at: float | None = None
    settles_as: str = "succeeded"


@dataclass(kw_only=True)
class Dispute:
    """A chargeback. ``due_by`` in Unix seconds."""

    id: str
    amount: int
    created: int
    reason: str
    due_by: int
    status: str = "needs_response"
    evidence: dict[str, str] = field(default_factory=dict)
    submissions: int = 0
    metadata: dict[str, str] = field(default_factory=dict)


@dataclass(kw_only=True)
class Payment:
    """A payment intent with its one charge; ``charge`` None = not confirmed yet. Amounts in minor units."""

    id: str
    charge: str | None
    amount: int
    currency: str
    created: int
    status: str = "succeeded"
    last4: str = "4242"
    country: str = "DE"
    name: str | None = None
    email: str | None = None
    description: str | None = None
    payment_method: str = "pm_card_visa"
    metadata: dict[str, str] = field(default_factory=dict)
    refunds: list[Refund] = field(default_factory=list)
    dispute: Dispute | None = None

    @property
    def refunded(self) -> int:
        """What refunds have taken, those pending too."""
        return sum(refund.amount for refund in self.refunds if refund.status in _COUNTS)

    @property
    def left(self) -> int:
        """What may still be refunded."""
        return self.amount - self.refunded if self.charge else 0


def intent_json(payment: Payment) -> Json:
    """A ``payment_intent``."""
    paid = payment.status == "succeeded"
    return {
        "id": payment.id,
        "object": "payment_intent",
        "amount": payment.amount,
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": payment.amount if paid else 0,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": None,
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": "automatic_async",
        "client_secret": f"{payment.id}_secret_{payment.id[3:]}",
        "confirmation_method": "automatic",
        "created": payment.created,
        "currency": payment.currency,
        "customer": None,
        "customer_account": None,
        "description": payment.description,
        "excluded_payment_method_types": None,
        "last_payment_error": None,
        "latest_charge": payment.charge,
        "livemode": False,
        "metadata": payment.metadata,
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": f"pm_{payment.id[3:]}" if payment.status != "requires_payment_method" else None,
        "payment_method_configuration_details": None,
        "payment_method_options": {
            "card": {"installments": None, "network": None, "request_three_d_secure": "automatic"}
        },
        "payment_method_types": ["card"],
        "processing": None,
        "receipt_email": payment.email,
        "review": None,
        "setup_future_usage": None,
        "shipping": None,
        "source": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": payment.status,
        "transfer_data": None,
        "transfer_group": None,
    }


def charge_json(payment: Payment) -> Json:
    """A ``charge``; with its refunds only when they are expanded, as since API 2022-11-15."""
    charge = payment.charge or ""
    return {
        "id": charge,
        "object": "charge",
        "amount": payment.amount,
        "amount_captured": payment.amount,
        "amount_refunded": payment.refunded,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": f"txn_{charge[3:]}",
        "billing_details": _billing(payment),
        "calculated_statement_descriptor": "NORDLICHT SHOP",
        "captured": True,
        "created": payment.created,
        "currency": payment.currency,
        "customer": None,
        "description": payment.description,
        "disputed": payment.dispute is not None,
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "fraud_details": {},
        "livemode": False,
        "metadata": payment.metadata,
        "on_behalf_of": None,
        "outcome": _OUTCOME,
        "paid": True,
        "payment_intent": payment.id,
        "payment_method": f"pm_{payment.id[3:]}",
        "payment_method_details": {"card": _card(payment), "type": "card"},
        "receipt_email": payment.email,
        "receipt_number": None,
        "receipt_url": f"https://pay.stripe.com/receipts/payment/{charge}",
        "refunded": payment.left == 0,
        "review": None,
        "shipping": None,
        "source": None,
        "source_transfer": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "succeeded",
        "transfer_data": None,
        "transfer_group": None,
    }


_OUTCOME: Json = {
    "advice_code": None,
    "network_advice_code": None,
    "network_decline_code": None,
    "network_status": "approved_by_network",
    "reason": None,
    "risk_level": "normal",
    "risk_score": 12,
    "seller_message": "Payment complete.",
    "type": "authorized",
}


def _billing(payment: Payment) -> Json:
    place = dict.fromkeys(("city", "line1", "line2", "postal_code", "state"))
    address = {**place, "country": payment.country}
    return {"address": address, "email": payment.email, "name": payment.name, "phone": None, "tax_id": None}


def _card(payment: Payment) -> Json:
    return {
        "amount_authorized": payment.amount,
        "authorization_code": None,
        "brand": "visa",
        "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"},
        "country": payment.country,
        "exp_month": 8,
        "exp_year": 2030,
        "extended_authorization": {"status": "disabled"},
        "fingerprint": payment.id[3:19],
        "funding": "credit",
        "incremental_authorization": {"status": "unavailable"},
        "installments": None,
        "last4": payment.last4,
        "mandate": None,
        "multicapture": {"status": "unavailable"},
        "network": "visa",
        "network_token": {"used": False},
        "network_transaction_id": payment.id[3:18],
        "overcapture": {"maximum_amount_capturable": payment.amount, "status": "unavailable"},
        "regulated_status": "unregulated",
        "three_d_secure": None,
        "transaction_link_id": None,
        "wallet": None,
    }


def refund_json(payment: Payment, refund: Refund) -> Json:
    """A ``refund``."""
    card = {"reference_status": "pending", "reference_type": "acquirer_reference_number", "type": "refund"}
    found: Json = {
        "id": refund.id,
        "object": "refund",
        "amount": refund.amount,
        "balance_transaction": f"txn_{refund.id[3:]}",
        "charge": payment.charge,
        "created": refund.created,
        "currency": payment.currency,
        "customer": None,
        "customer_account": None,
        "destination_details": {"card": card, "type": "card"},
        "metadata": refund.metadata,
        "payment_intent": payment.id,
        "payment_method": f"pm_{payment.id[3:]}",
        "reason": refund.reason,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": refund.status,
        "transfer_reversal": None,
    }
    if refund.status == "pending":
        found["pending_reason"] = "processing"
    if refund.status == "failed":
        found |= {"failure_balance_transaction": f"txn_f{refund.id[4:]}", "failure_reason": refund.failure_reason}
    return found


def dispute_json(payment: Payment, dispute: Dispute, now: float) -> Json:
    """A ``dispute``; ``now`` in Unix seconds decides what is past due."""
    return {
        "id": dispute.id,
        "object": "dispute",
        "amount": dispute.amount,
        "balance_transactions": [],
        "charge": payment.charge,
        "created": dispute.created,
        "currency": payment.currency,
        "enhanced_eligibility_types": [],
        "evidence": {**dict.fromkeys(_EVIDENCE), "enhanced_evidence": {}, **dispute.evidence},
        "evidence_details": {
            "due_by": dispute.due_by,
            "enhanced_eligibility": {},
            "has_evidence": bool(dispute.evidence),
            "past_due": now > dispute.due_by,
            "submission_count": dispute.submissions,
        },
        "is_charge_refundable": False,
        "livemode": False,
        "metadata": dispute.metadata,
        "network_reason_code": "13.1",
        "payment_intent": payment.id,
        "payment_method_details": {
            "card": {"brand": "visa", "case_type": "chargeback", "network": "visa", "network_reason_code": "13.1"},
            "type": "card",
        },
        "reason": dispute.reason,
        "status": dispute.status,
    }


def account_json(created: int) -> Json:
    """The ``account`` that the key belongs to."""
    return {
        "id": "acct_1Nordlicht0Sandbox",
        "object": "account",
        "business_profile": {"mcc": "5719", "name": "Nordlicht Shop", "url": "https://nordlicht.example.org"},
        "business_type": "company",
        "capabilities": {"card_payments": "active", "transfers": "active"},
        "charges_enabled": True,
        "controller": {"type": "account"},
        "country": "DE",
        "created": created,
        "default_currency": "eur",
        "details_submitted": True,
        "email": "ada@nordlicht.example.org",
        "metadata": {},
        "payouts_enabled": True,
        "settings": {"dashboard": {"display_name": "Nordlicht Shop", "timezone": "Europe/Berlin"}},
        "type": "standard",
    }
