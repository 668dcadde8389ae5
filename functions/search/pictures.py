"""Vectors of pictures: the image tower sees the garment alone, cut out the same way in index and query."""

from __future__ import annotations

from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final, Literal

from shared import blobs
from shared.catalogue.documents import ProductImage
from shared.errors import NotFound
from shared.images import sources
from shared.images.sanitizer import ImagePolicy, Resize, sanitize_copies
from shared.images.sources import Source
from shared.vision import embedding, parser, segments

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_SIDE_PX: Final = 512
"""The longer side that pictures are decoded to: several times the input of the towers."""
MAX_CACHED: Final = 64
"""Pictures of queries whose vectors are kept in memory."""
SMALL: Final = "small"
VISITOR_POLICY: Final = ImagePolicy(max_bytes=8 * 1024 * 1024, max_side=8192, max_pixels=16_000_000, seconds=10)
"""What is taken from callers who are not signed in: photos of phones, and less of a decoder than uploads get."""
MIN_AREA: Final = 0.02
"""Share of a picture from which on what the parser found counts as a garment."""


def of_query(image_id: str | None, image_url: str | None, crop: Literal["auto", "none"], user_id: str) -> NDArray[Any]:
    """The vector (dim,) of the picture that a request names.

    Args:
        crop: `auto` embeds the garment in it alone, or the whole picture if none is found.

    Raises:
        NotFound: there is no such picture, or it is another user's.
        Unprocessable: `image_url`, `image_not_ready`.
        ConfigurationError: a model is missing or refused.
    """
    source = sources.by_id(image_id, user_id) if image_id is not None else sources.by_url(str(image_url), user_id)
    # Only with the digest of its document is it sure that the blob has not changed.
    embed = _embed if source.sha256 is not None else _embed.__wrapped__
    return embed(source, crop, embedding.identity().model_id, parser.version())


@lru_cache(MAX_CACHED)
def _embed(source: Source, crop: str, model_id: str, parser_version: str) -> NDArray[Any]:
    """The vector of a picture, cached: further pages, other filters and other values of `alpha` name the same one."""
    photo = _decode_small(_read(source))
    vector = embedding.embed_image(photo, _find_garment(photo) if crop == "auto" else None).vector
    vector.setflags(write=False)
    return vector


def of_visitor(data: bytes) -> NDArray[Any]:
    """The vector (dim,) of the garment in a foreign photo, or of the whole photo if none is found; nothing is kept.

    Args:
        data: the file as received; nothing about it is trusted.

    Raises:
        TooLarge, UnsupportedMedia, Unprocessable, Unavailable: as `sanitizer.sanitize_copies`.
        ConfigurationError: a model is missing or refused.
    """
    read = sanitize_copies(data, {SMALL: Resize(MAX_SIDE_PX, quality=90)}, policy=VISITOR_POLICY)
    photo = _decode_small(read.copies[SMALL].data)
    return embedding.embed_image(photo, _find_garment(photo)).vector


def of_product(stored: ProductImage) -> NDArray[Any]:
    """The vector (dim,) of a product's photo under its own mask.

    Raises:
        NotFound: its blobs were deleted or replaced meanwhile.
    """
    import numpy as np
    from PIL import Image

    original, mask = stored.renditions.original, stored.renditions.mask
    photo = _decode_small(blobs.get(original.container, original.name))
    grey = Image.open(BytesIO(blobs.get(mask.container, mask.name))).convert("L")
    grey = grey.resize((photo.shape[1], photo.shape[0]), Image.Resampling.BOX)
    return embedding.embed_image(photo, np.asarray(grey) > 127).vector


def _find_garment(photo: NDArray[Any]) -> NDArray[Any] | None:
    """(h, w) bool, where the garment is; None if none is found.

    The parser's map as it is: the tower sees far fewer pixels than a cut-out has, and exact edges cost many times the
    parsing.
    """
    import numpy as np
    from PIL import Image

    parsed = parser.parse(photo)
    chance = parsed.share_of(segments.CLASSES_OF["garment"]) if parsed.is_worn else parsed.foreground
    if float((chance >= 0.5).mean()) < MIN_AREA:
        return None
    size = (photo.shape[1], photo.shape[0])
    return np.asarray(Image.fromarray(chance.astype(np.float32)).resize(size, Image.Resampling.BILINEAR)) >= 0.5


def _read(source: Source) -> bytes:
    try:
        return source.read()
    except NotFound:
        raise NotFound("There is no such image.", code="image_not_found") from None


def _decode_small(data: bytes) -> NDArray[Any]:
    """A sanitized picture as RGB (h, w, 3) uint8, its longer side `MAX_SIDE_PX` pixels at most."""
    import numpy as np
    from PIL import Image

    with Image.open(BytesIO(data)) as image:
        share = min(1.0, MAX_SIDE_PX / max(image.size))
        wanted = (max(1, round(image.width * share)), max(1, round(image.height * share)))
        # A JPEG is decoded to half, a quarter or an eighth of its size if that is still enough.
        image.draft("RGB", wanted)
        upright = image.convert("RGB")
    if upright.size != wanted:
        upright = upright.resize(wanted, Image.Resampling.BILINEAR, reducing_gap=1.5)
    return np.asarray(upright)
