"""Photos of imported products, fetched from the addresses in the file and processed as any file a vendor uploads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from functions.catalogue.drop_uploads import CONTENT_TYPE
from shared import blobs, telemetry
from shared.errors import StudioError, UpstreamError
from shared.images.settings import image_settings
from shared.outbound.pictures import fetch_picture

PARALLEL: Final = 4
"""Photos that one import fetches concurrently."""
MAX_FAILURES: Final = 3
"""Failures to reach a host after which it is not asked again by this attempt: each takes up to 15 s."""


@dataclass(frozen=True)
class Wanted:
    """A photo to fetch: of which product, and from where."""

    sku: str
    url: str


class PictureFetcher:
    """Fetches photos into one vendor's folder."""

    def __init__(self, vendor_id: str) -> None:
        self._vendor_id = vendor_id
        self._failures: Counter[str] = Counter()

    def fetch(self, wanted: Sequence[Wanted]) -> list[str | None]:
        """For each photo why it could not be fetched; None if it was, empty if it was uploaded before."""
        with ThreadPoolExecutor(PARALLEL, "pictures") as pool:
            return list(pool.map(self._fetch, wanted))

    def _fetch(self, one: Wanted) -> str | None:
        name = f"{self._vendor_id}/{one.sku}.jpg"
        host = urlsplit(one.url).netloc
        if blobs.info(blobs.VENDOR_UPLOADS, name) is not None:
            return ""
        if self._failures[host] >= MAX_FAILURES:
            return "its server did not answer before: send the file again"
        try:
            data = fetch_picture(one.url, max_bytes=image_settings().upload_max_bytes)
        except StudioError as error:
            self._failures[host] += isinstance(error, UpstreamError)
            telemetry.count("studio_import_pictures", outcome=error.code)
            return f"{error.message}: send the file again" if error.retryable else error.message
        blobs.put(blobs.VENDOR_UPLOADS, name, data, content_type=CONTENT_TYPE)
        telemetry.count("studio_import_pictures", outcome="fetched")
        return None
