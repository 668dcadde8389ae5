"""Pictures as the image tower should see them: the garment alone, cut out with the same mask in index and query."""

from __future__ import annotations

from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING, Any, Literal

from shared import blobs
from shared.errors import NotFound
from shared.images import sources
from shared.images.sources import Source
from shared.vision import embedding, parser, segments

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIDE = 512
"""Pixels of the longer side that are looked at: several times what the towers take in."""
KEPT = 64
"""Pictures of queries whose vectors are remembered."""
LEAST_AREA = 0.02
"""Share of a picture below which what the parser saw is no garment to search by."""


def of_query(image_id: str | None, image_url: str | None, crop: Literal["auto", "none"], user_id: str) -> NDArray[Any]:
    """The vector (D,) of the picture a request names.

    Args:
        crop: `auto` looks at the garment in it alone, or at all of it where none is to be seen.

    Raises:
        NotFound: there is no such picture, or it is somebody else's.
        Unprocessable: `image_url`, `image_not_ready`.
        ConfigurationError: a model is missing or refused.
    """
    source = sources.by_id(image_id, user_id) if image_id is not None else sources.by_url(str(image_url), user_id)
    # Only a record's hash says that the bytes under a name are those of before.
    look = _look if source.sha256 is not None else _look.__wrapped__
    return look(source, crop, embedding.identity().model_id, parser.version())


@lru_cache(KEPT)
def _look(source: Source, crop: str, model_id: str, parser_version: str) -> NDArray[Any]:
    """The vector of a picture, remembered: who pages on, filters, or blends by another `alpha` names the same again."""
    photo = _small(_bytes(source))
    vector = embedding.embed_image(photo, _garment(photo) if crop == "auto" else None).vector
    vector.setflags(write=False)
    return vector


def of_product(stored: dict[str, Any]) -> NDArray[Any]:
    """The vector (D,) of a product by the blobs of its photo: the photo under its own mask.

    Raises:
        NotFound: they were replaced meanwhile.
    """
    import numpy as np
    from PIL import Image

    photo = _small(blobs.get(stored["original"]["container"], stored["original"]["name"]))
    mask = Image.open(BytesIO(blobs.get(stored["mask"]["container"], stored["mask"]["name"]))).convert("L")
    mask = mask.resize((photo.shape[1], photo.shape[0]), Image.Resampling.BOX)
    return embedding.embed_image(photo, np.asarray(mask) > 127).vector


def _garment(photo: NDArray[Any]) -> NDArray[Any] | None:
    """(h, w) bool, where the garment is; None where none is to be seen. The parser's map as it is: the tower looks at
    far fewer pixels than a cut-out shows, and following the edges exactly costs many times the parsing."""
    import numpy as np
    from PIL import Image

    parsed = parser.parse(photo)
    chance = parsed.share_of(segments.CLASSES_OF["garment"]) if parsed.is_worn else parsed.foreground
    if float((chance >= 0.5).mean()) < LEAST_AREA:
        return None
    size = (photo.shape[1], photo.shape[0])
    return np.asarray(Image.fromarray(chance.astype(np.float32)).resize(size, Image.Resampling.BILINEAR)) >= 0.5


def _bytes(source: Source) -> bytes:
    try:
        return source.read()
    except NotFound:
        raise NotFound("There is no such image.", code="image_not_found") from None


def _small(data: bytes) -> NDArray[Any]:
    """A clean picture as RGB (h, w, 3) uint8, its longer side `SIDE` pixels at most."""
    import numpy as np
    from PIL import Image

    with Image.open(BytesIO(data)) as image:
        share = min(1.0, SIDE / max(image.size))
        wanted = (max(1, round(image.width * share)), max(1, round(image.height * share)))
        # A JPEG is decoded to half, a quarter or an eighth of its size if that is still enough.
        image.draft("RGB", wanted)
        upright = image.convert("RGB")
    if upright.size != wanted:
        upright = upright.resize(wanted, Image.Resampling.BILINEAR, reducing_gap=1.5)
    return np.asarray(upright)
