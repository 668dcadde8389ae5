"""Pictures as the analytics see them: read small, embedded, and measured for colour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

from shared.errors import Unprocessable
from shared.vision import colours as palette
from shared.vision import embedding

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIDE: Final = 480
"""Long side in pixels, of what is embedded and of heat maps alike."""
BATCH: Final = 16


@dataclass(frozen=True)
class Seen:
    """A picture as the head takes it.

    Args:
        places: (P, J) its map divided by the norm of the map's mean, so that the mean is the unit embedding; (1, J)
            where the tower has no map.
        grid: rows and columns of the map; None without one.
    """

    places: NDArray[Any]
    grid: tuple[int, int] | None

    @property
    def vector(self) -> NDArray[Any]:
        """(J,) the unit joint embedding."""
        import numpy as np

        return self.places.mean(0, dtype=np.float64).astype(np.float32)


class Maps:
    """What the maps of many pictures have in common: their mean, and how places differ within a picture."""

    def __init__(self, arrays: Mapping[str, NDArray[Any]] | None = None) -> None:
        stored = arrays if arrays is not None and int(arrays["map_count"]) else None
        self._count = int(stored["map_count"]) if stored else 0
        self._places: Any = stored["map_places"] if stored else 0.0
        self._within: Any = stored["map_within"] if stored else 0.0

    def add(self, seen: Sequence[Seen]) -> None:
        """Count pictures in; those without a map have nothing to tell."""
        import numpy as np

        for one in seen:
            if one.grid is not None:
                places = one.places.astype(np.float64)
                off = places - places.mean(0)
                self._places = self._places + places
                self._within = self._within + off.T @ off / len(off)
                self._count += 1

    @property
    def mean(self) -> NDArray[Any] | None:
        """(P, J) the mean map; None when no picture had one."""
        return self._places / self._count if self._count else None

    @property
    def within(self) -> NDArray[Any] | None:
        """(J, J) mean covariance of the places within a picture; None when no picture had a map."""
        return self._within / self._count if self._count else None

    def arrays(self) -> dict[str, Any]:
        """As arrays by name, and back by `Maps(arrays)`."""
        import numpy as np

        return {
            "map_count": np.array(self._count),
            "map_places": np.asarray(self._places, np.float32),
            "map_within": np.asarray(self._within, np.float32),
        }


def decode(data: bytes, side: int = SIDE) -> NDArray[Any]:
    """A clean picture as RGB (h, w, 3) uint8 of at most `side` pixels; JPEG is decoded no larger than needed.

    Raises:
        Unprocessable: `bad_picture`.
    """
    import numpy as np
    from PIL import Image

    try:
        with Image.open(BytesIO(data)) as image:
            shrink = min(1.0, side / max(image.size))
            image.draft("RGB", (round(image.width * shrink), round(image.height * shrink)))
            small = image.convert("RGB")
            small.thumbnail((side, side), Image.Resampling.BICUBIC, reducing_gap=2.0)
            return np.asarray(small)
    except OSError:
        raise Unprocessable("the picture can't be read", code="bad_picture") from None


def see(pictures: list[NDArray[Any]]) -> list[Seen]:
    """Embed pictures, in batches."""
    found: list[Seen] = []
    for start in range(0, len(pictures), BATCH):
        found += [_seen(one) for one in embedding.embed_images(pictures[start : start + BATCH])]
    return found


def _seen(embedded: embedding.ImageEmbedding) -> Seen:
    import numpy as np

    if embedded.map is None:
        return Seen(embedded.joint[None].astype(np.float32), None)
    rows, columns, width = embedded.map.shape
    places = embedded.map.reshape(-1, width).astype(np.float64)
    norm = float(np.linalg.norm(places.mean(0))) or 1.0
    return Seen((places / norm).astype(np.float32), (rows, columns))


def colours(picture: NDArray[Any]) -> NDArray[Any]:
    """(9,) mean, deviation and inner mean of CIE Lab over the picture: what a baseline without a model can see."""
    import numpy as np
    from PIL import Image

    small = np.asarray(Image.fromarray(picture).resize((24, 24), Image.Resampling.BOX))
    values = palette.lab(small.reshape(-1, 3))
    inner = palette.lab(small[6:18, 6:18].reshape(-1, 3))
    return np.r_[values.mean(0), values.std(0), inner.mean(0)].astype(np.float32)


def tower() -> str:
    """The sha256 of the image tower that is in use. Raises ConfigurationError when there is none."""
    return embedding.identity().image_sha256
