"""`python -m training.pose`: store MediaPipe's three networks small, check them, measure them, write their manifests.

Needs no torch and no TensorFlow, only the three files that `training.pose.convert` makes of MediaPipe's wheel (by
default those in ../shared/data/mediapipe).
"""

import argparse
import hashlib
import json
import sys
from pathlib import Path

import numpy as np

from shared.onnx.golden_outputs import find_difference, make_inputs, sample_outputs
from training.runtime import session

from .compress import compress

REPOSITORY = Path(__file__).resolve().parents[2]
OPSET = 16
RELATIVE = 0.02
PARITY = 0.002
"""Largest difference from the float32 file, as a share of an output's range."""
NETWORKS = {
    "pose_detector": {
        "source": "pose_detection.onnx",
        "role": "pose: where a person is",
        "input": ("input_1", [1, 224, 224, 3], "RGB in -1..1, letterboxed"),
        "outputs": {
            "Identity": ("boxes", "box and 4 points of each of 2254 anchors, in pixels relative to the anchor"),
            "Identity_1": ("scores", "logit of a person at each anchor"),
        },
        "file": "modules/pose_detection/pose_detection.tflite",
    },
    "pose_landmarks": {
        "source": "pose_landmark_full.onnx",
        "role": "pose: joints and mask",
        "input": ("input_1", [1, 256, 256, 3], "RGB in 0..1, a turned square around the person"),
        "outputs": {
            "Identity": ("landmarks", "39 x (x, y, z in pixels, logits of visibility and presence)"),
            "Identity_1": ("presence", "probability that the square shows a person"),
            "Identity_2": ("mask", "logit of the person, 256 x 256"),
        },
        "file": "modules/pose_landmark/pose_landmark_full.tflite",
    },
    "selfie_mask": {
        "source": "selfie_segmentation.onnx",
        "role": "person mask",
        "input": ("input_1", [1, 256, 256, 3], "RGB in 0..1, stretched"),
        "outputs": {"activation_10": ("mask", "probability of the person, 256 x 256")},
        "file": "modules/selfie_segmentation/selfie_segmentation.tflite",
    },
}


def main(argv: list[str] | None = None) -> int:
    """Returns the exit status: 1 if a file differs from its source."""
    parser = argparse.ArgumentParser(prog="python -m training.pose", description=__doc__)
    parser.add_argument("--onnx", type=Path, default=REPOSITORY.parent / "shared" / "data" / "mediapipe")
    parser.add_argument("--out", type=Path, default=REPOSITORY / "models_onnx")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(argv)
    options.out.mkdir(parents=True, exist_ok=True)
    found = {id: write(id, options.onnx, options.out) for id in NETWORKS}
    if options.json:
        print(json.dumps(found))
    failed = [id for id, facts in found.items() if facts["parity"] > PARITY]
    for id, facts in found.items():
        print(f"{id}: {facts['bytes']} bytes, differs by {facts['parity']:.5f} of its range", file=sys.stderr)
    return 1 if failed else 0


def write(id: str, folder: Path, out: Path) -> dict[str, float]:
    """Write a network, its golden outputs and its manifest; returns its size and its difference from the source."""
    facts = NETWORKS[id]
    source, target = folder / facts["source"], out / f"{id}.onnx"
    name, shape, meaning = facts["input"]
    outputs = {old: new for old, (new, _) in facts["outputs"].items()}
    compress(source, target, {name: "image"}, outputs)
    feeds = make_inputs({"image": shape})
    before = session(source).run(list(outputs), {name: feeds["image"]})
    after = session(target).run(list(outputs.values()), feeds)
    parity = max(float(np.abs(a - b).max() / max(np.ptp(a), 1e-3)) for a, b in zip(before, after, strict=True))
    samples = sample_outputs(dict(zip(outputs.values(), after, strict=True)))
    assert find_difference(samples, samples, 0) is None
    (out / f"{id}.golden.json").write_text(json.dumps({"input": "generated", "outputs": samples}) + "\n")
    manifest = {
        "id": id,
        "role": facts["role"],
        "file": target.name,
        "sha256": hashlib.sha256(target.read_bytes()).hexdigest(),
        "bytes": target.stat().st_size,
        "precision": "fp16",
        "opset": OPSET,
        "input": {"image": {"shape": shape, "meaning": meaning}},
        "outputs": {new: {"meaning": text} for new, text in facts["outputs"].values()},
        "licence": "Apache-2.0 (mediapipe.LICENSE.txt)",
        "source": {
            "package": "mediapipe 0.10.14 on PyPI",
            "file": facts["file"],
            "converted_sha256": hashlib.sha256(source.read_bytes()).hexdigest(),
            "command": "python -m training.pose",
        },
        "figures": {"parity_share_of_range": round(parity, 6)},
        "golden": {"file": f"{id}.golden.json", "tolerance": {"relative": RELATIVE}},
    }
    (out / f"{id}.manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
    return {"bytes": target.stat().st_size, "parity": parity}


if __name__ == "__main__":
    sys.exit(main())
