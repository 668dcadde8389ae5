"""Telling a user: a record they can read, and one job for each channel, so that each retries alone.

`announce` gives the writes to put into the batch that makes the news true; a crash can't separate the two. Whether a
channel is wanted is decided when it sends, by the preferences of that moment.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from html import escape
from typing import TYPE_CHECKING, Any

from shared import clock, telemetry
from shared.documents import Create, Operation
from shared.jobs import protocol, queues
from shared.jobs.models import Job
from shared.settings import settings

if TYPE_CHECKING:
    from azure.messaging.webpubsubservice import WebPubSubServiceClient

EMAIL, SMS, WEBSOCKET = "email", "sms", "websocket"
CHANNELS = (EMAIL, SMS, WEBSOCKET)
KEEP_S = 90 * 24 * 3600


@dataclass(frozen=True)
class Template:
    """Texts of one event; `{name}` is filled from its data."""

    subject: str
    text: str
    sms: str
    link: str


TEMPLATES: Mapping[str, Template] = {
    "conversion.completed": Template(
        subject="Your try-on is ready",
        text="Your picture is ready. It took {seconds} seconds to make.",
        sms="AI Fashion Studio: your try-on is ready. {link}",
        link="/conversions/{conversionId}",
    ),
    "conversion.failed": Template(
        subject="Your try-on could not be made",
        text="We could not make your picture: {reason} Nothing was charged.",
        sms="AI Fashion Studio: your try-on could not be made; nothing was charged. {link}",
        link="/conversions/{conversionId}",
    ),
    "tryon.completed": Template(
        subject="Your try-on is ready",
        text="Your try-on is ready. It took {seconds} seconds to make.",
        sms="AI Fashion Studio: your try-on is ready. {link}",
        link="/tryons/{tryonId}",
    ),
    "tryon.failed": Template(
        subject="Your try-on could not be made",
        text="We could not make your try-on: {reason} Nothing was charged.",
        sms="AI Fashion Studio: your try-on could not be made; nothing was charged. {link}",
        link="/tryons/{tryonId}",
    ),
    "tryon.batch": Template(
        subject="Your {total} try-ons are done",
        text="Of your {total} try-ons {completed} are ready. Nothing was charged for the others.",
        sms="AI Fashion Studio: {completed} of your {total} try-ons are ready. {link}",
        link="/tryons/batches/{batchId}",
    ),
    "payment.alert": Template(
        subject="A payment needs a look",
        text="About {subject}: {about}.",
        sms="AI Fashion Studio: {about}. {link}",
        link="/admin/payments/{subject}",
    ),
    "drops.rejected": Template(
        subject="{count} of your product files could not be used",
        text="{count} of the files you dropped could not be used: {listed} Each was moved aside with a reason.",
        sms="AI Fashion Studio: {count} of your product files could not be used. {link}",
        link="/drops?status=rejected",
    ),
}


def announce(user_id: str, event: str, key: str, data: Mapping[str, Any], *, request_id: str | None) -> list[Operation]:
    """The writes that make one notification: the record, and a job per channel.

    Args:
        event: name of a template.
        key: what makes this notification unique; the same key can't be announced twice.
        data: what fills the template; ids and numbers, nothing secret, since it is kept.
    """
    template = TEMPLATES[event]
    link = settings().app_url.rstrip("/") + template.link.format(**data)
    values = {**data, "link": link}
    id = f"notification:{key}"
    record = {
        "id": id,
        "userId": user_id,
        "type": "notification",
        "event": event,
        "subject": template.subject.format(**values),
        "text": template.text.format(**values),
        "sms": template.sms.format(**values),
        "link": link,
        "data": dict(data),
        "read": False,
        "createdAt": clock.iso(),
        "channels": {channel: {"status": "pending"} for channel in CHANNELS},
        "ttl": KEEP_S,
    }
    jobs = [
        protocol.new_job(
            f"notify.{channel}",
            queues.NOTIFY,
            user_id,
            {"notificationId": id, "channel": channel},
            id=f"job:notify-{key}-{channel}",
            request_id=request_id,
        )
        for channel in CHANNELS
    ]
    return [Create(record), *(Create(job) for job in jobs)]


def html_of(record: Mapping[str, Any]) -> str:
    """The e-mail's HTML: what the text says, and a link to the app (never a signed URL)."""
    return (
        '<div style="font-family:sans-serif;max-width:32rem;margin:auto">'
        f'<h1 style="font-size:1.3rem">{escape(record["subject"])}</h1><p>{escape(record["text"])}</p>'
        f'<p><a href="{escape(record["link"])}">Open it in AI Fashion Studio</a></p></div>'
    )


@cache
def hub() -> WebPubSubServiceClient | None:
    """The Web PubSub client of this process; None when no connection is configured."""
    from azure.messaging.webpubsubservice import WebPubSubServiceClient

    conf = settings()
    if conf.webpubsub_connection is None:
        return None
    return WebPubSubServiceClient.from_connection_string(
        conf.webpubsub_connection.get_secret_value(),
        hub=conf.webpubsub_hub,
        retry_total=0,
        connection_timeout=3,
        read_timeout=5,
    )


def push(user_id: str, message: Mapping[str, Any]) -> None:
    """Send a message to the user's open pages, or not: a hint, so it never raises."""
    try:
        client = hub()
        if client is not None:
            client.send_to_user(user_id, dict(message), content_type="application/json")
    except Exception as error:
        telemetry.log("push.failed", level="warning", error=type(error).__name__)


def push_job(job: Job) -> None:
    """Tell the user's pages how a job stands: `{v, type: job, jobId, generation, seq, status, progress}`.

    `seq` grows with every change of the job; a page drops what is not newer than what it has.
    """
    push(
        job["userId"],
        {
            "v": 1,
            "type": "job",
            "id": f"{job['id']}:{job['generation']}:{job['seq']}",
            "jobId": job["id"].removeprefix("job:"),
            "subjectId": (job.get("subjectId") or "").rpartition(":")[2] or None,
            "kind": job["kind"],
            "generation": job["generation"],
            "seq": job["seq"],
            "status": job["status"],
            "attempt": job["attempt"],
            "progress": job.get("progress"),
            "error": job.get("lastError") if job["status"] not in ("running", "done") else None,
        },
    )
