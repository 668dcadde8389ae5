"""The index behind search: `index()` gives this process's engine; what it can do is in `port`."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from functions.search.engine.items import Model
from functions.search.engine.port import VectorIndex
from functions.search.settings import search_settings

if TYPE_CHECKING:
    from shared.vision.embedding import Identity

__all__ = ["index", "running_model"]


@cache
def index() -> VectorIndex:
    """The engine that `SEARCH_ENGINE` names, over the encoder that runs here."""
    if search_settings().search_engine == "cosmos":
        from functions.search.engine.cosmos import connect

        return connect(running_model)
    from functions.search.engine.local import LocalIndex

    return LocalIndex(running_model)


def running_model() -> Model:
    """The encoder of this process, as the engine wants to know it."""
    from shared.vision import embedding

    who: Identity = embedding.identity()
    return Model(who.model_id, who.image_sha256, who.dim, who.standardise)
