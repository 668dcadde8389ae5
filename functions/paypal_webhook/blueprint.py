"""Triggers of PayPal's webhook: `paypal/webhook` over HTTP, the `paypal` queue, and its sweeper."""

from __future__ import annotations

from functools import cache

import azure.functions as func

from functions.paypal_webhook.models import Received
from shared import telemetry
from shared.http.auth import PUBLIC
from shared.http.endpoint import Call, endpoint
from shared.jobs import queues
from shared.jobs.consumer import consumer
from shared.jobs.step import Step

bp = func.Blueprint()


@cache
def _step() -> Step:
    from functions.paypal_webhook.worker import EventStep

    return EventStep()


consumer(bp, queues.PAYPAL, _step)


@endpoint(
    bp, "POST", "paypal/webhook", access=PUBLIC, limit="webhook", upload=("application/json",),
    answer=Received, errors=(400, 413, 503),
)  # fmt: skip
def receive_paypal_event(call: Call) -> Received:
    """Receive PayPal webhook event.

    The delivery is verified by its signature, stored and answered; the event is handled in the background.
    """
    from functions.paypal_webhook import service

    return service.receive(call.headers, call.raw.get_body(), call.request_id)


@bp.function_name("paypal_sweeper")
@bp.timer_trigger(arg_name="timer", schedule="%SWEEP_SCHEDULE%")
def paypal_sweeper(timer: func.TimerRequest) -> None:
    """Finish what was left open: events without a handled job, captures whose outcome is unknown."""
    from functions.paypal_webhook import inbox
    from shared.commerce import sweeper

    with telemetry.span("paypal.sweep"):
        started, reconciled = inbox.sweep(), sweeper.sweep()
    if started or reconciled:
        telemetry.log("paypal.sweep", events=started, payments=reconciled, pastDue=timer.past_due)
