"""Settings of search."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from shared.settings import Seconds, SettingsGroup, load


class SearchSettings(SettingsGroup):
    """Which engine answers searches, and how its versions are kept."""

    search_engine: Literal["faiss", "cosmos"] = Field(
        default="faiss", description="`faiss` in this process, or `cosmos` for shops that outgrow one machine"
    )
    index_cache_dir: str | None = Field(
        default=None,
        description="folder for versions of the index on this machine; by default a temporary one",
    )
    index_poll_s: Seconds = Field(
        default=1, description="seconds for which a worker searches without looking for changes"
    )
    index_keep_s: Seconds = Field(
        default=900,
        description="seconds for which a replaced version answers cursors; the last three are kept whatever their age",
    )


def search_settings() -> SearchSettings:
    """The settings of search."""
    return load(SearchSettings)
