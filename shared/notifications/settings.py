"""Settings of notifications and their providers."""

from __future__ import annotations

from pydantic import Field, SecretStr

from shared.settings import Seconds, SettingsGroup, TlsUrl, load


class NotificationSettings(SettingsGroup):
    """Providers of e-mail, SMS and WebSocket messages; a channel without its connection is skipped."""

    app_url: str = Field(
        default="https://shop.example.com",
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
    sms_daily_cap: int = Field(default=20, ge=0, description="SMS to one user, and to one number, a day (UTC)")
    webpubsub_connection: SecretStr | None = Field(default=None, description="connection string of Web PubSub")
    webpubsub_hub: str = Field(default="studio", description="hub whose connections are the users' pages")


def notification_settings() -> NotificationSettings:
    """The settings of notifications."""
    return load(NotificationSettings)
