"""The image sanitizer and a vendor's drop beside libvips used directly for the same work: time, memory, sizes.

The work: check a JPEG, encode it again at quality 90, and make WebP copies of 1,600 and 320 pixels, on one thread.
Pillow is measured, too. Every run is a fresh process; they take turns, so that load on the machine affects all of them:
compare the ratios.
"""

from __future__ import annotations

import io
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import psutil
from PIL import Image

from emulators.stack import ROOT
from shared.images.renditions import COPIES
from shared.images.sanitizer_pool import Child
from wardrobe import draw_garment, garment_specs

SIZES: Final = {"12 MP": (4000, 3000), "40 MP": (7300, 5480), "50 MP": (8160, 6120), "61 MP": (9504, 6336)}
COMPARED: Final = ("12 MP", "40 MP")
DROPPED: Final = ("12 MP", "61 MP")
RUNS: Final = 5
QUALITY: Final = 90
QUICK_RUNS: Final = 3

_BASELINE: Final = """
import json, os, resource, sys, time
os.environ.update(VIPS_CONCURRENCY="1")
data = open(sys.argv[1], "rb").read()
subsampling = sys.argv[2]
copies = json.loads(sys.argv[3])

def libvips():
    import pyvips
    pyvips.cache_set_max(0)
    def run():
        image = pyvips.Image.new_from_buffer(data, "", access="sequential", fail_on="warning").autorot()
        image.jpegsave_buffer(Q=90, subsample_mode=subsampling, keep="none")
        for side, quality in copies:
            small = pyvips.Image.thumbnail_buffer(data, side, height=side, size="down", fail_on="warning")
            small.webpsave_buffer(Q=quality, effort=2, keep="none")
    return run

def pillow():
    import io
    from PIL import Image, ImageOps
    Image.MAX_IMAGE_PIXELS = None
    def run():
        image = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
        chroma = {"on": 2, "off": 0}[subsampling]
        image.save(io.BytesIO(), "JPEG", quality=90, subsampling=chroma)
        for side, quality in copies:
            image.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=3.0)
            image.save(io.BytesIO(), "WEBP", quality=quality, method=2)
    return run

run = {"libvips": libvips, "pillow": pillow}[sys.argv[4]]()
began, cpu = time.perf_counter(), time.process_time()
run()
spent = {"seconds": time.perf_counter() - began, "cpu_seconds": time.process_time() - cpu}
if os.path.exists("/proc/self/status"):
    peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")) / 1024
else:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({**spent, "peak_mb": peak}))
"""

type Figures = dict[str, float]


def main(*, quick: bool = False) -> dict[str, Any]:
    """Measure; figures are medians of all runs: wall and CPU seconds, peak megabytes of the whole process."""
    runs = QUICK_RUNS if quick else RUNS
    report: dict[str, Any] = {"threads": 1, "runs": runs, "upright": {}, "ok": True}
    with tempfile.TemporaryDirectory() as folder:
        for name, size in SIZES.items():
            path = Path(folder) / f"{name}.jpg"
            path.write_bytes(photo(*size))
            report["upright"][name] = compare(path, runs if name in COMPARED else 1, name in COMPARED)
        lying = Path(folder) / "lying.jpg"
        lying.write_bytes(photo(*SIZES["61 MP"], orientation=6))
        report["on its side, 61 MP"] = sanitize(lying)
        lying.write_bytes(photo(*SIZES["61 MP"], format="PNG"))
        report["PNG, 61 MP"] = sanitize(lying)
        report["drop"] = {name: drop(Path(folder), SIZES[name], runs if name == "12 MP" else 1) for name in DROPPED}
    report["start"] = {"first_answer_ms": round(start() * 1000)}
    report["colour"] = colour_cost()
    return report


def photo(width: int, height: int, *, orientation: int = 1, format: str = "JPEG") -> bytes:
    """Garments side by side with the grain of a sensor, as a camera writes them (4:2:0)."""
    drawn = [draw_garment(spec, (500, 500)).image.convert("RGB") for spec in garment_specs(6, 3)]
    row = np.concatenate([np.asarray(one) for one in drawn[:3]], 1)
    tile = np.concatenate([row, np.concatenate([np.asarray(one) for one in drawn[3:]], 1)], 0)
    image = Image.fromarray(tile).resize((width, height), Image.Resampling.BICUBIC)
    grain = np.random.default_rng(1).normal(0, 3, (512, 512, 3))
    pixels = np.asarray(image).astype(np.int16)
    for top in range(0, height, 512):
        for left in range(0, width, 512):
            part = pixels[top : top + 512, left : left + 512]
            part += grain[: part.shape[0], : part.shape[1]].astype(np.int16)
    exif = Image.Exif()
    exif[0x0112] = orientation
    out = io.BytesIO()
    options: dict[str, Any] = {"quality": 92, "exif": exif.tobytes()} if format == "JPEG" else {"compress_level": 1}
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(out, format, **options)
    return out.getvalue()


def compare(path: Path, runs: int, others: bool) -> dict[str, Any]:
    """Ours, and libvips and Pillow in turn with it."""
    kinds: dict[str, Callable[[], Figures]] = {"ours": lambda: sanitize(path)}
    if others:
        kinds |= {name: lambda name=name: baseline(path, name) for name in ("libvips", "pillow")}
    taken: dict[str, list[Figures]] = {name: [] for name in kinds}
    for _ in range(runs):
        for name, run in kinds.items():
            taken[name].append(run())
    figures = {
        name: {key: round(statistics.median(one[key] for one in results), 3) for key in results[0]}
        for name, results in taken.items()
    }
    if others:
        figures["times_libvips"] = {
            key: round(figures["ours"][key] / figures["libvips"][key], 2) for key in figures["ours"]
        }
    return figures


def sanitize(path: Path) -> Figures:
    """One image through a fresh decoder process."""
    child = Child()
    try:
        process = psutil.Process(child.process.pid)
        before = process.cpu_times()
        began = time.perf_counter()
        answer, _ = child.ask(request(path), path.read_bytes(), 120)
        seconds = time.perf_counter() - began
        assert "images" in answer, answer
        after = process.cpu_times()
        cpu = after.user + after.system - before.user - before.system
        return {"seconds": seconds, "cpu_seconds": cpu, "peak_mb": peak_mb(child.process.pid)}
    finally:
        child.close()


def request(path: Path) -> dict[str, Any]:
    with Image.open(path) as image:
        source = str(image.format)
    return {
        "source": "JPEG" if source == "MPO" else source, "min_side": 16, "max_side": 16_384, "max_pixels": 64_000_000,
        "alpha": "white", "quality": QUALITY, "timeout": 120, "original": True,
        "copies": [{"name": name, "side": copy.side, "quality": copy.quality} for name, copy in COPIES.items()],
    }  # fmt: skip


def peak_mb(pid: int) -> float:
    """Largest resident memory that a process has had."""
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return psutil.Process(pid).memory_info().rss / 2**20
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def baseline(path: Path, name: str) -> Figures:
    """The same work by a library in a fresh process."""
    copies = json.dumps([(copy.side, copy.quality) for copy in COPIES.values()])
    command = [sys.executable, "-c", _BASELINE, str(path), "on", copies, name]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def drop(folder: Path, size: tuple[int, int], runs: int) -> dict[str, Any]:
    """A vendor's photo through the whole step, and libvips in turn with it (`bench._images_drop`)."""
    photographed, mask = folder / "drop.jpg", folder / "mask.png"
    photographed.write_bytes(product_photo(*size))
    taken: dict[str, list[Figures]] = {"ours": [], "libvips": []}
    for _ in range(runs):
        for kind, results in taken.items():
            command = [sys.executable, "-m", "bench._images_drop", kind, str(photographed), str(mask)]
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
            results.append(json.loads(done.stdout.splitlines()[-1]))
    figures = {
        name: {key: round(statistics.median(one[key] for one in results), 3) for key in results[0]}
        for name, results in taken.items()
    }
    pictures = figures["ours"]["pictures_cpu_seconds"] / figures["libvips"]["cpu_seconds"]
    return {**figures, "pictures_times_libvips_cpu": round(pictures, 2)}


def product_photo(width: int, height: int) -> bytes:
    """One garment on a plain ground, as large as a camera takes it."""
    drawn = draw_garment(garment_specs(1, 3)[0], (width // 8, height // 8)).image.convert("RGB")
    out = io.BytesIO()
    drawn.resize((width, height), Image.Resampling.BICUBIC).save(out, "JPEG", quality=92)
    return out.getvalue()


def start() -> float:
    """Seconds until a new decoder process is ready."""
    began = time.perf_counter()
    Child().close()
    return time.perf_counter() - began


def colour_cost() -> dict[str, Any]:
    """What colours at full resolution cost in bytes, and what they keep, for a photo and for woven cloth."""
    rows, columns = np.indices((1000, 1000))
    threads = np.where(((rows + columns) % 2 == 0)[..., None], (200, 40, 60), (30, 110, 120)).astype(np.uint8)
    report: dict[str, Any] = {}
    for name, pixels in {"photo": np.asarray(Image.open(io.BytesIO(photo(1000, 1000)))), "woven": threads}.items():
        for chroma, subsampling in {"4:2:0": 2, "4:4:4": 0}.items():
            out = io.BytesIO()
            Image.fromarray(pixels).save(out, "JPEG", quality=QUALITY, subsampling=subsampling)
            shown = np.asarray(Image.open(out)).astype(float)
            error = float(np.abs(shown - pixels).mean())
            report[f"{name} {chroma}"] = {"bytes": out.tell(), "mean_error": round(error, 2)}
    return report
