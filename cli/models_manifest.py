"""The files of an exported pair as the product reads them: towers, tokenizer, golden answers, one manifest each."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cli.models_gallery import GOLDEN_TEXTS

IMAGE, TEXT = "fashion_image", "fashion_text"
TOLERANCE = {"cosine": {"fp32": 0.9999, "int8": 0.999}}


def write(
    folder: Path, work: Path, facts: dict[str, Any], recipes: tuple[str, str], report: dict[str, Any] | None = None
) -> list[dict[str, Any]]:
    """Write the pair to its own folder.

    Args:
        work: what the export wrote there.
        facts: its `export.json`.
        recipes: of the image and the text tower: `fp32`, `int8` or `int8-mlp`.
        report: what was measured on these files, once it was.

    Returns the manifests.
    """
    folder.mkdir(exist_ok=True)
    reference = np.load(work / "reference.npz")
    shutil.copy2(work / "tokenizer.json", folder / f"{TEXT}.tokenizer.json")
    spread = standardise(reference["gallery_images"], reference["gallery_texts"])
    shared: dict[str, Any] = {
        "opset": facts["opset"],
        "labels": [],
        "dim": facts["dim"],
        "joint": facts["dim"],
        "truncate_dim": facts["truncate_dim"],
        "normalised": True,
        "quality": "byo",
        "vocabulary": "open",
        "licence": facts["licence"],
        "source": facts["source"],
        "training_data": f"see the model card of {facts['source']['repo']}",
        "data_manifest_sha256": None,
        "figures": {"made_with": facts["made_with"], **(report or {})},
    }
    return [
        _place(folder, work, "image", recipes[0], shared | {
            "input": facts["input"],
            "outputs": {"image_embeds": {"shape": ["batch", facts["dim"]]}},
            "standardise": spread["image"],
            "golden": _golden_pictures(folder, work, reference["golden_images"]),
        }),
        _place(folder, work, "text", recipes[1], shared | {
            "input": {"names": ["input_ids", "attention_mask"], "dtype": "int64"},
            "tokenizer": {
                "file": f"{TEXT}.tokenizer.json",
                "sha256": _sha256(folder / f"{TEXT}.tokenizer.json"),
                **facts["tokenizer"],
            },
            "outputs": {"text_embeds": {"shape": ["batch", facts["dim"]]}},
            "standardise": spread["text"],
            "golden": _golden_texts(folder, reference["golden_texts"]),
        }),
    ]  # fmt: skip


def standardise(images: NDArray[Any], texts: NDArray[Any]) -> dict[str, dict[str, float]]:
    """Mean and standard deviation of raw cosines between a query and a random product, by the query's modality.

    Args:
        images, texts: (n, D) of unit length; a picture is not compared with itself.
    """
    among = (images @ images.T)[~np.eye(len(images), dtype=bool)]
    across = texts @ images.T
    return {
        name: {"mean": round(float(found.mean()), 6), "sd": round(max(float(found.std()), 1e-6), 6)}
        for name, found in (("image", among), ("text", across))
    }


def _place(folder: Path, work: Path, tower: str, recipe: str, fields: dict[str, Any]) -> dict[str, Any]:
    id = f"fashion_{tower}"
    path = folder / f"{id}.onnx"
    shutil.copy2(work / f"{tower}.{recipe}.onnx", path)
    entry = {"id": id, "role": tower, "file": path.name, "sha256": _sha256(path), "bytes": path.stat().st_size}
    manifest = entry | {"precision": recipe.partition("-")[0], "recipe": recipe} | fields
    (folder / f"{id}.manifest.json").write_text(json.dumps(manifest, indent=1, ensure_ascii=False) + "\n")
    return manifest


def _golden_pictures(folder: Path, work: Path, vectors: NDArray[Any]) -> dict[str, Any]:
    names: list[str] = []
    for path in sorted((work / "golden").glob("*.png")):
        names.append(f"{IMAGE}.golden.{path.stem}.png")
        shutil.copy2(path, folder / names[-1])
    file = folder / f"{IMAGE}.golden.json"
    file.write_text(json.dumps({"pictures": names, "vectors": _rounded(vectors)}) + "\n")
    return {"picture": names[0], "file": file.name, "tolerance": TOLERANCE}


def _golden_texts(folder: Path, vectors: NDArray[Any]) -> dict[str, Any]:
    file = folder / f"{TEXT}.golden.json"
    file.write_text(json.dumps({"texts": GOLDEN_TEXTS, "vectors": _rounded(vectors)}, ensure_ascii=False) + "\n")
    return {"file": file.name, "tolerance": TOLERANCE}


def _rounded(vectors: NDArray[Any]) -> list[list[float]]:
    return np.round(vectors.astype(np.float64), 6).tolist()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
