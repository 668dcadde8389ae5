"""The main job, measured: conversions through the whole stack, and what ten times the work costs."""

from __future__ import annotations

import io
import secrets
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from PIL import Image

from demo.client import Client
from emulators.stack import Stack
from shared.documents import Where
from shared.documents.sqlite import SqliteStore

FEW, MANY = 10, 100
SIDE = 512


def main() -> dict[str, Any]:
    """Seconds and conversions a second for 10 and for 100 at once, and the cost of ten times the work."""
    settings = {"CONVERSION_QUOTA": "100000", "RATE_LIMIT_SCALE": "100000", "EMAIL_DAILY_CAP": "100000",
                "SMS_DAILY_CAP": "100000"}  # fmt: skip
    with Stack(settings=settings) as stack:
        store = SqliteStore(stack.settings["DOCUMENTS"].removeprefix("sqlite:"))
        client = Client(stack.url).register(
            f"bench.{secrets.token_hex(4)}@example.com", secrets.token_urlsafe(12), phone="+15550109999"
        )
        body = {
            "userImageId": client.upload(_picture("tan"), "me.jpg", "person")["id"],
            "clothImageId": client.upload(_picture("navy"), "shirt.jpg", "garment")["id"],
        }
        _run(client, store, body, 2)
        few = _run(client, store, body, FEW)
        many = _run(client, store, body, MANY)
        store.close()
    return {
        "ok": True,
        "picture": f"{SIDE} x {SIDE} px, emulated Gemini",
        f"conversions_{FEW}": few,
        f"conversions_{MANY}": many,
        "cost_of_ten_times": many["seconds"] / few["seconds"],
    }


def _run(client: Client, store: SqliteStore, body: dict[str, Any], number: int) -> dict[str, float]:
    """Ask for `number` conversions at once and wait until each is made and told on all channels."""
    started = time.perf_counter()
    with ThreadPoolExecutor(8) as pool:
        asked = list(pool.map(lambda _: client.call("POST", "conversions", json=body)["id"], range(number)))
    accepted = time.perf_counter() - started
    open_jobs = (Where("type", "=", "job"), Where("status", "in", ["queued", "processing", "retrying"]))
    while store.count("studio", *open_jobs):
        time.sleep(0.05)
    seconds = time.perf_counter() - started
    made = [store.read("studio", f"conversion:{id}", client.user["id"]) for id in asked]
    if any(conversion["status"] != "completed" for conversion in made):
        raise RuntimeError("a conversion did not complete: the figures would mean nothing")
    return {
        "accepted_per_second": number / accepted,
        "seconds": seconds,
        "made_and_told_per_second": number / seconds,
        "worker_ms_p50": statistics.median(conversion["processingMs"] for conversion in made),
    }


def _picture(colour: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (SIDE, SIDE), colour).save(buffer, "JPEG")
    return buffer.getvalue()
