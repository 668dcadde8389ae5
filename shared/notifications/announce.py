"""The writes that make one notification: its document, and a job for each channel, so that each retries alone.

They belong in the batch that commits the event; a crash can't separate the two. Whether a channel is wanted is decided
when it sends, by the preferences of that moment.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from shared import clock
from shared.documents import Operation
from shared.jobs import protocol, queues
from shared.jobs.models import JobId
from shared.notifications.documents import (
    Channel,
    ChannelState,
    ChannelStatus,
    NotificationDocument,
    NotificationId,
    NotificationPayload,
    notifications,
)
from shared.notifications.settings import notification_settings
from shared.notifications.templates import TEMPLATES

KEEP_S: Final = 90 * 24 * 3600
"""How long a user can read a notification."""


class _Values(dict[str, Any]):
    """What fills a template; a fact that an event lacks is left out."""

    def __missing__(self, key: str) -> str:
        return ""


def announce(user_id: str, event: str, key: str, data: Mapping[str, Any], *, request_id: str | None) -> list[Operation]:
    """The writes of one notification.

    Args:
        event: name of a template.
        key: unique for the event; the same key can't be announced twice.
        data: fills the template; ids and numbers, nothing secret, since it is stored.
    """
    template = TEMPLATES[event]
    link = notification_settings().app_url.rstrip("/") + template.link.format(**data)
    values = _Values({**data, "link": link})
    notification = NotificationDocument(
        id=NotificationId.of(key),
        user_id=user_id,
        event=event,
        subject=template.subject.format_map(values),
        text=template.text.format_map(values).strip(),
        sms=template.sms.format_map(values),
        link=link,
        data=dict(data),
        created_at=clock.iso(),
        channels={channel: ChannelState(status=ChannelStatus.PENDING) for channel in Channel},
        ttl=KEEP_S,
    )
    jobs = [
        protocol.new_job(
            f"notify.{channel}",
            queues.NOTIFY,
            user_id,
            NotificationPayload(notification_id=notification.id, channel=channel),
            id=JobId.of(f"notify-{key}-{channel}"),
            request_id=request_id,
        )
        # They run in this order: an open page comes first, however long the providers take.
        for channel in sorted(Channel, key=lambda channel: channel is not Channel.WEBSOCKET)
    ]
    return [notifications.creation(notification), *(protocol.jobs.creation(job) for job in jobs)]
