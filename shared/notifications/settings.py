"""Settings of notifications and their providers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from pydantic import Field, SecretStr

from shared.settings import Seconds, SettingsGroup, TlsUrl, load

EXAMPLE_APP_URL: Final = "https://shop.example.com"
TEST_NUMBERS: Final = "+1500555"
RESERVED: Final = (".example", ".test", ".invalid", "localhost")


class NotificationSettings(SettingsGroup):
    """Providers of e-mail, SMS and WebSocket messages; a channel without its connection is skipped."""

    app_url: TlsUrl = Field(
        default=EXAMPLE_APP_URL,
        description="URL of the shop's own site or app, where links in messages and PayPal's redirects lead",
    )
    email_connection: SecretStr | None = Field(
        default=None, description="`endpoint=https://...;accesskey=...` of Azure Communication Services"
    )
    email_sender: str = Field(default="studio@example.com", description="sender address of e-mails")
    email_daily_cap: int = Field(default=100, ge=0, description="e-mails to one user a day (UTC)")
    email_follow_s: Seconds = Field(
        default=30, description="seconds after which it is asked what became of an accepted e-mail"
    )
    twilio_account_sid: str | None = Field(default=None, description="account of the SMS provider, `AC...`")
    twilio_auth_token: SecretStr | None = Field(default=None, description="token of that account")
    twilio_base_url: TlsUrl | None = Field(default=None, description="address of the API; Twilio's own without it")
    sms_sender: str = Field(default="+15005550006", description="sender number of SMS, E.164")
    sms_follow_s: Seconds = Field(
        default=30, description="seconds after which it is asked what became of an accepted SMS"
    )
    sms_daily_cap: int = Field(default=20, ge=0, description="SMS to one user, and to one number, a day (UTC)")
    webpubsub_connection: SecretStr | None = Field(default=None, description="connection string of Web PubSub")
    webpubsub_hub: str = Field(default="studio", description="hub whose connections are the users' pages")

    def production_faults(self) -> Iterator[str]:
        """Links lead to the shop, and messages come from it."""
        if "app_url" not in self.model_fields_set or _is_example(self.app_url):
            yield "APP_URL must be the https URL of the shop's own site outside development"
        if self.email_connection is not None and _is_example(self.email_sender):
            yield "EMAIL_SENDER must be an address of yours outside development"
        if self.twilio_auth_token is not None and self.sms_sender.startswith(TEST_NUMBERS):
            yield "SMS_SENDER must be a number of yours outside development: it is one of Twilio's test numbers"


def _is_example(text: str) -> bool:
    """Whether an address is of a domain that is reserved for examples (RFC 2606)."""
    host = (urlsplit(text).hostname or text.rpartition("@")[2]).rstrip(".").lower()
    second = ".".join(host.split(".")[-2:])
    return second in ("example.com", "example.net", "example.org") or host.endswith(RESERVED)


def notification_settings() -> NotificationSettings:
    """The settings of notifications."""
    return load(NotificationSettings)
