"""A chat that hears nothing of us any more: a customer who blocked us, a group that threw us out."""

from __future__ import annotations

from domain.customers import CustomerUnreachable
from domain.jobs import Job, Transaction


def cannot_reach(job: Job, reason: str, transaction: Transaction) -> None:
    """A customer is marked, and staff hear it in the case's thread; what was for staff goes another way."""
    address, about = str(job.payload["address"]), job.payload.get("about")
    if job.shop_id is None:
        return
    uow = transaction.of(job.shop_id)
    customer = uow.customers.by_telegram(int(address)) if address.isdigit() else None
    if customer is None:
        transaction.letters.reroute(job, "I was thrown out, or blocked")
        return
    uow.customers.unreachable(int(address))
    if isinstance(about, str):
        note = CustomerUnreachable(name=customer.short_name, blocked="blocked" in reason)
        uow.outbox.note(about, note, once=f"unreachable:{job.key}")
        transaction.jobs.raised(job)
