"""Settings of traces."""

from __future__ import annotations

import re
from typing import Final

from pydantic import Field, SecretStr, field_validator

from shared.settings import SettingsGroup, TlsUrl, load

_AUTHENTICATION: Final = re.compile(r"(?:ClientId=([^;=]+);)?Authorization=AAD")


class TracingSettings(SettingsGroup):
    """Where `shared.tracing` sends spans; with none of these, nowhere."""

    applicationinsights_connection_string: SecretStr | None = Field(
        default=None, description="connection string of Application Insights"
    )
    applicationinsights_authentication_string: str | None = Field(
        default=None,
        description="`Authorization=AAD`, after `ClientId=ID;` for a user-assigned identity: sends Entra tokens to "
        "Application Insights",
    )
    otel_exporter_otlp_endpoint: TlsUrl | None = Field(default=None, description="URL of an OTLP collector")
    trace_file: str | None = Field(
        default=None, description="path of a file that every process appends its spans to, one line of JSON each"
    )

    @field_validator("applicationinsights_authentication_string")
    @classmethod
    def check_authentication(cls, value: str | None) -> str | None:
        """No one would notice refused telemetry, so a wrong value is refused here."""
        if value and not _AUTHENTICATION.fullmatch(value):
            raise ValueError("APPLICATIONINSIGHTS_AUTHENTICATION_STRING must be [ClientId=ID;]Authorization=AAD")
        return value

    @property
    def uses_entra(self) -> bool:
        """Whether Application Insights gets tokens of the managed identity."""
        return self.applicationinsights_authentication_string is not None

    @property
    def client_id(self) -> str | None:
        """Client id of the user-assigned identity; None for the system-assigned one."""
        found = _AUTHENTICATION.fullmatch(self.applicationinsights_authentication_string or "")
        return found[1] if found else None


def tracing_settings() -> TracingSettings:
    """The settings of traces."""
    return load(TracingSettings)
