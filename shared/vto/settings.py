"""Settings of the try-on container's client."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, SecretStr

from shared.settings import OwnSecret, Seconds, SettingsGroup, TlsUrl, load


class VtoSettings(SettingsGroup):
    """How the app reaches the try-on container."""

    vto_url: TlsUrl | None = Field(
        default=None, description="base URL of the try-on container; without it try-on is not configured"
    )
    vto_token: OwnSecret | None = Field(
        default=None,
        description="secret shared by the app and the container; without it the app sends a token of its managed "
        "identity",
    )
    vto_audience: str | None = Field(
        default=None, description="application id URI that tokens of managed identities are issued for"
    )
    tryon_engines: tuple[str, ...] = Field(
        default=(),
        description="engines that callers may choose, the first is the default; empty: all that are configured, best "
        "first (`fashn-api`, `gemini`, `compact`). Other engines of the container, `fashn` for example, are named here",
    )
    vto_patience_s: Seconds = Field(
        default=8, description="seconds that one call is repeated while the container does not respond"
    )


class FashnSettings(SettingsGroup):
    """FASHN's hosted API, the engine `fashn-api`."""

    fashn_api_key: SecretStr | None = Field(default=None, description="without it the engine is not offered")
    fashn_base_url: TlsUrl | None = Field(default=None, description="None: FASHN's own; an emulator in development")
    fashn_model: Literal["tryon-v1.6"] = Field(default="tryon-v1.6", description="model of the hosted API")
    fashn_mode: Literal["performance", "balanced", "quality"] = Field(
        default="balanced", description="5, 8 or 12 to 17 seconds for a picture"
    )
    fashn_moderation: Literal["conservative", "permissive", "none"] = Field(
        default="permissive", description="`conservative` also refuses underwear and swimwear"
    )
    fashn_timeout_s: Seconds = Field(default=120, description="seconds that a run may take")
    fashn_credit_usd: float = Field(
        default=0.075, ge=0, description="price of one credit, for the costs in reports; a picture takes one"
    )


def fashn_settings() -> FashnSettings:
    """The settings of the hosted API. Raises as `load` does."""
    return load(FashnSettings)


def vto_settings() -> VtoSettings:
    """The settings of this process. Raises as `load` does."""
    return load(VtoSettings)
