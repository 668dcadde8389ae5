"""Images and texts as vectors of one space, by the registered pair of towers.

An image's vector may have a second part, the shape part, that only images share: texts have zeros there, so one inner
product serves every search. Pooling, normalisation and weighting are inside the models.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from pydantic import BaseModel, ConfigDict

from shared import onnx
from shared.errors import ConfigurationError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from tokenizers import Tokenizer

IMAGE, TEXT = "fashion_image", "fashion_text"
EMBEDS, MAP, TEXT_EMBEDS = "image_embeds", "image_map", "text_embeds"
BATCH = 16
"""Images per batch."""
PLAIN = 236
"""Grey value of the background of a masked garment, as in training."""
MARGIN = 0.08
"""Margin around a masked garment, as a share of its longer side."""


@dataclass(frozen=True)
class ImageEmbedding:
    """An image as a vector.

    Args:
        vector: (D,) float32 of unit length.
        map: (gy, gx, J) float32, whose mean over places is the joint part before normalisation; None when the model
            gives none.
        joint: (J,) float32 of unit length, what a text can be compared with.
        model: `fashion_image@<first 12 digits of the sha256>`.
    """

    vector: NDArray[np.float32]
    map: NDArray[np.float32] | None
    joint: NDArray[np.float32]
    model: str


@dataclass(frozen=True)
class TextEmbedding:
    """A text as a vector.

    Args:
        vector: (D,) float32 of unit length with zeros where images have their shape part; all zeros when no word
            is known.
        unknown: words outside the tower's vocabulary, in the order of the text.
        model: `fashion_text@<first 12 digits of the sha256>`.
    """

    vector: NDArray[np.float32]
    unknown: tuple[str, ...]
    model: str


@dataclass(frozen=True)
class Identity:
    """Identifies the pair of towers in use; vectors of another pair cannot be compared with theirs.

    Args:
        model_id: `fashion@<12 digits>` over both files.
        dim: length of a vector; `joint`: of the part that texts share.
        standardise: mean and standard deviation of raw cosines between a query and a random product, by the query's
            modality.
    """

    image_sha256: str
    text_sha256: str
    model_id: str
    dim: int
    joint: int
    standardise: Mapping[Literal["image", "text"], tuple[float, float]]
    quality: Literal["demo", "byo"]
    vocabulary: Literal["closed", "open"]


class _Fields(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _Spread(_Fields):
    mean: float
    sd: float


class _Tower(_Fields):
    dim: int
    joint: int | None = None
    standardise: _Spread
    quality: Literal["demo", "byo"]
    vocabulary: Literal["closed", "open"]


class _Tokenizer(_Fields):
    file: str
    sha256: str
    context: int
    pad_id: int


class _Text(_Tower):
    tokenizer: _Tokenizer


def identity() -> Identity:
    """The registered pair, read from its manifests; loads no weights.

    Raises:
        ConfigurationError: a tower is missing, or the two do not fit each other.
    """
    image, text = onnx.get_manifest(IMAGE), onnx.get_manifest(TEXT)
    seen, read = image.extra_as(_Tower), text.extra_as(_Text)
    if seen.dim != read.dim:
        raise ConfigurationError(f"{IMAGE} has {seen.dim} dimensions, {TEXT} {read.dim}", code="model_refused")
    both = hashlib.sha256(f"{image.sha256}{text.sha256}".encode()).hexdigest()
    return Identity(
        image_sha256=image.sha256,
        text_sha256=text.sha256,
        model_id=f"fashion@{both[:12]}",
        dim=seen.dim,
        joint=seen.joint or seen.dim,
        standardise={
            "image": (seen.standardise.mean, seen.standardise.sd),
            "text": (read.standardise.mean, read.standardise.sd),
        },
        quality=seen.quality,
        vocabulary=read.vocabulary,
    )


def embed_image(pixels: NDArray[np.uint8], mask: NDArray[Any] | None = None) -> ImageEmbedding:
    """The vector of one upright RGB image (h, w, 3) of any size.

    Args:
        mask: (h, w), true where the garment is: the image is cropped to it and the rest becomes plain grey.

    Raises:
        ConfigurationError: the model is missing or refused.
    """
    return embed_images([pixels if mask is None else cut_out(pixels, mask)])[0]


def embed_images(images: Sequence[NDArray[np.uint8]]) -> list[ImageEmbedding]:
    """The vectors of many images, in batches. Raises as `embed_image`."""
    import numpy as np

    model = onnx.get_model(IMAGE, _golden_pictures)
    joint = model.manifest.extra_as(_Tower).joint
    found: list[ImageEmbedding] = []
    for start in range(0, len(images), BATCH):
        answers = _embed_pixels(model, images[start : start + BATCH])
        maps = answers[MAP].transpose(0, 2, 3, 1) if MAP in answers else [None] * len(answers[EMBEDS])
        for vector, places in zip(answers[EMBEDS], maps, strict=True):
            part = vector[:joint]
            part = part / max(float(np.sqrt(part @ part)), 1e-12)
            found.append(ImageEmbedding(vector, places, part, model.version))
    return found


def embed_text(text: str) -> TextEmbedding:
    """The vector of a text; words beyond the model's context are ignored.

    Raises:
        ConfigurationError: the model is missing or refused.
    """
    model = onnx.get_model(TEXT, _golden_texts)
    vectors, unknown = _embed_texts(model, [text])
    return TextEmbedding(vectors[0], unknown[0], model.version)


def cut_out(pixels: NDArray[np.uint8], mask: NDArray[Any]) -> NDArray[np.uint8]:
    """The masked garment alone on plain grey, with a margin; the image itself for an empty mask."""
    import numpy as np

    inside = np.asarray(mask) > 0
    ys, xs = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    if not len(ys):
        return pixels
    top, bottom, left, right = int(ys[0]), int(ys[-1]) + 1, int(xs[0]), int(xs[-1]) + 1
    margin = round(MARGIN * max(bottom - top, right - left))
    rows = slice(max(0, top - margin), min(inside.shape[0], bottom + margin))
    columns = slice(max(0, left - margin), min(inside.shape[1], right + margin))
    part, outside = pixels[rows, columns].copy(), ~inside[rows, columns]
    # One channel at a time takes a ninth of the time of all three together.
    for channel in range(part.shape[2]):
        np.copyto(part[:, :, channel], PLAIN, where=outside)
    return part


def _embed_pixels(model: onnx.Model, images: Sequence[NDArray[np.uint8]]) -> dict[str, NDArray[np.float32]]:
    import numpy as np

    wanted = model.manifest.image_input
    batch = np.concatenate([onnx.image_tensor(pixels, wanted) for pixels in images])
    return model.run({wanted.name: batch})


def _embed_texts(model: onnx.Model, texts: Sequence[str]) -> tuple[NDArray[np.float32], list[tuple[str, ...]]]:
    import numpy as np

    settings = model.manifest.extra_as(_Text).tokenizer
    tokenizer = _tokenizer((onnx.models_dir() / settings.file).as_posix(), settings.sha256)
    unknown_id = _unknown_id(tokenizer)
    encoded = [tokenizer.encode(text) for text in texts]
    # No longer than the longest text: padding costs time too.
    width = min(settings.context, max((len(found.ids) for found in encoded), default=0)) or 1
    ids = np.full((len(texts), width), settings.pad_id, np.int64)
    attended = np.zeros_like(ids)
    unknown: list[tuple[str, ...]] = []
    for row, seen, text, found in zip(ids, attended, texts, encoded, strict=True):
        kept = found.ids[: settings.context]
        if len(found.ids) > settings.context and settings.context and found.special_tokens_mask[-1]:
            # A model that pools at the end token needs one.
            kept[-1] = found.ids[-1]
        row[: len(kept)] = kept
        seen[: len(kept)] = 1
        unknown.append(
            tuple(
                text[start:end].lower()
                for token, (start, end) in zip(found.ids, found.offsets, strict=True)
                if token == unknown_id and end > start
            )
        )
    names = cast("list[str]", model.manifest.input.get("names", ["input_ids", "attention_mask"]))
    feeds = {name: attended if "mask" in name else ids for name in names}
    return model.run(feeds, (TEXT_EMBEDS,))[TEXT_EMBEDS], unknown


@cache
def _tokenizer(path: str, sha256: str) -> Tokenizer:
    from tokenizers import Tokenizer

    try:
        data = Path(path).read_bytes()
    except OSError:
        raise ConfigurationError(f"{Path(path).name} is missing", code="model_missing") from None
    if hashlib.sha256(data).hexdigest() != sha256:
        raise ConfigurationError(f"{Path(path).name} is not the tokenizer of `{TEXT}`", code="model_refused")
    return Tokenizer.from_str(data.decode())


def _unknown_id(tokenizer: Tokenizer) -> int | None:
    for mark in ("[UNK]", "<unk>"):
        found = tokenizer.token_to_id(mark)
        if found is not None:
            return found
    return None


def _golden_pictures(candidate: onnx.Model, where: Path) -> str | None:
    import numpy as np
    from PIL import Image

    expected = _expected(candidate, where)
    if expected is None:
        return "the manifest names no golden pictures"
    images: list[NDArray[np.uint8]] = []
    for name in expected["pictures"]:
        with Image.open(where / name) as image:
            images.append(np.asarray(image.convert("RGB")))
    return _compared(candidate, _embed_pixels(candidate, images)[EMBEDS], expected["vectors"], "picture")


def _golden_texts(candidate: onnx.Model, where: Path) -> str | None:
    expected = _expected(candidate, where)
    if expected is None:
        return "the manifest names no golden texts"
    return _compared(candidate, _embed_texts(candidate, expected["texts"])[0], expected["vectors"], "text")


def _expected(candidate: onnx.Model, where: Path) -> dict[str, Any] | None:
    golden = candidate.manifest.golden
    return json.loads((where / golden.file).read_text()) if golden else None


def _compared(candidate: onnx.Model, found: NDArray[Any], expected: list[list[float]], what: str) -> str | None:
    import numpy as np

    wanted = np.asarray(expected, np.float64)
    if found.shape != wanted.shape:
        return f"golden vectors have shape {found.shape}, expected {wanted.shape}"
    lengths = np.linalg.norm(found, axis=1) * np.linalg.norm(wanted, axis=1)
    cosines = (found * wanted).sum(1) / np.maximum(lengths, 1e-12)
    floor = candidate.manifest.golden_cosine
    worst = int(cosines.argmin())
    if not cosines[worst] >= floor:
        return f"the cosine of golden {what} {worst} is {cosines[worst]:.5f}, expected at least {floor}"
    return None
