"""One export: load, trace, compare with torch, quantise, and compute reference vectors of pictures and texts."""

import json
import platform
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
import transformers
from PIL import Image
from torch import Tensor, nn

from . import pictures, towers, words
from .refusal import Refused
from .source import Source, description

BATCHES = (1, 2, 5)
LENGTHS = (5, 12, 32)
AT_ONCE = 16


class Loaded:
    """A model with its processor and tokenizer.

    Raises:
        Refused: it does not have two towers that transformers loads without custom code, or its preprocessing is not
        supported.
    """

    def __init__(self, folder: Path) -> None:
        transformers.logging.set_verbosity_error()
        transformers.logging.disable_progress_bar()
        # never run code that comes with weights
        options = {"trust_remote_code": False, "local_files_only": True}
        kind = description(folder, "config.json").get("model_type", "of no type")
        try:
            self.model: nn.Module = transformers.AutoModel.from_pretrained(
                folder, dtype=torch.float32, **options
            ).eval()
            self.processor = transformers.AutoImageProcessor.from_pretrained(folder, backend="pil", **options)
            self.tokenizer = transformers.AutoTokenizer.from_pretrained(folder, **options)
        except (OSError, ValueError, KeyError, ImportError, RuntimeError) as error:
            why = str(error).strip().splitlines()[0]
            raise Refused(f"transformers {transformers.__version__} can't load it ({kind}): {why}") from error
        if not all(callable(getattr(self.model, f"get_{part}_features", None)) for part in ("image", "text")):
            raise Refused(f"{kind} is no model of an image and a text tower (CLIP, SigLIP)")
        self.kind = kind
        self.input = pictures.declared(self.processor)
        self.context = words.longest(self.tokenizer, self.model)
        self.padded_to = self.context if kind.startswith("siglip") else None
        self.pad_id = int(self.tokenizer.pad_token_id or 0)

    def pixels(self, images: list[Image.Image]) -> Tensor:
        """Preprocess pictures with the model's own processor."""
        return self.processor(images=images, return_tensors="pt")["pixel_values"]

    def ids(self, texts: list[str]) -> dict[str, Tensor]:
        """Tokenize texts with the model's own tokenizer."""
        padding = "max_length" if self.padded_to else "longest"
        found = self.tokenizer(
            texts, padding=padding, truncation=True, max_length=self.context, return_tensors="pt",
            return_attention_mask=True,
        )  # fmt: skip
        return {towers.IDS: found[towers.IDS], towers.MASK: found[towers.MASK]}

    @torch.inference_mode()
    def image_vectors(self, images: list[Image.Image], dim: int | None) -> np.ndarray:
        """Vectors (n, d) of unit length computed by transformers, without our wrapper."""
        found = [
            _vectors(self.model.get_image_features(pixel_values=self.pixels(images[at : at + AT_ONCE])), dim)
            for at in range(0, len(images), AT_ONCE)
        ]
        return np.concatenate(found)

    @torch.inference_mode()
    def text_vectors(self, texts: list[str], dim: int | None) -> np.ndarray:
        """Vectors (n, d) of unit length, as `image_vectors`."""
        found = []
        for at in range(0, len(texts), AT_ONCE):
            ids = self.ids(texts[at : at + AT_ONCE])
            if self.padded_to:
                del ids[towers.MASK]
            found.append(_vectors(self.model.get_text_features(**ids), dim))
        return np.concatenate(found)


def _vectors(features, dim: int | None) -> np.ndarray:
    found = features if isinstance(features, Tensor) else features.pooler_output
    vectors = found.numpy()[:, :dim]
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def run(source: Source, work: Path, *, int8: bool, truncate_dim: int | None) -> None:
    """Write all outputs to `work`.

    Raises:
        Refused: the model cannot be exported.
    """
    loaded = Loaded(source.folder)
    tokenizer = words.convert(loaded.tokenizer, loaded.context)
    tokenizer.save(str(work / "tokenizer.json"))
    image = towers.ImageTower(loaded.model, truncate_dim).eval()
    text = towers.TextTower(loaded.model, truncate_dim, loaded.padded_to, loaded.pad_id).eval()
    gallery, golden = (_pictures(work / name) for name in ("gallery", "golden"))
    texts = json.loads((work / "texts.json").read_text())

    some = {name: value[:2] for name, value in loaded.ids(texts["gallery"][:2]).items()}
    _say("exporting the image tower")
    towers.export(image, {towers.PIXELS: loaded.pixels(gallery[:2])}, towers.IMAGE, work / "image.fp32.onnx")
    _say("exporting the text tower")
    towers.export(text, some, towers.TEXT, work / "text.fp32.onnx")
    parity = {
        "image": towers.difference(image, work / "image.fp32.onnx", _image_batches(loaded, gallery)),
        "text": towers.difference(text, work / "text.fp32.onnx", _text_batches(loaded)),
    }
    if max(parity.values()) > towers.PARITY:
        raise Refused(
            f"the files differ from torch by {max(parity.values()):.1e}, at most {towers.PARITY:.0e} is allowed"
        )
    if int8:
        _say("quantising")
        for name in ("image", "text"):
            towers.quantise(work / f"{name}.fp32.onnx", work / f"{name}.int8.onnx")
            towers.quantise(work / f"{name}.fp32.onnx", work / f"{name}.int8-mlp.onnx", only_mlp=True)
    _say(f"reference vectors of {len(gallery)} pictures and {len(texts['gallery'])} texts")
    vectors = {
        "gallery_images": loaded.image_vectors(gallery, truncate_dim),
        "gallery_texts": loaded.text_vectors(texts["gallery"], truncate_dim),
        "golden_images": loaded.image_vectors(golden, truncate_dim),
        "golden_texts": loaded.text_vectors(texts["golden"], truncate_dim),
    }
    dim = vectors["golden_images"].shape[1]
    if truncate_dim is not None and truncate_dim != dim:
        raise Refused(f"its vectors have {dim} dimensions: --truncate-dim {truncate_dim} can't be")
    if vectors["golden_texts"].shape[1] != dim:
        raise Refused(f"its towers answer {dim} and {vectors['golden_texts'].shape[1]} dimensions")
    np.savez(work / "reference.npz", **vectors)
    facts = {
        "source": {"repo": source.repo, "revision": source.revision, "model_type": loaded.kind},
        "licence": source.licence,
        "opset": towers.OPSET,
        "dim": dim,
        "truncate_dim": truncate_dim,
        "input": loaded.input,
        "tokenizer": {
            "context": loaded.context,
            "lowercase": "Lowercase" in tokenizer.to_str()
            or "LOWERCASE" not in str(tokenizer.encode("LOWERCASE").tokens),
            "pad_id": loaded.pad_id,
            "eos_id": _id(loaded.tokenizer.eos_token_id),
            "bos_id": _id(loaded.tokenizer.bos_token_id),
        },
        "parity": parity,
        "made_with": {"python": platform.python_version()}
        | {name: version(name) for name in ("torch", "transformers", "onnx", "onnxruntime", "tokenizers", "pillow")},
    }
    (work / "export.json").write_text(json.dumps(facts, indent=1))


def _image_batches(loaded: Loaded, gallery: list[Image.Image]) -> list[dict[str, Tensor]]:
    pixels = loaded.pixels(gallery[: max(BATCHES)])
    return [{towers.PIXELS: pixels[:size]} for size in BATCHES]


def _text_batches(loaded: Loaded) -> list[dict[str, Tensor]]:
    """Batches of several lengths, each with a padded row."""
    generator = torch.Generator().manual_seed(1)
    vocabulary = int(loaded.model.config.text_config.vocab_size)
    found = []
    for size, length in zip(BATCHES, LENGTHS, strict=True):
        length = min(length, loaded.context)
        ids = torch.randint(0, vocabulary, (size, length), generator=generator)
        mask = torch.ones_like(ids)
        end = loaded.tokenizer.eos_token_id
        if end is not None:
            ids[:, -1] = end
            ids[-1, length // 2 :] = loaded.pad_id
            ids[-1, length // 2] = end
            mask[-1, length // 2 + 1 :] = 0
        found.append({towers.IDS: ids, towers.MASK: mask})
    return found


def _pictures(folder: Path) -> list[Image.Image]:
    return [Image.open(path).convert("RGB") for path in sorted(folder.glob("*.png"))]


def _id(value: int | None) -> int | None:
    return None if value is None else int(value)


def _say(what: str) -> None:
    print(f"studio: {what}", flush=True)
