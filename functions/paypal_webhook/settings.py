"""Settings of PayPal's webhook: its id, and which certificates may sign deliveries."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from shared.settings import SettingsGroup, TlsUrl, load


class PayPalWebhookSettings(SettingsGroup):
    """How deliveries of PayPal's webhook are verified."""

    paypal_webhook_id: str | None = Field(
        default=None, description="id of the webhook at PayPal, a part of what is signed; without it none are taken"
    )
    paypal_webhook_verify: Literal["offline", "postback"] = Field(
        default="offline", description="`offline` checks the signature here, `postback` asks PayPal for each delivery"
    )
    paypal_cert_origins: tuple[TlsUrl, ...] = Field(
        default=(), description="origins of signing certificates; empty: PayPal's two hosts that belong to the base URL"
    )
    paypal_cert_name: str | None = Field(
        default=None, description="DNS name in the signing certificate; empty: PayPal's for the base URL"
    )
    paypal_cert_roots: str | None = Field(
        default=None, description="path of a PEM file with the trusted root certificates; empty: those of certifi"
    )


def paypal_webhook_settings() -> PayPalWebhookSettings:
    """The webhook's settings of this process."""
    return load(PayPalWebhookSettings)
