"""Triggers of privacy: `auth/me` DELETE, its report, the export, the `privacy` queue, and the retention timer."""

from __future__ import annotations

from functools import cache

import azure.functions as func

from functions.privacy.models import Erasure, ErasureReport, Export, ReceiptRequest
from shared import telemetry
from shared.http.auth import PUBLIC, SIGNED_IN
from shared.http.endpoint import Call, Reply, endpoint
from shared.jobs import queues
from shared.jobs.consumer import consumer
from shared.jobs.step import Step

bp = func.Blueprint()


@cache
def _step() -> Step:
    from functions.privacy.worker import PrivacyStep

    return PrivacyStep()


consumer(bp, queues.PRIVACY, _step)


@endpoint(bp, "DELETE", "auth/me", access=SIGNED_IN, status=202, limit="auth", answer=Erasure, errors=(409,))
def auth_me_erase(call: Call) -> Erasure:
    """Delete one's account and everything of one's own, for good."""
    from functions.privacy import service

    return service.erase(call.caller, call.ip, call.request_id)


@endpoint(
    bp, "POST", "privacy/report", access=PUBLIC, limit="auth", body=ReceiptRequest, answer=ErasureReport, errors=(404,)
)
def privacy_report(call: Call) -> ErasureReport:
    """How the deletion of an account stands, by the receipt of it."""
    from functions.privacy import service

    return service.report(call.body.receipt)


@endpoint(bp, "GET", "auth/me/export", access=SIGNED_IN, answer=Export, errors=(202,))
def auth_me_export(call: Call) -> Reply:
    """One's own data as a zip: 202 while it is being made, then 200 with a URL that lives for minutes."""
    from functions.privacy import service

    found = service.export(call.caller, call.request_id)
    if found.status == "preparing":
        return Reply(found, status=202, headers={"Retry-After": "2"})
    return Reply(found)


@bp.function_name("retention")
@bp.timer_trigger(arg_name="timer", schedule="0 30 3 * * *")
def retention(timer: func.TimerRequest) -> None:
    """Remove what is over its time, what lost its record, and what landed after its person was erased."""
    from functions.privacy import erasure
    from functions.privacy import retention as keeping
    from shared.vision import stored

    with telemetry.span("retention"):
        removed, masks, late = keeping.run(), stored.sweep(), erasure.look_again()
    telemetry.log("retention", removed=removed, masks=masks, late=late, pastDue=timer.past_due)
