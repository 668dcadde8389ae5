"""Settings of the container alone; storage, models, Gemini and the shared token are those of `shared.settings`."""

from __future__ import annotations

from functools import cache
from typing import Literal, Self

from pydantic import Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from shared.errors import ConfigurationError
from shared.settings import Seconds
from shared.settings import settings as shared_settings

BUILT_IN = {
    "compact": "vto_container.engines.compact:Compact",
    "fashn": "vto_container.engines.fashn:Fashn",
    "gemini": "vto_container.engines.gemini:Gemini",
}


class Settings(BaseSettings):
    """Names of environment variables are `VTO_` and the field's name in upper case."""

    model_config = SettingsConfigDict(env_prefix="VTO_", case_sensitive=False, extra="ignore", env_ignore_empty=True)

    engine: str = "compact"
    """The engine of requests that name none."""
    engines: tuple[str, ...] = ()
    """Others that a request may name."""
    plugins: dict[str, str] = Field(default_factory=dict)
    """Further engines, `{"name": "module:Class"}`, behind `engines.base.Engine`."""
    eager: bool = False
    """Load the engine at the start and be unready until then, instead of on the first run."""
    queue: int = Field(8, ge=1, le=1000)
    """Runs that may wait; more are told to come back."""
    keep: int = Field(256, ge=1)
    """Runs that are remembered after their end."""
    job_timeout_s: Seconds = 120
    """For one run's engine, after which its process is ended."""
    load_timeout_s: Seconds = 300
    grace_s: Seconds = 20
    """What the running run gets to end in once the container is asked to stop."""
    breakdowns: int = Field(3, ge=1)
    """Crashes and hangs in a row after which the container says that it is failing and wants to be replaced."""

    fashn_weights: str = "/weights/fashn"
    """Where `./studio models pull fashn --to` has put them: a mounted volume."""

    models_from: str | None = Field(None, pattern=r"^[a-z0-9-]+/.+$")
    """`container/prefix` in our storage that `MODELS_DIR` is filled from at the start; none where that is a volume."""
    fashn_from: str | None = Field(None, pattern=r"^[a-z0-9-]+/.+$")
    """The same for `VTO_FASHN_WEIGHTS`."""

    # Tokens of managed identities (Microsoft Entra), beside or instead of VTO_TOKEN.
    tenant: str | None = Field(None, pattern=r"^[0-9a-fA-F-]{36}$")
    clients: tuple[str, ...] = ()
    """Object ids of the identities that may call; a token of the right tenant and audience alone opens nothing."""
    authority: str = "https://login.microsoftonline.com"

    # Provenance
    c2pa_certificates: str | None = None
    """Path of a PEM chain, the signer's first; with the key, results carry a signed C2PA manifest."""
    c2pa_key: str | None = None
    c2pa_algorithm: Literal["es256", "es384", "ps256"] = "es256"

    @model_validator(mode="after")
    def somebody_may_call(self) -> Self:
        """Nothing is open: a container that nobody could call, or whose engine is unknown, does not start."""
        conf = shared_settings()
        token = conf.vto_token
        if token is not None and len(token.get_secret_value().encode()) < 32:
            raise ValueError("VTO_TOKEN is shorter than 32 bytes: make one with `openssl rand -base64 48`")
        if token is None and not self.tenant:
            raise ValueError("set VTO_TOKEN, or VTO_TENANT, VTO_AUDIENCE and VTO_CLIENTS")
        if self.tenant and not (conf.vto_audience and self.clients):
            raise ValueError("VTO_TENANT needs VTO_AUDIENCE and VTO_CLIENTS")
        if unknown := sorted(set(self.allowed) - set(self.known)):
            raise ValueError(f"VTO_ENGINE or VTO_ENGINES names {', '.join(unknown)}, which is no engine")
        if bool(self.c2pa_certificates) != bool(self.c2pa_key):
            raise ValueError("VTO_C2PA_CERTIFICATES and VTO_C2PA_KEY belong together")
        return self

    @property
    def known(self) -> dict[str, str]:
        """Every engine and its class."""
        return {**BUILT_IN, **self.plugins}

    @property
    def allowed(self) -> list[str]:
        """What requests may name, the default first."""
        return list(dict.fromkeys((self.engine, *self.engines)))


@cache
def settings() -> Settings:
    """The container's settings.

    Raises:
        ConfigurationError: one is missing, malformed or unsafe.
    """
    try:
        return Settings()  # pyright: ignore[reportCallIssue]
    except ValidationError as error:
        told = "; ".join(
            f"VTO_{'.'.join(str(part) for part in problem['loc']).upper()}: {problem['msg']}"
            for problem in error.errors(include_input=False, include_url=False)
        )
        raise ConfigurationError(f"settings are not usable: {told}") from None
    except SettingsError as error:
        raise ConfigurationError(f"settings are not usable, JSON is expected: {error}") from None
