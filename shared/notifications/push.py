"""Messages to the open pages of a user over Web PubSub: hints, the documents are the source of truth."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from shared import telemetry
from shared.accounts.documents import accounts
from shared.jobs.models import Job, JobStatus
from shared.notifications.settings import notification_settings

if TYPE_CHECKING:
    from azure.messaging.webpubsubservice import WebPubSubServiceClient


@cache
def hub() -> WebPubSubServiceClient | None:
    """The Web PubSub client of this process; None when no connection is configured."""
    from azure.messaging.webpubsubservice import WebPubSubServiceClient

    conf = notification_settings()
    if conf.webpubsub_connection is None:
        return None
    return WebPubSubServiceClient.from_connection_string(
        conf.webpubsub_connection.get_secret_value(),
        hub=conf.webpubsub_hub,
        retry_total=0,
        connection_timeout=3,
        read_timeout=5,
    )


def audience(user_id: str, version: int) -> str:
    """Under which name a user's connections are opened and reached.

    A URL that opens a connection can't be revoked at the service. So it names the account's `connection_version`, and
    a connection of an earlier version receives nothing.
    """
    return user_id if version == 0 else f"{user_id}.{version}"


def close_connections(user_id: str, version: int) -> None:
    """Close a user's open pages of one version, after the account has got a later one. Never raises: those that stay
    open receive nothing."""
    try:
        client = hub()
        if client is not None:
            client.close_user_connections(audience(user_id, version), reason="The session has ended.")
    except Exception as error:
        telemetry.log("push.close_failed", level="error", error=type(error).__name__)


def push(user_id: str, message: Mapping[str, Any]) -> None:
    """Send a message to the user's open pages. A hint: it never raises."""
    try:
        client = hub()
        if client is None:
            return
        # Not from the cache of accounts: a session that has just ended must not see another message.
        account = accounts.find(user_id, user_id)
        name = audience(user_id, account.connection_version if account else 0)
        client.send_to_user(name, dict(message), content_type="application/json")
    except Exception as error:
        telemetry.log("push.failed", level="warning", error=type(error).__name__)


def push_job(job: Job) -> None:
    """Send a job's state to the user's pages: `{v, type: job, jobId, generation, seq, status, progress}`.

    `seq` grows with every change of the job; a page drops what is not newer than what it has.
    """
    shows_error = job.status not in (JobStatus.PROCESSING, JobStatus.COMPLETED)
    error = job.last_error if shows_error else None
    push(
        job.user_id,
        {
            "v": 1,
            "type": "job",
            "id": f"{job.id}:{job.generation}:{job.seq}",
            "jobId": job.id.public,
            "subjectId": (job.subject_id or "").rpartition(":")[2] or None,
            "kind": job.kind,
            "generation": job.generation,
            "seq": job.seq,
            "status": job.status.value,
            "attempt": job.attempt,
            "progress": job.progress.model_dump(mode="json", by_alias=True) if job.progress else None,
            "error": error.model_dump(mode="json", by_alias=True) if error else None,
        },
    )
