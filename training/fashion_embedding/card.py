"""The manifests of both towers and their card, written from the figures of a run."""

from dataclasses import dataclass
from pathlib import Path

from training import backbone
from training.records import image_input, rounded, sha256

from .data import CATEGORIES
from .export import OPSET
from .network import CONTEXT, DIM, INPUT_SIZE, JOINT, KIND, KIND_LENGTH, PAD, SHAPE, SHAPE_LENGTH

FP32_TOLERANCE = 1e-4
"""Largest difference of a coordinate between torch and the fp32 file."""
GOLDEN_COSINE = {"fp32": 0.9999, "int8": 0.999}
"""Smallest cosine of a golden vector with torch's."""
INT8_LOSS = 0.01
TARGETS = {
    "mAP@10 of min(10, relevant)": 0.80,
    "kNN accuracy": 0.91,
    "mAP@10": 0.74,
    "instance@1": 0.95,
    "words mAP@10": 0.70,
    "colour x category P@10": 0.90,
}
LICENCE = "weights Apache-2.0, as EfficientNet-Lite0's that the image tower starts from; see the card for the photos"


@dataclass(frozen=True)
class Run:
    """Results of one run: `figures` by precision and of the baselines, `checks`, `counts` of the data, and
    `standardise` {"image": (mean, sd), "text": (mean, sd)}."""

    figures: dict
    checks: dict
    counts: dict[str, int]
    standardise: dict[str, tuple[float, float]]
    data_manifest_sha256: str


def shared_fields(run: Run, path: Path) -> dict:
    """Fields of both manifests."""
    return {
        "file": path.name,
        "sha256": sha256(path),
        "bytes": path.stat().st_size,
        "opset": OPSET,
        "dim": DIM,
        "joint": JOINT,
        "truncate_dim": None,
        "normalised": True,
        "quality": "demo",
        "vocabulary": "closed",
        "licence": LICENCE,
        "source": {"repo": "training/fashion_embedding", "revision": None},
        "training_data": [
            "Clothing dataset (small), CC0 1.0",
            "Clothing Co-Parsing",
            "wardrobe/, drawn",
            f"ImageNet, by the weights of {backbone.PACKAGE}",
        ],
        "data_manifest_sha256": run.data_manifest_sha256,
    }


def image_entry(run: Run, int8: Path, fp32: Path, golden: dict) -> dict:
    """The image tower's manifest."""
    mean, sd = run.standardise["image"]
    return {
        "id": "fashion_image",
        "role": "image",
        **shared_fields(run, int8),
        "precision": "int8",
        "recipe": "weights of the last stage int8, others fp16, computed in fp32",
        "input": image_input(INPUT_SIZE),
        "outputs": {
            "image_embeds": {"shape": ["batch", DIM]},
            "image_map": {
                "shape": ["batch", JOINT, INPUT_SIZE[0] // 16, INPUT_SIZE[1] // 16],
                "note": "its mean over places is the joint part before normalisation",
            },
        },
        "labels": list(CATEGORIES),
        "parts": {"joint": [JOINT, 1.0], "shape": [SHAPE, SHAPE_LENGTH], "kind": [KIND, KIND_LENGTH]},
        "standardise": {"mean": rounded(mean), "sd": rounded(sd)},
        "figures": rounded(run.figures),
        "checks": rounded(run.checks),
        "golden": {**golden, "tolerance": {"cosine": GOLDEN_COSINE}},
        "variants": [
            {"precision": "fp32", "file": fp32.name, "sha256": sha256(fp32), "bytes": fp32.stat().st_size},
        ],
    }


def text_entry(run: Run, path: Path, tokenizer: Path, golden: dict) -> dict:
    """The text tower's manifest."""
    mean, sd = run.standardise["text"]
    return {
        "id": "fashion_text",
        "role": "text",
        **shared_fields(run, path),
        "precision": "fp32",
        "input": {"names": ["input_ids", "attention_mask"], "dtype": "int64"},
        "tokenizer": {
            "file": tokenizer.name,
            "sha256": sha256(tokenizer),
            "context": CONTEXT,
            "lowercase": True,
            "pad_id": PAD,
            "eos_id": None,
        },
        "outputs": {"text_embeds": {"shape": ["batch", DIM]}},
        "standardise": {"mean": rounded(mean), "sd": rounded(sd)},
        "golden": {**golden, "tolerance": {"cosine": GOLDEN_COSINE}},
    }
