"""Features of a merchant's images, kept for the next table so that each image is embedded once."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from functions.analytics import image_features
from functions.analytics.image_features import MapStatistics
from functions.analytics.image_lookup import blob_path
from shared import blobs
from shared.errors import NotFound, Unprocessable
from shared.images.sources import Source

if TYPE_CHECKING:
    from numpy.typing import NDArray

CHUNK: Final = 64
"""Images read and embedded between two reports of progress."""
SAVE_EVERY: Final = 1024
"""New images after which the cache is stored: what a crash repeats at most."""


@dataclass(frozen=True)
class CachedFeatures:
    """What is kept of an image.

    Args:
        vector: (J,) unit joint embedding, float32 rounded to float16.
        colours: (9,) float32, see `image_features.colour_features`.
    """

    vector: NDArray[Any]
    colours: NDArray[Any]


@dataclass
class FeatureCache:
    """Features by blob path, and statistics of all maps; one blob for each merchant and image tower."""

    user_id: str
    tower: str
    features: dict[str, CachedFeatures] = field(default_factory=dict[str, CachedFeatures])
    maps: MapStatistics = field(default_factory=MapStatistics)

    @property
    def _blob(self) -> str:
        return f"{self.user_id}/embedded-{self.tower[:12]}.npz"

    @classmethod
    def load(cls, user_id: str) -> FeatureCache:
        """The merchant's cache for the image tower in use; empty if there is none yet."""
        import numpy as np

        cache = cls(user_id, image_features.image_tower())
        try:
            data = blobs.get(blobs.MODELS, cache._blob)
        except NotFound:
            return cache
        with np.load(io.BytesIO(data), allow_pickle=False) as stored:
            arrays: dict[str, NDArray[Any]] = {name: stored[name] for name in stored.files}
        cache.maps = MapStatistics(arrays)
        names: list[str] = arrays["names"].tolist()
        for name, vector, colours in zip(names, arrays["vectors"], arrays["colours"], strict=True):
            cache.features[name] = CachedFeatures(vector.astype(np.float32), colours.astype(np.float32))
        return cache

    def save(self) -> None:
        """Store the cache."""
        import numpy as np

        out = io.BytesIO()
        arrays: dict[str, Any] = {
            "names": np.array(list(self.features), np.str_),
            "vectors": np.stack([one.vector for one in self.features.values()]).astype(np.float16),
            "colours": np.stack([one.colours for one in self.features.values()]).astype(np.float16),
            **self.maps.to_arrays(),
        }
        np.savez(out, allow_pickle=False, **arrays)
        blobs.put(blobs.MODELS, self._blob, out.getvalue(), content_type="application/octet-stream")

    def add(self, sources: Iterable[Source], on_progress: Callable[[int, int], None]) -> Mapping[str, str]:
        """Embed the images that are not in the cache yet.

        Args:
            on_progress: called with the number of images done and of all that are new.

        Returns:
            What is wrong with images that could not be read, by blob path.
        """
        import numpy as np

        missing = {path: source for source in sources if (path := blob_path(source)) not in self.features}
        problems: dict[str, str] = {}
        items = list(missing.items())
        unsaved = 0
        for start in range(0, len(items), CHUNK):
            on_progress(start, len(items))
            decoded: list[tuple[str, NDArray[np.uint8]]] = []
            for path, source in items[start : start + CHUNK]:
                try:
                    decoded.append((path, image_features.decode(source.read())))
                except (NotFound, Unprocessable) as error:
                    problems[path] = error.message
            extracted = image_features.extract([pixels for _, pixels in decoded])
            self.maps.add(extracted)
            for (path, pixels), features in zip(decoded, extracted, strict=True):
                rounded = features.vector.astype(np.float16).astype(np.float32)
                self.features[path] = CachedFeatures(rounded, image_features.colour_features(pixels))
            unsaved += len(decoded)
            if unsaved >= SAVE_EVERY:
                self.save()
                unsaved = 0
        if unsaved:
            self.save()
        return problems
