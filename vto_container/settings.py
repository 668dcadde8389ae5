"""Settings of the container; storage, models and Gemini have their own, shared with the app."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from shared.settings import OwnSecret, Seconds, SettingsGroup, TlsUrl, load
from shared.settings import settings as shared_settings

BUILT_IN = {
    "compact": "vto_container.engines.compact:Compact",
    "fashn": "vto_container.engines.fashn:Fashn",
    "fashn-api": "shared.engines.fashn_api:FashnApi",
    "gemini": "shared.engines.gemini:Gemini",
}
"""Engines that come with the container, as `module:Class`. The app runs the hosted ones itself."""


class ContainerSettings(SettingsGroup):
    """The container's engines, queue, callers and provenance."""

    engine: str = Field(
        default="compact", validation_alias="VTO_ENGINE", description="engine of requests that name none"
    )
    engines: tuple[str, ...] = Field(
        default=(), validation_alias="VTO_ENGINES", description="further engines that a request may name"
    )
    plugins: dict[str, str] = Field(
        default_factory=dict[str, str], validation_alias="VTO_PLUGINS",
        description='your own engines behind `engines.base.Engine`: `{"name": "module:Class"}`',
    )  # fmt: skip
    eager: bool = Field(
        default=False, validation_alias="VTO_EAGER",
        description="load the engine at startup and stay unready until then, instead of on the first run",
    )  # fmt: skip
    queue: int = Field(
        default=8, ge=1, le=1000, validation_alias="VTO_QUEUE",
        description="runs that may wait; further requests are answered 429",
    )  # fmt: skip
    keep: int = Field(
        default=256, ge=1, validation_alias="VTO_KEEP", description="runs that are remembered after their end"
    )
    job_timeout_s: Seconds = Field(
        default=120, validation_alias="VTO_JOB_TIMEOUT_S",
        description="seconds that the engine may take for one sample before its process is killed",
    )  # fmt: skip
    load_timeout_s: Seconds = Field(
        default=300, validation_alias="VTO_LOAD_TIMEOUT_S", description="seconds that loading an engine may take"
    )
    grace_s: Seconds = Field(
        default=20, validation_alias="VTO_GRACE_S",
        description="seconds that the current run gets to finish after SIGTERM",
    )  # fmt: skip
    breakdowns: int = Field(
        default=3, ge=1, validation_alias="VTO_BREAKDOWNS",
        description="consecutive crashes and hangs after which `/health` fails, so that the platform replaces the "
        "container",
    )  # fmt: skip

    fashn_weights: str = Field(
        default="/weights/fashn", validation_alias="VTO_FASHN_WEIGHTS",
        description="folder with the weights of `fashn`, as `./studio models pull fashn --to` stores them",
    )  # fmt: skip
    models_from: str | None = Field(
        default=None, pattern=r"^[a-z0-9-]+/.+$", validation_alias="VTO_MODELS_FROM",
        description="`container/prefix` in Blob Storage that `MODELS_DIR` is filled from at startup; None if it is a "
        "mounted volume",
    )  # fmt: skip
    fashn_from: str | None = Field(
        default=None, pattern=r"^[a-z0-9-]+/.+$", validation_alias="VTO_FASHN_FROM",
        description="the same for `VTO_FASHN_WEIGHTS`",
    )  # fmt: skip

    token: OwnSecret | None = Field(
        default=None, validation_alias="VTO_TOKEN", description="secret shared with the app, at least 32 bytes"
    )
    audience: str | None = Field(
        default=None, validation_alias="VTO_AUDIENCE",
        description="application id URI that tokens of managed identities must be issued for",
    )  # fmt: skip
    tenant: str | None = Field(
        default=None, pattern=r"^[0-9a-fA-F-]{36}$", validation_alias="VTO_TENANT",
        description="Microsoft Entra tenant whose tokens are accepted, besides or instead of `VTO_TOKEN`",
    )  # fmt: skip
    clients: tuple[str, ...] = Field(
        default=(), validation_alias="VTO_CLIENTS",
        description="object ids of the identities that may call; tenant and audience alone are not enough",
    )  # fmt: skip
    authority: TlsUrl = Field(
        default="https://login.microsoftonline.com", validation_alias="VTO_AUTHORITY",
        description="base URL of the identity platform",
    )  # fmt: skip

    c2pa_certificates: str | None = Field(
        default=None, validation_alias="VTO_C2PA_CERTIFICATES",
        description="path of a PEM chain, the signer's certificate first; with the key, results carry a signed C2PA "
        "manifest",
    )  # fmt: skip
    c2pa_key: str | None = Field(
        default=None, validation_alias="VTO_C2PA_KEY", description="path of the signer's private key, PEM"
    )
    c2pa_algorithm: Literal["es256", "es384", "ps256"] = Field(
        default="es256", validation_alias="VTO_C2PA_ALGORITHM", description="signature algorithm of that key"
    )

    @model_validator(mode="after")
    def check_consistency(self) -> Self:
        """Refuse a container that no caller could use, or whose engines are unknown."""
        if self.token is not None and len(self.token.get_secret_value().encode()) < 32:
            raise ValueError("VTO_TOKEN is shorter than 32 bytes: make one with `openssl rand -base64 48`")
        if self.token is None and not self.tenant:
            raise ValueError("set VTO_TOKEN, or VTO_TENANT, VTO_AUDIENCE and VTO_CLIENTS")
        if self.tenant and not (self.audience and self.clients):
            raise ValueError("VTO_TENANT needs VTO_AUDIENCE and VTO_CLIENTS")
        if unknown := sorted(set(self.allowed_engines) - set(self.known_engines)):
            raise ValueError(f"VTO_ENGINE or VTO_ENGINES names {', '.join(unknown)}, which is not an engine")
        if bool(self.c2pa_certificates) != bool(self.c2pa_key):
            raise ValueError("VTO_C2PA_CERTIFICATES and VTO_C2PA_KEY belong together")
        return self

    @property
    def known_engines(self) -> dict[str, str]:
        """Every engine as `module:Class`."""
        return {**BUILT_IN, **self.plugins}

    @property
    def allowed_engines(self) -> list[str]:
        """What requests may name, the default first."""
        return list(dict.fromkeys((self.engine, *self.engines)))


def container_settings() -> ContainerSettings:
    """The container's settings. Raises as `load` does."""
    return load(ContainerSettings)


def check_settings() -> None:
    """Load every group that the container uses, so that a misconfigured container does not start.

    Raises: as `load` does.
    """
    container_settings()
    shared_settings()
