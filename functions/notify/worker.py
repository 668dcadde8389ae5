"""The worker of the `notify` queue: one message over one channel, sent once."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from functions.notify import preferences
from functions.notify.channels import CHANNELS, Skipped
from functions.notify.models import PreferencesChange
from shared import clock, telemetry
from shared.documents import Document, Operation, Patch, Where, store
from shared.errors import DocumentConflict, PreconditionFailed, StudioError, TooManyRequests, Unprocessable
from shared.jobs.consumer import Task
from shared.jobs.protocol import Outcome
from shared.settings import settings

CONTAINER = "studio"


class NotifyStep:
    """The `notify` queue's step (see `shared.jobs.consumer.Step`)."""

    def run(self, task: Task) -> Outcome:
        """Send, unless the user does not want the channel or it leads nowhere.

        Where a provider can't drop repetitions, the attempt is noted before sending: an attempt found noted but not
        finished died in between, its outcome is unknown, and it is not repeated.
        """
        name: str = task.payload["channel"]
        record = store().read(CONTAINER, task.payload["notificationId"], task.user_id)
        if not preferences.of(task.user_id).model_dump()[name]:
            return self._outcome(record, name, {"status": "skipped", "reason": "switched off by the user"})
        account = store().read("accounts", task.user_id, task.user_id)
        channel = CHANNELS[name]
        if task.job["attempt"] == 1:
            _within_daily_cap(task.user_id, name)
        if not channel.repeatable:
            self._note_attempt(task)
        try:
            with telemetry.span(f"notify.{name}", kind="client"):
                facts = channel.send(account, record, task.job["id"].removeprefix("job:"))
        except Skipped as skipped:
            return self._outcome(record, name, {"status": "skipped", "reason": str(skipped)})
        except StudioError as error:
            if not channel.repeatable and error.code != "sms_unknown":
                self._clear_attempt(task)
            if error.code == "sms_opted_out":
                preferences.change(task.user_id, PreferencesChange(sms=False))
            raise
        telemetry.count("studio_notifications_sent", channel=name)
        return self._outcome(record, name, {"status": "sent", "at": clock.iso(), **facts})

    def ended(self, job: Document, status: str, error: StudioError | None) -> Outcome:
        """Note on the notification that this channel did not work."""
        record = store().find(CONTAINER, job["payload"]["notificationId"], job["userId"])
        if record is None:
            return Outcome()
        state = {"status": "failed", "at": clock.iso(), "reason": error.code if error else status}
        return self._outcome(record, job["payload"]["channel"], state)

    def committed(self, job: Document) -> None:
        """Nothing to tidy."""

    def abandoned(self, job: Document) -> None:
        """Nothing to tidy."""

    def push(self, job: Document) -> None:
        """The user is told by the message itself, not of it."""

    @staticmethod
    def _outcome(record: Document, name: str, state: dict[str, Any]) -> Outcome:
        operations: list[Operation] = [Patch(record["id"], set={f"channels.{name}": state})]
        return Outcome(result=state, operations=operations)

    @staticmethod
    def _note_attempt(task: Task) -> None:
        """Raises Unprocessable when an attempt is on record whose outcome nobody knows."""
        fresh = (Where("fence", "=", task.job["fence"]), Where("sending", "exists", False))
        try:
            store().patch(CONTAINER, task.job["id"], task.user_id, set={"sending": task.job["fence"]}, where=fresh)
        except PreconditionFailed:
            raise Unprocessable(
                "an earlier attempt stopped while sending; it is not sent twice", code="outcome_unknown"
            ) from None

    @staticmethod
    def _clear_attempt(task: Task) -> None:
        store().patch(CONTAINER, task.job["id"], task.user_id, remove=["sending"])


def _within_daily_cap(user_id: str, channel: str) -> None:
    """Count one message of today against the user's cap, so that nobody is flooded and no SMS are pumped.

    Raises:
        TooManyRequests: the cap is reached; not retryable for this message.
    """
    caps = {"email": settings().email_daily_cap, "sms": settings().sms_daily_cap}
    if channel not in caps:
        return
    id = f"{user_id}:{channel}:{datetime.fromtimestamp(clock.now(), UTC):%Y-%m-%d}"
    with suppress(DocumentConflict):
        store().create("rate_limits", {"id": id, "n": 0, "ttl": 2 * 24 * 3600})
    try:
        store().patch("rate_limits", id, id, incr={"n": 1}, where=(Where("n", "<", caps[channel]),))
    except PreconditionFailed:
        raise TooManyRequests(f"today's {channel} messages are used up", code="daily_cap", retryable=False) from None
