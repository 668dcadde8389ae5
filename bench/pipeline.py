"""Conversions through the whole stack: time, processor time, calls of storage, and the cost of ten times the work."""

from __future__ import annotations

import io
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from PIL import Image

from bench._common import register
from bench._processes import StorageLog, cpu_seconds, ms_each, storage_log
from demo.client import Client
from emulators.stack import Stack
from shared.documents import Where
from shared.documents.sqlite import SqliteStore
from shared.jobs.models import OPEN

FEW, MANY = 10, 100
SIDE = 512


def main() -> dict[str, Any]:
    """Measure seconds and conversions per second for 10 and for 100 concurrent ones, and their ratio."""
    settings = {"CONVERSION_QUOTA": "100000", "RATE_LIMIT_SCALE": "100000", "EMAIL_DAILY_CAP": "100000",
                "SMS_DAILY_CAP": "100000"}  # fmt: skip
    with (
        tempfile.TemporaryDirectory(prefix="studio-pipeline-") as folder,
        storage_log(Path(folder) / "log") as calls,
        Stack(settings=settings) as stack,
    ):
        store = SqliteStore(stack.settings["DOCUMENTS"].removeprefix("sqlite:"))
        client = register(stack, phone="+15550109999")
        body = {
            "personImageId": client.upload(_picture("tan"), "me.jpg", "person")["id"],
            "garmentImageId": client.upload(_picture("navy"), "shirt.jpg", "garment")["id"],
        }
        _run(client, store, body, 2, calls)
        few = _run(client, store, body, FEW, calls)
        many = _run(client, store, body, MANY, calls)
        store.close()
    return {
        "ok": True,
        "picture": f"{SIDE} x {SIDE} px, emulated Gemini",
        f"conversions_{FEW}": few,
        f"conversions_{MANY}": many,
        "cost_of_ten_times": many["seconds"] / few["seconds"],
    }


def _run(client: Client, store: SqliteStore, body: dict[str, Any], number: int, calls: StorageLog) -> dict[str, Any]:
    """Request `number` conversions together and wait until each is complete and announced on all channels."""

    def create(_: int) -> str:
        return client.call("POST", "conversions", json=body)["id"]

    calls.clear()
    before, started = cpu_seconds(), time.perf_counter()
    with ThreadPoolExecutor(8) as pool:
        requested = list(pool.map(create, range(number)))
    accepted = time.perf_counter() - started
    open_jobs = (Where("type", "=", "job"), Where("status", "in", list(OPEN)))
    while store.count("studio", *open_jobs):
        time.sleep(0.05)
    seconds = time.perf_counter() - started
    costs = {"cpu_ms_each": ms_each(before, number), "storage_calls_each": calls.each(number)}
    made = [client.call("GET", f"conversions/{id}") for id in requested]
    if any(conversion["status"] != "completed" for conversion in made):
        raise RuntimeError("a conversion did not complete, so the figures are invalid")
    return {
        "accepted_per_second": number / accepted,
        "seconds": seconds,
        "completed_per_second": number / seconds,
        "worker_ms_p50": statistics.median(conversion["processingMs"] for conversion in made),
        **costs,
    }


def _picture(colour: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (SIDE, SIDE), colour).save(buffer, "JPEG")
    return buffer.getvalue()
