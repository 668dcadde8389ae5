"""Settings of outbound webhooks."""

from collections.abc import Iterator
from typing import Final

from pydantic import Field

from shared.settings import Seconds, SettingsGroup, load

MAX_ENDPOINTS: Final = 5
"""Endpoints of one customer."""
DELIVERY_TIMEOUT_S: Final = 15.0
"""For one delivery, from the connection to the end of the answer."""


class WebhookSettings(SettingsGroup):
    """How deliveries are retried and signed, and which hosts may be called in development."""

    webhook_allow_hosts: tuple[str, ...] = Field(
        default=(),
        description="`HOST:PORT` (port may be `*`) in development may be called although not public, and without TLS",
    )
    webhook_retry_s: tuple[Seconds, ...] = Field(
        default=(5, 300, 1800, 7200, 18000, 36000),
        description="seconds between the attempts of a delivery; there is one attempt more than waits",
    )
    webhook_rotation_hours: float = Field(
        default=24, ge=0, description="hours for which deliveries are also signed with the previous secret"
    )

    def production_faults(self) -> Iterator[str]:
        """In production webhooks go to public addresses only."""
        if self.webhook_allow_hosts:
            yield "WEBHOOK_ALLOW_HOSTS must be empty outside development: webhooks go to public addresses"


def webhook_settings() -> WebhookSettings:
    """The settings of outbound webhooks."""
    return load(WebhookSettings)
