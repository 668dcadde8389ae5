"""Settings of search."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import Field, field_validator

from shared.settings import Seconds, SettingsGroup, load

LATIN_LANGUAGES: Final = {
    "ca": "catalan", "cs": "czech", "da": "danish", "nl": "dutch", "en": "english", "eo": "esperanto",
    "et": "estonian", "eu": "basque", "fi": "finnish", "fr": "french", "de": "german", "hu": "hungarian",
    "id": "indonesian", "ga": "irish", "it": "italian", "lt": "lithuanian", "no": "norwegian", "pl": "polish",
    "pt": "portuguese", "ro": "romanian", "es": "spanish", "sv": "swedish", "tr": "turkish",
}  # fmt: skip
"""Names of Snowball's stemmers for languages in Latin script."""


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
    search_languages: tuple[str, ...] = Field(
        default=("en", "de", "fr", "es", "it", "nl", "pt", "sv", "da", "no", "pl", "tr"),
        description="languages in Latin script whose plurals and other forms search knows, by ISO 639-1; a change "
        "counts from the next rebuild of an index on",
    )

    @field_validator("search_languages")
    @classmethod
    def known_languages(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        """Refuse a language without a stemmer."""
        unknown = sorted(set(value) - set(LATIN_LANGUAGES))
        if unknown:
            raise ValueError(f"no stemmer for {', '.join(unknown)}; there are {', '.join(LATIN_LANGUAGES)}")
        return value


def search_settings() -> SearchSettings:
    """The settings of search."""
    return load(SearchSettings)
