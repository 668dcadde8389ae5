"""Settings of the try-on container's client."""

from __future__ import annotations

from pydantic import Field, SecretStr

from shared.settings import Seconds, SettingsGroup, TlsUrl, load


class VtoSettings(SettingsGroup):
    """How the app reaches the try-on container."""

    vto_url: TlsUrl | None = Field(
        default=None, description="base URL of the try-on container; without it try-on is not configured"
    )
    vto_token: SecretStr | None = Field(
        default=None,
        description="secret shared by the app and the container; without it the app sends a token of its managed "
        "identity",
    )
    vto_audience: str | None = Field(
        default=None, description="application id URI that tokens of managed identities are issued for"
    )
    tryon_engines: tuple[str, ...] = Field(
        default=("compact",),
        description="engines that callers may choose, of those that the container offers; the first is the default",
    )
    vto_patience_s: Seconds = Field(
        default=8, description="seconds that one call is repeated while the container does not respond"
    )


def vto_settings() -> VtoSettings:
    """The settings of this process. Raises as `load` does."""
    return load(VtoSettings)
