"""A circuit for each provider: it opens when the provider refuses our account, and closes automatically after repair.

While it is open, jobs wait without using attempts and without calls, except that one call every `PROVIDER_PROBE_S`
seconds finds out whether the provider accepts us again. Administrators are alerted once for each opening, unless it
follows the last one closely. All processes share the state in the document store.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import Final

from shared import clock, telemetry
from shared.documents.fields import assign, where
from shared.errors import (
    ConfigurationError,
    DocumentConflict,
    DocumentNotFound,
    OperatorActionNeeded,
    PreconditionFailed,
    StudioError,
    UpstreamError,
)
from shared.notifications.admins import notify_admins
from shared.providers.documents import CircuitDocument, CircuitId, circuits
from shared.providers.settings import provider_settings

QUIET_S: Final = 600
"""Seconds after closing within which another opening is not alerted again: some calls are refused, others not."""


@contextmanager
def guarded(provider: str, *, hold: bool = True) -> Generator[None]:
    """Run a call of a provider under its circuit.

    Args:
        hold: whether calls are held back while the circuit is open; False for a caller that waits for the answer and
            whose call is worth a try, a payment say.

    Raises:
        OperatorActionNeeded: the circuit is open, or opens by this call. A missing setting is treated alike.
        StudioError: as the call.
    """
    found = circuits.find(CircuitId.of(provider), CircuitId.of(provider))
    if found is not None and found.open and hold:
        _require_probe(provider, found)
    try:
        yield
    except OperatorActionNeeded as error:
        trip(error.provider, error.reason)
        error.retry_after = max(error.retry_after or 0, provider_settings().provider_probe_s)
        raise
    except ConfigurationError as error:
        trip(provider, error.code)
        telemetry.log("provider.unconfigured", level="error", provider=provider, reason=error.message)
        wait = provider_settings().provider_probe_s
        raise OperatorActionNeeded(provider, error.code, retry_after=wait) from None
    except StudioError as error:
        # A refusal of the user's request shows that the account is accepted; a failure shows nothing.
        if found is not None and found.open and not isinstance(error, UpstreamError):
            close(provider)
        raise
    if found is not None and found.open:
        close(provider)


def _require_probe(provider: str, circuit: CircuitDocument) -> None:
    """Take the right to probe. Raises OperatorActionNeeded: it is not time yet, or another caller was faster."""
    at, interval = clock.now(), provider_settings().provider_probe_s
    if circuit.probe_at <= at:
        with suppress(PreconditionFailed):
            change = assign(CircuitDocument.probe_at, at + interval)
            circuits.patch(circuit.id, circuit.id, change, etag=circuit.etag)
            return
    wait = circuit.probe_at - at if circuit.probe_at > at else interval
    raise OperatorActionNeeded(provider, circuit.reason, retry_after=wait)


def trip(provider: str, reason: str) -> None:
    """Open a circuit; alert the administrators if it was closed."""
    at, id = clock.now(), CircuitId.of(provider)
    probe_at = at + provider_settings().provider_probe_s
    telemetry.count("studio_provider_refusals", provider=provider, reason=reason)
    current = circuits.find(id, id)
    try:
        if current is None:
            opened = circuits.create(
                CircuitDocument(id=id, open=True, reason=reason, opened_at=clock.iso(at), probe_at=probe_at)
            )
        elif current.open:
            return
        else:
            opened = circuits.replace(
                current.with_changes(
                    assign(CircuitDocument.open, True),
                    assign(CircuitDocument.reason, reason),
                    assign(CircuitDocument.opened_at, clock.iso(at)),
                    assign(CircuitDocument.openings, current.openings + 1),
                    assign(CircuitDocument.probe_at, probe_at),
                ),
                etag=current.etag,
            )
    except (DocumentConflict, PreconditionFailed, DocumentNotFound):
        return
    telemetry.log("provider.refuses_us", level="error", provider=provider, reason=reason)
    if opened.closed_at is not None and opened.closed_at > clock.iso(at - QUIET_S):
        return
    data = {"provider": provider, "reason": reason}
    notify_admins("provider.alert", f"provider-{provider}-{opened.openings}", data)


def close(provider: str) -> None:
    """Close a circuit: the provider accepts calls again."""
    id = CircuitId.of(provider)
    current = circuits.find(id, id)
    if current is None or not current.open:
        return
    with suppress(PreconditionFailed, DocumentNotFound):
        circuits.patch(
            id,
            id,
            assign(CircuitDocument.open, False),
            assign(CircuitDocument.closed_at, clock.iso()),
            etag=current.etag,
        )
        telemetry.log("provider.accepts_us", provider=provider, reason=current.reason)


def list_open() -> list[CircuitDocument]:
    """The circuits that are open, for operators."""
    return circuits.list(where(CircuitDocument.open, "=", True), skip_unreadable=True).items
