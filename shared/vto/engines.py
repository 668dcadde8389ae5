"""The try-on engines by name: who runs them, which are configured, and how they are called in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from shared.gemini.settings import gemini_settings
from shared.vto.errors import UnknownEngine
from shared.vto.settings import fashn_settings, vto_settings

GEMINI: Final = "gemini"
FASHN_API: Final = "fashn-api"
FASHN: Final = "fashn"
COMPACT: Final = "compact"

HOSTED: Final = (FASHN_API, GEMINI)
"""Engines that are services of others: the app calls them itself, and every call costs money. The best comes first."""
LABELS: Final[Mapping[str, str]] = {
    GEMINI: "Gemini",
    FASHN_API: "FASHN",
    FASHN: "FASHN VTON",
    COMPACT: "compact, preview",
}


def label(engine: str) -> str:
    """An engine in words, as e-mails, pages and the provenance of pictures say it; `compact` makes previews."""
    return LABELS.get(engine, engine)


def is_preview(engine: str) -> bool:
    """Whether the results of an engine are previews and no photos."""
    return engine == COMPACT


def is_configured(engine: str) -> bool:
    """Whether a hosted engine has its key, or the container that runs any other has an address."""
    if engine == GEMINI:
        return gemini_settings().gemini_api_key is not None
    if engine == FASHN_API:
        return fashn_settings().fashn_api_key is not None
    return vto_settings().vto_url is not None


def offered() -> tuple[str, ...]:
    """The engines that callers may choose, the default first: `TRYON_ENGINES`, or all that are configured, best first.

    The container's default engine is the last; which others it has, only `TRYON_ENGINES` can say.
    """
    chosen = vto_settings().tryon_engines
    return chosen or (*(engine for engine in HOSTED if is_configured(engine)), COMPACT)


def choose(wanted: str | None) -> str:
    """The engine of a request.

    Raises:
        UnknownEngine: it names one that is not offered.
    """
    allowed = offered()
    if wanted is not None and wanted not in allowed:
        raise UnknownEngine(f"the available engines are {', '.join(allowed)}", field="engine")
    return wanted or allowed[0]


def choose_for_conversion(wanted: str | None) -> str:
    """The engine of a conversion: Gemini where a key is set, else the default of try-ons.

    Raises:
        UnknownEngine: it names one that is not offered.
    """
    if wanted is None and (is_configured(GEMINI) or not any(is_configured(engine) for engine in offered())):
        return GEMINI
    return wanted if wanted == GEMINI and is_configured(GEMINI) else choose(wanted)
