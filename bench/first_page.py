"""From a fresh clone to the studio page in a browser, beside a later start of the same clone.

The committed state is cloned into a temporary folder, and `./studio run` started there with empty caches of packages.
It downloads and installs the locked packages and starts the stack; Chromium opens the address that it prints, until the
shop is shown. A later start is the same in the installed clone. Downloads depend on the line, so seconds of processors
are given, too.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from emulators.vite import free_port

ROOT = Path(__file__).resolve().parents[1]
LATER = 3
PATIENCE_MS = 120_000


def main(*, quick: bool = False) -> dict[str, Any]:
    """Measure seconds until the page is shown: of the first start, and the median of later ones."""
    with tempfile.TemporaryDirectory(prefix="studio-first-page-") as temporary:
        folder = Path(temporary)
        clone = folder / "clone"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        caches = {name: str(folder / name.lower()) for name in ("UV_CACHE_DIR", "PIP_CACHE_DIR", "NPM_CONFIG_CACHE")}
        environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"} | caches
        load = os.getloadavg()[0]
        first = _start(clone, environment)
        later = sorted(_start(clone, environment)["s"] for _ in range(1 if quick else LATER))
    median = later[len(later) // 2]
    return {
        "ok": True,
        "cores": os.cpu_count(),
        "load_before": round(load, 1),
        "first": first,
        "later_s": {"median": median, "from": later[0], "to": later[-1]},
        "ratio": round(first["s"] / median, 1),
    }


def _start(clone: Path, environment: dict[str, str]) -> dict[str, float]:
    """Seconds from the command to the page in a browser, and of processors, which the end of the stack adds to."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    process = subprocess.Popen(
        [str(clone / "studio"), "run", "--json", "--port", str(free_port())],
        cwd=clone, env=environment, stdout=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        if not line:
            raise RuntimeError("./studio run has ended; its reason is above")
        _open(json.loads(line)["page"])
        seconds = time.perf_counter() - began
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.wait()
        process.stdout.close()
    now = resource.getrusage(resource.RUSAGE_CHILDREN)
    processors = now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime
    return {"s": round(seconds, 1), "processor_s": round(processors, 1)}


def _open(address: str) -> None:
    """Open the page; returns once it shows the shop and how many products there are."""
    import shutil

    from playwright.sync_api import sync_playwright

    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        raise RuntimeError("Chromium is not installed (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        tab = browser.new_page()
        tab.set_default_timeout(PATIENCE_MS)
        tab.goto(address)
        tab.get_by_role("status").filter(has_text="products").wait_for()
        browser.close()
