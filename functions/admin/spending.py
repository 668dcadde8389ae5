"""What is spent at providers for all users: read, paused, and let go on."""

from __future__ import annotations

from functions.admin.models.spending import SpendingChange, SpendingList, SpendingState, SpendingWindow
from shared import audit
from shared.commerce import ceilings
from shared.commerce.ceilings import Spending
from shared.errors import NotFound
from shared.http.auth import Principal


def list_spending() -> SpendingList:
    """What each kind has used of its ceilings, and whether it is paused."""
    return SpendingList(items=[_state(kind) for kind in Spending])


def update_spending(admin: Principal, kind: str, wanted: SpendingChange) -> SpendingState:
    """Pause a kind, or let it go on. It applies to the next call of the provider. Raises NotFound."""
    if kind not in Spending:
        raise NotFound(f"there is {', '.join(Spending)}", code="spending_kind_not_found")
    known = Spending(kind)
    ceilings.set_switch(known, paused=wanted.paused, reason=wanted.reason, admin=admin.user_id)
    action = "SPENDING_PAUSED" if wanted.paused else "SPENDING_RESUMED"
    audit.record(admin.user_id, action, subject=kind, reason=wanted.reason)
    return _state(known)


def _state(kind: Spending) -> SpendingState:
    switch = ceilings.find_switch(kind)
    windows = [
        SpendingWindow(name=window.name, spent=ceilings.spent(window), limit=window.limit)
        for window in ceilings.windows(kind)
    ]
    return SpendingState(
        kind=kind,
        paused=switch is not None and switch.paused,
        reason=switch.reason if switch else None,
        changed_by=switch.changed_by if switch else None,
        changed_at=switch.changed_at if switch else None,
        windows=windows,
    )
