"""The worker of the `notify` queue: one message over one channel, sent once."""

from __future__ import annotations

import hashlib
import math
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from functions.notify import preferences
from functions.notify.channels import CHANNELS, OutcomeUnknown, Skipped
from functions.notify.models import PreferencesChange
from shared import clock, notifications, telemetry
from shared.documents import Document, Operation, Patch, Where, store
from shared.errors import DocumentConflict, PreconditionFailed, StudioError, TooManyRequests, Unprocessable
from shared.jobs.models import Job, JobStatus
from shared.jobs.protocol import LeaseLost, Outcome
from shared.jobs.step import Step, Task
from shared.settings import settings

CONTAINER = "studio"


class NotifyStep(Step):
    """The `notify` queue's step (see `shared.jobs.consumer.Step`)."""

    def run(self, task: Task) -> Outcome:
        """Send, unless the user does not want the channel or it leads nowhere.

        Where a provider does not drop repetitions for ever, the attempt is noted before sending: one found noted and
        not settled has an unknown outcome, and is repeated only while the provider would notice.
        """
        name: str = task.payload["channel"]
        record = store().read(CONTAINER, task.payload["notificationId"], task.user_id)
        if not preferences.of(task.user_id).model_dump()[name]:
            return self._outcome(record, name, {"status": "skipped", "reason": "switched off by the user"})
        account = store().read("accounts", task.user_id, task.user_id)
        channel = CHANNELS[name]
        if task.job["attempt"] == 1:
            _within_daily_cap(task.user_id, name)
            if name == notifications.SMS and account.get("phone"):
                _within_daily_cap(hashlib.sha256(account["phone"].encode()).hexdigest(), name)
        first_sent = _note_attempt(task, channel.repeatable_s)
        try:
            with telemetry.span(f"notify.{name}"):
                facts = channel.send(account, record, task.job["id"].removeprefix("job:"), first_sent)
        except Skipped as skipped:
            return self._outcome(record, name, {"status": "skipped", "reason": str(skipped)})
        except OutcomeUnknown:
            raise
        except StudioError as error:
            _settle_attempt(task, channel.repeatable_s, first_sent)
            if error.code == "sms_opted_out":
                preferences.change(task.user_id, PreferencesChange(sms=False))
            raise
        telemetry.count("studio_notifications_sent", channel=name)
        return self._outcome(record, name, {"status": "sent", "at": clock.iso(), **facts})

    def on_end(self, job: Job, status: JobStatus, error: StudioError | None) -> Outcome:
        """Note on the notification that this channel did not work."""
        record = store().find(CONTAINER, job["payload"]["notificationId"], job["userId"])
        if record is None:
            return Outcome()
        state = {"status": "failed", "at": clock.iso(), "reason": error.code if error else status}
        return self._outcome(record, job["payload"]["channel"], state)

    def after_commit(self, job: Job) -> None:
        """Nothing to tidy."""

    def on_lease_lost(self, job: Job) -> None:
        """Nothing to tidy."""

    def push(self, job: Job) -> None:
        """The user is told by the message itself, not of it."""

    @staticmethod
    def _outcome(record: Document, name: str, state: dict[str, Any]) -> Outcome:
        operations: list[Operation] = [Patch(record["id"], set={f"channels.{name}": state})]
        return Outcome(result=state, operations=operations)


def _note_attempt(task: Task, repeatable_s: float) -> float:
    """Note that a send begins; returns when the first one did that the provider may still remember.

    Raises:
        Unprocessable: an attempt is on record whose outcome nobody knows, and a repetition would not be noticed.
    """
    at, generation = clock.now(), task.job["generation"]
    if math.isinf(repeatable_s):
        return at
    noted = task.job.get("sending")
    remembered = noted is not None and at - noted["first"] < repeatable_s
    # A redrive is somebody's decision to send again, whatever became of the attempts before it.
    if noted is not None and noted["open"] and noted["generation"] == generation and not remembered:
        raise Unprocessable("an earlier attempt stopped while sending; it is not sent twice", code="outcome_unknown")
    first = noted["first"] if noted is not None and remembered else at
    _write_note(task, {"first": first, "generation": generation, "open": True})
    return first


def _settle_attempt(task: Task, repeatable_s: float, first: float) -> None:
    """Note that the provider refused, so that nothing was sent."""
    if not math.isinf(repeatable_s):
        _write_note(task, {"first": first, "generation": task.job["generation"], "open": False})


def _write_note(task: Task, note: dict[str, Any]) -> None:
    mine = (Where("fence", "=", task.job["fence"]),)
    try:
        store().patch(CONTAINER, task.job["id"], task.user_id, set={"sending": note}, where=mine)
    except PreconditionFailed:
        raise LeaseLost from None


def _within_daily_cap(subject: str, channel: str) -> None:
    """Count one message of today against a cap, so that nobody is flooded and no SMS are pumped.

    Args:
        subject: the user; for SMS the number too, by its hash, since many accounts can name one number.

    Raises:
        TooManyRequests: the cap is reached; not retryable for this message.
    """
    caps = {"email": settings().email_daily_cap, "sms": settings().sms_daily_cap}
    if channel not in caps:
        return
    id = f"{subject}:{channel}:{datetime.fromtimestamp(clock.now(), UTC):%Y-%m-%d}"
    with suppress(DocumentConflict):
        store().create("rate_limits", {"id": id, "n": 0, "ttl": 2 * 24 * 3600})
    try:
        store().patch("rate_limits", id, id, incr={"n": 1}, where=(Where("n", "<", caps[channel]),))
    except PreconditionFailed:
        raise TooManyRequests(f"today's {channel} messages are used up", code="daily_cap", retryable=False) from None
