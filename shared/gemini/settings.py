"""Settings of Gemini."""

from __future__ import annotations

from typing import Final

from pydantic import Field, SecretStr

from shared.settings import Seconds, SettingsGroup, TlsUrl, load

API_VERSION: Final = "v1beta"
"""Image output is not part of `v1`."""


class GeminiSettings(SettingsGroup):
    """Where Gemini is, which model is called, and with which key."""

    gemini_api_key: SecretStr | None = Field(default=None, description="without it conversions fail")
    gemini_base_url: TlsUrl | None = Field(default=None, description="None: Google's own; an emulator in development")
    gemini_model: str = Field(
        default="gemini-3.1-flash-image", description="a setting because image models are retired within months"
    )
    gemini_timeout_s: Seconds = Field(default=120, description="seconds for one call, the upload included")


def gemini_settings() -> GeminiSettings:
    """The settings of Gemini."""
    return load(GeminiSettings)
