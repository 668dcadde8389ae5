"""The emulator's picture: the garment photo laid over the person's torso, the same for the same inputs."""

from __future__ import annotations

import hashlib
import io
import math
from functools import lru_cache
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont, ImageOps
from scipy import ndimage  # pyright: ignore[reportMissingTypeStubs]

from emulators.gemini.pictures import LONG_SIDES, NotAnImage


@lru_cache(maxsize=32)
def draw(images: tuple[bytes, ...], seed: str, ratio: tuple[int, int] | None, size: str) -> bytes:
    """JPEG bytes of `pictures.picture`. Raises NotAnImage."""
    opened = [_opened(data) for data in images[:2]]
    if ratio is None:
        ratio = opened[0].size if opened else (1, 1)
    width, height = _dimensions(ratio, LONG_SIDES[size])
    if opened:
        canvas = ImageOps.fit(opened[0].convert("RGB"), (width, height), Image.Resampling.LANCZOS, 0, (0.5, 0.3))
    else:
        canvas = _colour_field(seed, width, height)
    if len(opened) == 2:
        _wear(canvas, opened[1])
    _ribbon(canvas)
    out = io.BytesIO()
    canvas.save(out, "JPEG", quality=90)
    return out.getvalue()


def _opened(data: bytes) -> Image.Image:
    try:
        image = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
        image.load()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as broken:
        raise NotAnImage(str(broken)) from broken
    return image.convert("RGBA" if "A" in image.getbands() else "RGB")


def _dimensions(ratio: tuple[int, int], side: int) -> tuple[int, int]:
    root = math.sqrt(min(max(ratio[0] / ratio[1], 1 / 8), 8))
    return round(side * root / 16) * 16, round(side / root / 16) * 16


def _colour_field(seed: str, width: int, height: int) -> Image.Image:
    digest = hashlib.sha256(seed.encode()).digest()
    return Image.new("RGB", (width, height), tuple(96 + value // 2 for value in digest[:3]))


def _wear(canvas: Image.Image, garment: Image.Image) -> None:
    cut = _cut_out(garment)
    centre, top, width = _torso(canvas)
    height = round(cut.height * width / cut.width)
    cut = cut.resize((width, max(height, 1)), Image.Resampling.LANCZOS)
    red, green, blue, alpha = cut.split()
    shadow = Image.new("RGBA", cut.size, (0, 0, 0, 0))
    blur = ImageFilter.GaussianBlur(max(width / 60, 1))
    shadow.putalpha(alpha.point(lambda value: value * 0.35).filter(blur))
    place = (round(centre - width / 2), round(top))
    canvas.paste(shadow, (place[0], place[1] + max(width // 80, 1)), shadow)
    canvas.paste(Image.merge("RGB", (red, green, blue)), place, alpha.filter(ImageFilter.GaussianBlur(1.2)))


def _cut_out(garment: Image.Image) -> Image.Image:
    """The garment as RGBA, cropped to itself: its plain background keyed out, else faded at the rim."""
    image = garment.copy()
    image.thumbnail((1024, 1024))
    if image.mode == "RGBA":
        alpha = np.asarray(image.getchannel("A"))
        if alpha.min() < 250:
            return image.crop(Image.fromarray(np.where(alpha > 16, np.uint8(255), np.uint8(0))).getbbox())
    pixels = np.asarray(image.convert("RGB"), dtype=np.int16)
    edges = pixels[:3], pixels[:, :3], pixels[:, -3:]
    rim = np.concatenate([edge.reshape(-1, 3) for edge in edges])
    backdrop = np.median(rim, axis=0)
    distance = np.abs(pixels - backdrop).max(axis=2)
    if np.mean(np.abs(rim - backdrop).max(axis=1) < 28) > 0.8:
        labels, _ = _label(distance < 24)
        outside = np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
        solid = ~np.isin(labels, outside[outside > 0])
        solid = _opened_mask(solid, 2)
        parts, count = _label(solid)
        if count:
            areas = np.bincount(parts.ravel())[1:]
            solid = np.isin(parts, 1 + np.flatnonzero(areas > 0.1 * areas.max()))
        if 0.04 < solid.mean() < 0.97:
            image = image.convert("RGB")
            image.putalpha(Image.fromarray(_eroded(solid).astype(np.uint8) * 255))
            return image.crop(image.getchannel("A").getbbox())
    image = image.convert("RGB")
    mask = Image.new("L", image.size, 0)
    inset = min(image.size) // 12
    box = (inset, inset, image.width - inset, image.height - inset)
    ImageDraw.Draw(mask).rounded_rectangle(box, radius=min(image.size) // 5, fill=255)
    image.putalpha(mask.filter(ImageFilter.GaussianBlur(inset / 2)))
    return image


def _torso(canvas: Image.Image) -> tuple[float, float, int]:
    """Where the garment goes: centre x, top y and width in pixels, read off the face or else assumed."""
    small = canvas.copy()
    small.thumbnail((160, 160))
    scale = canvas.width / small.width
    face = _face(np.asarray(small, dtype=np.int16))
    standing = canvas.height > 1.3 * canvas.width
    if face is None:
        return canvas.width / 2, canvas.height * (0.24 if standing else 0.5), round(canvas.width * 0.6)
    x, y, width, height = (value * scale for value in face)
    top, broad = y + height * 1.12, width * 3.1
    if standing:
        top, broad = min(top, canvas.height * 0.3), min(broad, canvas.width * 0.6)
    return x + width / 2, top, round(min(max(broad, canvas.width * 0.2), canvas.width * 1.05))


def _face(pixels: NDArray[np.int16]) -> tuple[int, int, int, int] | None:
    """The most face-like patch of skin in an RGB array: x, y, width, height; None when there is none.

    A colour rule (skin in RGB under daylight, Kovac et al. 2003), then size, roundness and place decide.
    """
    red, green, blue = pixels[..., 0], pixels[..., 1], pixels[..., 2]
    spread = pixels.max(axis=2) - pixels.min(axis=2)
    skin = (red > 95) & (green > 40) & (blue > 20) & (spread > 15) & (red - green > 12) & (red > blue)
    skin = _opened_mask(skin)
    labels, _ = _label(skin)
    rows, columns = skin.shape
    best, best_score = None, 0.0
    for number, place in enumerate(_boxes(labels), start=1):
        down, across = place
        height, width = down.stop - down.start, across.stop - across.start
        area = int((labels[place] == number).sum())
        height = min(height, round(width * 1.35))
        if area < 12 or not 0.5 < width / max(height, 1) < 1.6 or area < 0.4 * width * height:
            continue
        x, y = (across.start + width / 2) / columns, (down.start + height / 2) / rows
        # A small face low in a tall picture is a hand or a knee.
        if not 0.26 < x < 0.74 or y > (0.24 if rows > 1.3 * columns and width < 0.2 * columns else 0.45):
            continue
        nearness = math.exp(-(((x - 0.5) / 0.22) ** 2) - ((y - 0.25) / 0.2) ** 2)
        score = math.sqrt(area) * nearness
        if score > best_score:
            best, best_score = (across.start, down.start, width, height), score
    return best


# scipy has no types.
def _label(mask: NDArray[np.bool_]) -> tuple[NDArray[np.int32], int]:
    """The number of the connected part that each pixel belongs to (0: none), and how many parts there are."""
    return cast("Any", ndimage).label(mask)


def _boxes(labels: NDArray[np.int32]) -> list[tuple[slice[int, int, None], slice[int, int, None]]]:
    """Rows and columns of each part."""
    return cast("Any", ndimage).find_objects(labels)


def _opened_mask(mask: NDArray[np.bool_], iterations: int = 1) -> NDArray[np.bool_]:
    return cast("Any", ndimage).binary_opening(mask, iterations=iterations)


def _eroded(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return cast("Any", ndimage).binary_erosion(mask)


def _ribbon(canvas: Image.Image) -> None:
    size = max(canvas.width // 44, 11)
    font = ImageFont.load_default(size)
    draw = ImageDraw.Draw(canvas, "RGBA")
    left, top, right, bottom = draw.textbbox((0, 0), "emulated", font=font)
    width, height = right - left + size * 1.4, bottom - top + size * 0.9
    x, y = canvas.width - width - size, canvas.height - height - size
    draw.rounded_rectangle((x, y, x + width, y + height), radius=height / 2, fill=(20, 22, 30, 150))
    place = (x + size * 0.7 - left, y + size * 0.45 - top)
    draw.text(place, "emulated", font=font, fill=(255, 255, 255, 235))
