"""Settings of the merchant's PayPal account."""

from __future__ import annotations

from pydantic import Field, SecretStr

from shared.settings import Seconds, SettingsGroup, TlsUrl, load


class PayPalSettings(SettingsGroup):
    """The merchant's account at PayPal; without credentials no credits are sold."""

    paypal_base_url: TlsUrl = Field(
        default="https://api-m.sandbox.paypal.com", description="PayPal's API; `https://api-m.paypal.com` is live"
    )
    paypal_client_id: str | None = Field(default=None, description="client id of the merchant's REST app")
    paypal_client_secret: SecretStr | None = Field(default=None, description="secret of the merchant's REST app")
    paypal_merchant_id: str | None = Field(default=None, description="the payee every order must name")
    paypal_timeout_s: Seconds = Field(
        default=10, description="seconds to connect to PayPal, and between two reads of an answer"
    )
    paypal_lease_s: Seconds = Field(
        default=90, description="seconds for which one caller may work on a capture before another one tries"
    )


def paypal_settings() -> PayPalSettings:
    """The PayPal account of this process."""
    return load(PayPalSettings)
