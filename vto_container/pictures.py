"""Pictures in and out of the engines: decoded under limits, written without loss."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any, Literal

from shared.errors import StudioError
from shared.vto.errors import ImageTooSmall, UnreadableInput

if TYPE_CHECKING:
    from numpy.typing import NDArray

FORMATS = ("JPEG", "PNG", "WEBP")
"""What our own storage holds; foreign bytes were sanitized before."""
LEAST_SIDE = 64
MOST_PIXELS = 40_000_000


def decoded(data: bytes, field: str, mode: Literal["RGB", "L"] = "RGB") -> NDArray[Any]:
    """A picture as RGB (h, w, 3), on white where it is transparent, or a mask as (h, w), uint8.

    Raises:
        UnreadableInput, ImageTooSmall: naming `field`.
    """
    import numpy as np
    from PIL import Image, ImageOps

    try:
        with Image.open(BytesIO(data), formats=FORMATS) as image:
            width, height = image.size
            _check_size(width, height, field)
            image.load()
            return np.asarray(_plain(ImageOps.exif_transpose(image), mode))
    except StudioError:
        raise
    except Exception:
        raise UnreadableInput("the picture can't be read", field=field) from None


def _check_size(width: int, height: int, field: str) -> None:
    if width * height > MOST_PIXELS:
        raise UnreadableInput(f"the picture has more than {MOST_PIXELS // 1_000_000} megapixels", field=field)
    if min(width, height) < LEAST_SIDE:
        raise ImageTooSmall(f"the picture needs at least {LEAST_SIDE} pixels on each side", field=field)


def _plain(image: Any, mode: str) -> Any:
    from PIL import Image

    if mode == "RGB" and image.has_transparency_data:
        opaque = Image.new("RGBA", image.size, (255, 255, 255, 255))
        return Image.alpha_composite(opaque, image.convert("RGBA")).convert("RGB")
    return image.convert(mode)


def mask(data: bytes, person: NDArray[Any]) -> NDArray[Any]:
    """A mask as (h, w) uint8 of the person's size; one of the same aspect is brought to it.

    Raises:
        UnreadableInput: it is no picture, or is not of the person's aspect.
    """
    import numpy as np
    from PIL import Image

    found = decoded(data, "mask", "L")
    height, width = person.shape[:2]
    if found.shape == (height, width):
        return found
    if abs(found.shape[1] / found.shape[0] - width / height) > 0.02 * width / height:
        raise UnreadableInput("the mask has not the person's aspect", field="mask")
    return np.asarray(Image.fromarray(found).resize((width, height), Image.Resampling.BILINEAR))


def png(pixels: NDArray[Any], xmp: str | None = None) -> bytes:
    """A picture (h, w, 3) or a mask (h, w) as PNG, with an XMP packet where one is given."""
    from PIL import Image, PngImagePlugin

    info = PngImagePlugin.PngInfo()
    if xmp is not None:
        info.add_itxt("XML:com.adobe.xmp", xmp)
    out = BytesIO()
    Image.fromarray(pixels).save(out, "PNG", compress_level=4, pnginfo=info)
    return out.getvalue()
