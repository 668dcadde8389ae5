"""A vendor's photo from its blob to the pictures of a product, and libvips for the same pictures.

`python -m bench._images_drop ours|libvips PHOTO MASK` prints CPU seconds and peak memory of one process. Ours finds the
garment with the model and writes its mask to MASK; what that takes is given apart, since libvips has no model. libvips
gets the mask and makes the same six pictures: original, copies of 1,600 and 320 pixels, mask, cut-out on white and its
thumbnail. Ours also takes the background out of the colours at the cut-out's edges.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import psutil

BARE: Final[dict[str, Any]] = {"keep": "none"}
SIDES: Final = {"optimised": (1600, 82), "thumbnail": (320, 80)}
CUTOUT: Final = ((1600, 88), (320, 88))


def ours(photo: Path, mask: Path) -> dict[str, float]:
    """What `functions.catalogue.photos` does, its blobs in Azurite."""
    from bench.search import environment
    from emulators.azurite import Azurite

    with tempfile.TemporaryDirectory() as folder, Azurite() as storage:
        environment(storage, Path(folder))
        from functions.catalogue import photos
        from shared.vision import segments

        found: dict[str, float] = {}
        segment = segments.segment

        def timed(*arguments: Any, **options: Any) -> Any:
            began = time.process_time()
            made = segment(*arguments, **options)
            found["model"] = time.process_time() - began
            mask.write_bytes(segments.png(made.alpha))
            return made

        segments.segment = timed
        photos.process_photo(_small(photo), "warm/up")
        decoder = next(child for child in psutil.Process().children() if "sanitizer_child" in " ".join(child.cmdline()))
        before, began = decoder.cpu_times(), time.process_time()
        photos.process_photo(photo.read_bytes(), "measured/one")
        after, own = decoder.cpu_times(), time.process_time() - began
        total = own + after.user + after.system - before.user - before.system
        return {
            "cpu_seconds": total, "model_cpu_seconds": found["model"], "pictures_cpu_seconds": total - found["model"],
            "app_peak_mb": _peak_mb(os.getpid()), "decoder_peak_mb": _peak_mb(decoder.pid),
        }  # fmt: skip


def libvips(photo: Path, mask: Path) -> dict[str, float]:
    """The same pictures by libvips in the usual way, on one thread."""
    os.environ["VIPS_CONCURRENCY"] = "1"
    import pyvips

    pyvips.cache_set_max(0)
    data, outline = photo.read_bytes(), mask.read_bytes()
    began = time.process_time()
    image = pyvips.Image.new_from_buffer(data, "", access="sequential", fail_on="warning").autorot()
    image.jpegsave_buffer(Q=90, subsample_mode="on", **BARE)
    for side, quality in SIDES.values():
        pyvips.Image.thumbnail_buffer(data, side, height=side, size="down").webpsave_buffer(Q=quality, effort=2)
    alpha = pyvips.Image.new_from_buffer(outline, "")
    alpha.pngsave_buffer(compression=4)
    largest = CUTOUT[0][0]
    small = pyvips.Image.thumbnail_buffer(data, largest, height=largest, size="down")
    fitting = alpha.thumbnail_image(small.width, height=small.height, size="force")
    white = small.bandjoin(fitting).flatten(background=[255.0, 255.0, 255.0]).copy_memory()
    for side, quality in CUTOUT:
        white.thumbnail_image(side, height=side, size="down").webpsave_buffer(Q=quality, effort=4)
    return {"cpu_seconds": time.process_time() - began, "peak_mb": _peak_mb(os.getpid())}


def _small(photo: Path) -> bytes:
    """The photo in few pixels: it loads the models."""
    import io

    from PIL import Image

    with Image.open(photo) as image:
        image.draft("RGB", (600, 600))
        out = io.BytesIO()
        image.save(out, "JPEG")
        return out.getvalue()


def _peak_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return psutil.Process(pid).memory_info().rss / 2**20
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    kind, photo, mask = sys.argv[1:]
    print(json.dumps({"ours": ours, "libvips": libvips}[kind](Path(photo), Path(mask))))
