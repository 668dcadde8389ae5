"""Settings of pictures that are fetched from addresses customers give."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pydantic import Field

from shared.settings import SettingsGroup, load

FETCH_TIMEOUT_S: Final = 15.0
"""For one picture, redirects included."""
MAX_REDIRECTS: Final = 3


class FetchSettings(SettingsGroup):
    """Whether pictures are fetched, and which hosts may be called in development."""

    image_fetch: bool = Field(
        default=False,
        description="fetch pictures from public https addresses that callers give (`v1/run`, product imports); such "
        "requests leave with this deployment's address",
    )
    image_fetch_allow_hosts: tuple[str, ...] = Field(
        default=(),
        description="`HOST:PORT` (port may be `*`) in development may be fetched from although not public, and "
        "without TLS",
    )

    def production_faults(self) -> Iterator[str]:
        """In production pictures are fetched from public addresses only."""
        if self.image_fetch_allow_hosts:
            yield "IMAGE_FETCH_ALLOW_HOSTS must be empty outside development: pictures come from public addresses"


def fetch_settings() -> FetchSettings:
    """The settings of fetched pictures."""
    return load(FetchSettings)
