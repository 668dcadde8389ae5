"""Settings of accounts, tokens and sessions."""

from collections.abc import Iterator
from typing import Final

from pydantic import Field, SecretStr

from shared.settings import OwnSecret, Seconds, SettingsGroup, load

MIN_KEY_BYTES = 32


SOUND_MEMORY_KIB: Final = 19 * 1024
"""Memory of a password hash with two passes, by the OWASP Password Storage Cheat Sheet."""


class AccountSettings(SettingsGroup):
    """Keys that sign tokens, lifetimes, and the delay of repeated sign-ins."""

    jwt_keys: dict[str, OwnSecret] = Field(
        default_factory=dict,
        description="JSON object of key id and HMAC key, at least 32 bytes each; keep the old key during a rotation",
    )
    jwt_active_kid: str = Field(default="k1", description="id of the key that signs new tokens")
    access_token_minutes: int = Field(default=15, ge=1, le=60, description="lifetime of an access token in minutes")
    account_cache_s: Seconds = Field(
        default=60,
        description="seconds for which other processes may accept a former role, a disabled account or a revoked token",
    )
    confirm_email: bool = Field(
        default=True,
        description=(
            "whether new accounts have to confirm their e-mail address, where `EMAIL_CONNECTION` is set; without "
            "confirmation anyone can register any address"
        ),
    )
    email_connection: SecretStr | None = Field(
        default=None, description="connection string of the e-mail service; without it addresses can't be confirmed"
    )
    login_guesses_a_day: int = Field(
        default=100,
        ge=10,
        description="wrong passwords a day (UTC) for one e-mail address from all unknown devices together",
    )
    login_delay_cap_s: Seconds = Field(
        default=900,
        description="longest delay in seconds before a further attempt with one e-mail address from one network",
    )

    password_memory_kib: int = Field(
        default=SOUND_MEMORY_KIB,
        ge=64,
        description="memory in KiB that the hash of a password takes (argon2id); less than the default for tests only",
    )

    @property
    def confirms_email(self) -> bool:
        """Whether new accounts have to confirm their address."""
        return self.confirm_email and self.email_connection is not None

    def secrets(self) -> dict[str, SecretStr]:
        """The signing keys by id."""
        return {f"JWT_KEYS[{kid}]": key for kid, key in self.jwt_keys.items()}

    def faults(self) -> Iterator[str]:
        """Every key is long enough for HMAC with SHA-256 (RFC 7518, section 3.2), and the active one is there."""
        for kid, key in self.jwt_keys.items():
            if len(key.get_secret_value().encode()) < MIN_KEY_BYTES:
                yield f"JWT_KEYS[{kid}] is shorter than 32 bytes: make one with `openssl rand -base64 48`"
        if self.jwt_active_kid not in self.jwt_keys:
            yield "JWT_KEYS has no key named by JWT_ACTIVE_KID"

    def production_faults(self) -> Iterator[str]:
        """That addresses can't be confirmed is a decision, not an omission; no hash is cheaper than OWASP allows."""
        if self.password_memory_kib < SOUND_MEMORY_KIB:
            yield f"PASSWORD_MEMORY_KIB must be {SOUND_MEMORY_KIB} or more outside development"
        if self.confirm_email and self.email_connection is None:
            yield "set EMAIL_CONNECTION, or CONFIRM_EMAIL=false: without it anyone can register any address"


def account_settings() -> AccountSettings:
    """The settings of accounts."""
    return load(AccountSettings)
