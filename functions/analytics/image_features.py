"""Images as input of the sales model: decoded small, embedded, and measured for colour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

from shared.errors import Unprocessable
from shared.vision import colours, embedding

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MAX_SIDE: Final = 480
"""Longer side in pixels of what is embedded and of heat maps alike."""
BATCH: Final = 16
"""Images per batch."""


@dataclass(frozen=True)
class ImageFeatures:
    """An image as input of the head.

    Args:
        places: (P, J) the tower's map divided by the norm of its mean, so that the mean is the unit embedding; (1, J)
            where the tower gives no map.
        grid: rows and columns of the map; None without one.
    """

    places: NDArray[Any]
    grid: tuple[int, int] | None

    @property
    def vector(self) -> NDArray[Any]:
        """(J,) the unit joint embedding."""
        import numpy as np

        return self.places.mean(0, dtype=np.float64).astype(np.float32)


class MapStatistics:
    """Mean of the maps of many images, and covariance of the places within an image."""

    def __init__(self, arrays: Mapping[str, NDArray[Any]] | None = None) -> None:
        stored = arrays if arrays is not None and int(arrays["map_count"]) else None
        self._count = int(stored["map_count"]) if stored else 0
        self._places: Any = stored["map_places"] if stored else 0.0
        self._within: Any = stored["map_within"] if stored else 0.0

    def add(self, images: Sequence[ImageFeatures]) -> None:
        """Include images; those without a map add nothing."""
        import numpy as np

        for image in images:
            if image.grid is not None:
                places = image.places.astype(np.float64)
                deviations = places - places.mean(0)
                self._places = self._places + places
                self._within = self._within + deviations.T @ deviations / len(deviations)
                self._count += 1

    @property
    def mean(self) -> NDArray[Any] | None:
        """(P, J) the mean map; None when no image had one."""
        return self._places / self._count if self._count else None

    @property
    def within(self) -> NDArray[Any] | None:
        """(J, J) mean covariance of the places within an image; None when no image had a map."""
        return self._within / self._count if self._count else None

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """The sums as named arrays, from which `MapStatistics(arrays)` continues."""
        import numpy as np

        return {
            "map_count": np.array(self._count),
            "map_places": np.asarray(self._places, np.float32),
            "map_within": np.asarray(self._within, np.float32),
        }


def decode(data: bytes, max_side: int = MAX_SIDE) -> NDArray[np.uint8]:
    """A stored image as RGB pixels (h, w, 3) of at most `max_side`; JPEG is decoded no larger than needed.

    Raises:
        Unprocessable: `bad_picture`.
    """
    import numpy as np
    from PIL import Image

    try:
        with Image.open(BytesIO(data)) as image:
            shrink = min(1.0, max_side / max(image.size))
            image.draft("RGB", (round(image.width * shrink), round(image.height * shrink)))
            small = image.convert("RGB")
            small.thumbnail((max_side, max_side), Image.Resampling.BICUBIC, reducing_gap=2.0)
            return np.asarray(small)
    except OSError:
        raise Unprocessable("the image cannot be decoded", code="bad_picture") from None


def extract(images: Sequence[NDArray[np.uint8]]) -> list[ImageFeatures]:
    """The features of RGB images (h, w, 3), embedded in batches."""
    found: list[ImageFeatures] = []
    for start in range(0, len(images), BATCH):
        found += [_features(embedded) for embedded in embedding.embed_images(images[start : start + BATCH])]
    return found


def _features(embedded: embedding.ImageEmbedding) -> ImageFeatures:
    import numpy as np

    if embedded.map is None:
        return ImageFeatures(embedded.joint[None].astype(np.float32), None)
    rows, columns, width = embedded.map.shape
    places = embedded.map.reshape(-1, width).astype(np.float64)
    norm = float(np.linalg.norm(places.mean(0))) or 1.0
    return ImageFeatures((places / norm).astype(np.float32), (rows, columns))


def colour_features(pixels: NDArray[np.uint8]) -> NDArray[Any]:
    """(9,) mean, deviation and inner mean of CIE Lab over the image: what a baseline without a model can use."""
    import numpy as np
    from PIL import Image

    small = np.asarray(Image.fromarray(pixels).resize((24, 24), Image.Resampling.BOX))
    values = colours.to_lab(small.reshape(-1, 3))
    inner = colours.to_lab(small[6:18, 6:18].reshape(-1, 3))
    return np.r_[values.mean(0), values.std(0), inner.mean(0)].astype(np.float32)


def image_tower() -> str:
    """SHA-256 of the image tower in use. Raises ConfigurationError when there is none."""
    return embedding.identity().image_sha256
