"""Foreground masks for garment photos without masks, taken where two GrabCut runs agree.

GrabCut (C. Rother, V. Kolmogorov, A. Blake, SIGGRAPH 2004) is started twice, from a thin and from a thick frame of
certain background. On an easy photo both end at the same outline; other photos are omitted. The masks are therefore
GrabCut's results on photos that suit it, and a network measured against them is measured on the easier part of the
data.
"""

import csv
import hashlib
import multiprocessing
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from .data import FlatPhoto

FRAMES = (0.02, 0.08)
"""Widths of the background frame of the two runs, as shares of the shorter side."""
ITERATIONS = 3
AGREEMENT = 0.95
"""Smallest IoU of the two runs at which a photo is kept."""
AREA = (0.08, 0.80)
"""Smallest and largest foreground share of the frame."""
SPECK = 0.01
"""Components and holes below this share of the foreground are removed."""
TRAIN_SIDE, EXACT_SIDE = 192, 256
"""Long side in pixels at which GrabCut runs: smaller for training masks (time), full for references."""


@dataclass(frozen=True)
class Harvest:
    """Result for one photo: `mask` (h, w) bool at the photo's size (cleaned), `raw` the same uncleaned,
    `agreement` IoU of the two runs in 0..1, `accepted` whether the mask may be used."""

    file: str
    mask: np.ndarray
    raw: np.ndarray
    agreement: float
    accepted: bool


def iou(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union of two bool masks; 1.0 when both are empty."""
    union = np.count_nonzero(a | b)
    return np.count_nonzero(a & b) / union if union else 1.0


def grabcut_rectangle(image: np.ndarray, frame: float, iterations: int = ITERATIONS) -> np.ndarray:
    """Foreground (h, w) bool of an RGB photo (h, w, 3), with everything outside a centred rectangle as background."""
    height, width = image.shape[:2]
    inset = max(1, round(frame * min(height, width)))
    labels = np.zeros((height, width), np.uint8)
    rectangle = (inset, inset, width - 2 * inset, height - 2 * inset)
    # GrabCut seeds its colour clusters from OpenCV's global generator; without a seed the order of photos would matter
    cv2.setRNGSeed(1)
    bgr = np.ascontiguousarray(image[:, :, ::-1])
    try:
        cv2.grabCut(bgr, labels, rectangle, np.zeros((1, 65)), np.zeros((1, 65)), iterations, cv2.GC_INIT_WITH_RECT)
    except cv2.error:
        # a picture with too few colours for five clusters
        return np.zeros((height, width), bool)
    return (labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)


def clean(mask: np.ndarray) -> np.ndarray:
    """Remove specks and pinholes: keep at most two components (a pair of shoes) and fill small holes."""
    area = np.count_nonzero(mask)
    if not area:
        return mask
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    sizes = stats[1:, cv2.CC_STAT_AREA]
    largest = np.argsort(-sizes, kind="stable")[:2]
    kept = np.zeros(count, bool)
    # a second component much smaller than the first is clutter, not the other shoe
    kept[1 + largest[sizes[largest] >= max(SPECK * area, 0.2 * sizes.max())]] = True
    result = kept[labels]
    count, labels, stats, _ = cv2.connectedComponentsWithStats((~result).astype(np.uint8), connectivity=4)
    holes = stats[:, cv2.CC_STAT_AREA] < SPECK * area
    holes[0] = False
    return result | holes[labels]


def resize_mask(mask: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resize a bool mask with an interpolated outline."""
    if mask.shape == (height, width):
        return mask
    return cv2.resize(mask.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR) > 0.5


def harvest_one(photo: FlatPhoto, long_side: int) -> Harvest:
    """Run GrabCut twice on one photo and decide whether to accept the mask."""
    height, width = photo.image.shape[:2]
    scale = min(1.0, long_side / max(height, width))
    size = (max(8, round(width * scale)), max(8, round(height * scale)))
    small = cv2.resize(photo.image, size, interpolation=cv2.INTER_AREA) if scale < 1 else photo.image
    first, second = (grabcut_rectangle(small, frame) for frame in FRAMES)
    agreement = iou(first, second)
    cleaned = clean(first)
    share = np.count_nonzero(cleaned) / cleaned.size
    accepted = agreement >= AGREEMENT and AREA[0] <= share <= AREA[1]
    return Harvest(
        photo.file,
        resize_mask(cleaned, height, width),
        resize_mask(first, height, width),
        agreement,
        accepted,
    )


def _task(job: tuple[FlatPhoto, int]) -> Harvest:
    cv2.setNumThreads(1)
    return harvest_one(*job)


def harvest(photos: list[FlatPhoto], long_side: int, cache: Path, workers: int = 2) -> list[Harvest]:
    """Harvest all photos (about 0.2 s each on one core), cached in `cache` (.npz).

    The cache is used only for exactly the same photos and size.
    """
    key = hashlib.sha256()
    key.update(repr((FRAMES, ITERATIONS, AGREEMENT, AREA, SPECK, long_side, cv2.__version__)).encode())
    for photo in photos:
        key.update(photo.file.encode() + photo.image.tobytes())
    path = cache / f"harvest-{key.hexdigest()[:16]}.npz"
    if not path.is_file():
        with multiprocessing.get_context("fork").Pool(workers) as pool:
            found = list(pool.imap(_task, [(photo, long_side) for photo in photos], chunksize=8))
        cache.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(
            path,
            masks=np.concatenate([np.packbits(h.mask) for h in found]),
            raws=np.concatenate([np.packbits(h.raw) for h in found]),
            agreement=np.array([h.agreement for h in found]),
            accepted=np.array([h.accepted for h in found]),
        )
    with np.load(path) as archive:
        stored = dict(archive)
    result, start = [], 0
    for i, photo in enumerate(photos):
        shape = photo.image.shape[:2]
        pixels = shape[0] * shape[1]
        stop = start + (pixels + 7) // 8
        mask, raw = (
            np.unpackbits(bits[start:stop], count=pixels).astype(bool).reshape(shape)
            for bits in (stored["masks"], stored["raws"])
        )
        agreement, accepted = float(stored["agreement"][i]), bool(stored["accepted"][i])
        result.append(Harvest(photo.file, mask, raw, agreement, accepted))
        start = stop
    return result


def write_list(harvests: list[Harvest], path: Path) -> str:
    """Write the accepted photos with the SHA-256 of their masks as CSV; returns the SHA-256 of the list."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("file", "agreement", "mask_sha256"))
        for h in harvests:
            if h.accepted:
                digest = hashlib.sha256(np.packbits(h.mask).tobytes()).hexdigest()
                writer.writerow((h.file, f"{h.agreement:.4f}", digest))
    return hashlib.sha256(path.read_bytes()).hexdigest()
