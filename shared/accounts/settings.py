"""Settings of accounts, tokens and sessions."""

from __future__ import annotations

from typing import Self

from pydantic import Field, SecretStr, model_validator

from shared.settings import Seconds, SettingsGroup, load

MIN_KEY_BYTES = 32


class AccountSettings(SettingsGroup):
    """Keys that sign tokens, lifetimes, and the delay of repeated sign-ins."""

    jwt_keys: dict[str, SecretStr] = Field(
        default_factory=dict,
        description="JSON object of key id and HMAC key, at least 32 bytes each; keep the old key during a rotation",
    )
    jwt_active_kid: str = Field(default="k1", description="id of the key that signs new tokens")
    access_token_minutes: int = Field(default=15, ge=1, le=60, description="lifetime of an access token in minutes")
    account_cache_s: Seconds = Field(
        default=60,
        description="seconds for which other processes may accept a former role, a disabled account or a revoked token",
    )
    login_delay_cap_s: Seconds = Field(
        default=900, description="longest delay in seconds before a further attempt with one e-mail address"
    )

    def secrets(self) -> dict[str, SecretStr]:
        """The signing keys by id."""
        return {f"JWT_KEYS[{kid}]": key for kid, key in self.jwt_keys.items()}

    @model_validator(mode="after")
    def check_keys(self) -> Self:
        """Every key is long enough for HMAC with SHA-256 (RFC 7518, section 3.2), and the active one is there."""
        for kid, key in self.jwt_keys.items():
            if len(key.get_secret_value().encode()) < MIN_KEY_BYTES:
                raise ValueError(f"JWT_KEYS[{kid}] is shorter than 32 bytes: make one with `openssl rand -base64 48`")
        if self.jwt_active_kid not in self.jwt_keys:
            raise ValueError("JWT_KEYS has no key named by JWT_ACTIVE_KID")
        return self


def account_settings() -> AccountSettings:
    """The settings of accounts."""
    return load(AccountSettings)
