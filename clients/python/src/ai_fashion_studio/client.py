"""The API as methods."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Literal, Self

from ai_fashion_studio.errors import StudioError
from ai_fashion_studio.transport import Transport

if TYPE_CHECKING:
    from ai_fashion_studio import models

TYPES: Final = {
    ".avif": "image/avif", ".heic": "image/heic", ".jpeg": "image/jpeg", ".jpg": "image/jpeg", ".png": "image/png",
    ".webp": "image/webp",
}  # fmt: skip
WAIT_S: Final = 20
"""Seconds that the API holds a request for a change of a job."""
DROPPED_AT_ONCE: Final = 20
"""Files whose URLs are asked for together: few enough to be uploaded before the URLs expire."""
PARALLEL_UPLOADS: Final = 4


class Studio:
    """The API at an address, with an API key.

    Args:
        api_url: for example `https://api.example.com`, without `/api`.
        api_key: a secret key (`sk_...`) with the scopes of what is called.
        timeout_s: seconds without a byte of the answer after which a request is given up.
        retries: further attempts after 429 or 503 (as `Retry-After` says), or a broken connection.

    Every method raises `StudioError`.
    """

    def __init__(self, api_url: str, api_key: str, *, timeout_s: float = 60.0, retries: int = 4) -> None:
        self._http = Transport(api_url, api_key, timeout_s=timeout_s, retries=retries)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def request(self, method: str, path: str, **options: Any) -> Any:
        """Any route: the JSON of its answer. `options` are those of `Transport.request`."""
        return self._http.request(method, path, **options)

    def upload(
        self, file: Path | bytes, kind: Literal["person", "garment"], *, name: str | None = None
    ) -> models.Image:
        """Upload a picture: JPEG, PNG, WebP, AVIF or HEIC.

        Args:
            file: a path, or the bytes themselves.
            name: the name shown for it; that of the path by default.
        """
        data = file.read_bytes() if isinstance(file, Path) else file
        called = name or (file.name if isinstance(file, Path) else "image")
        kind_of_file = TYPES.get(Path(called).suffix.lower(), "application/octet-stream")
        files = {"file": (called, data, kind_of_file)}
        return self._http.request("POST", "images/upload", files=files, data={"kind": kind}, creates=True)

    def drop(self, files: Mapping[str, Path | bytes]) -> dict[str, models.DropError]:
        """Upload photos and metadata of products to the vendor's folder, and return the names that are refused.

        What becomes of an uploaded file is seen in `pages("drops")`.

        Args:
            files: paths or contents by name: `SKU.jpg` or another picture, or `SKU.json`.
        """
        refused: dict[str, models.DropError] = {}
        names = list(files)
        with ThreadPoolExecutor(PARALLEL_UPLOADS) as pool:
            for start in range(0, len(names), DROPPED_AT_ONCE):
                wanted = {"names": names[start : start + DROPPED_AT_ONCE]}
                found: models.DropUploads = self._http.request("POST", "drops/batch", json=wanted, creates=True)
                refused |= {row["name"]: row["error"] for row in found["items"] if row["error"] is not None}
                uploads = [row["upload"] for row in found["items"] if row["upload"] is not None]
                list(pool.map(partial(self._put, files), uploads))
        return refused

    def _put(self, files: Mapping[str, Path | bytes], upload: models.DropUpload) -> None:
        file = files[upload["name"]]
        data = file.read_bytes() if isinstance(file, Path) else file
        self._http.put(upload["url"], data, upload["headers"])

    def create_tryon(self, request: models.TryOnRequest) -> models.TryOn:
        """Create a try-on: completed if it was made while the API waited, else with a `jobId` to follow."""
        return self._http.request("POST", "cv/tryon", json=request, creates=True)

    def subscribe(
        self,
        request: models.TryOnRequest,
        *,
        on_update: Callable[[models.Job], object] | None = None,
        timeout_s: float = 600.0,
    ) -> models.TryOn:
        """Create a try-on, follow its job, and return it with its results.

        Args:
            on_update: called with the job after every change.
            timeout_s: seconds after which to stop following; the try-on goes on.

        Raises:
            StudioError: `timed_out` (`details` has `tryonId` and `jobId`), or the code of the try-on's failure.
        """
        until = time.monotonic() + timeout_s
        created = self.create_tryon(request)
        id, job_id = created["id"], created["jobId"]
        if created["status"] in ("completed", "valid") or id is None or job_id is None:
            return _completed(created)
        seq: int | None = None
        while True:
            left = until - time.monotonic()
            if left <= 0:
                raise StudioError(
                    f"not completed within {timeout_s:g} s",
                    code="timed_out",
                    retryable=True,
                    details={"tryonId": id, "jobId": job_id},
                )
            job = self.get_job(job_id, wait_s=min(WAIT_S, int(left)), seq=seq)
            if on_update is not None and job["seq"] != seq:
                on_update(job)
            seq = job["seq"]
            if job["status"] in ("completed", "failed", "cancelled", "dead"):
                return _completed(self.get_tryon(id))

    def get_tryon(self, id: str) -> models.TryOn:
        """Get a try-on with newly signed URLs."""
        return self._http.request("GET", f"cv/tryon/{id}")

    def get_job(self, id: str, *, wait_s: int = 0, seq: int | None = None) -> models.Job:
        """A job.

        Args:
            wait_s: seconds (0..30) to wait until its `seq` is another, or without `seq` until it has ended.
        """
        params: dict[str, int] = {"wait": wait_s} if seq is None else {"wait": wait_s, "seq": seq}
        return self._http.request("GET", f"jobs/{id}", params=params)

    def search(self, request: models.TextSearch) -> models.SearchAnswer:
        """Search products by words."""
        return self._http.request("POST", "search/text", json=request)

    def images(self, **filters: Any) -> Iterator[models.Image]:
        """All images, newest first."""
        return self.pages("images", **filters)

    def tryons(self, **filters: Any) -> Iterator[models.TryOn]:
        """All try-ons, newest first, without URLs."""
        return self.pages("cv/tryon", **filters)

    def products(self, **filters: Any) -> Iterator[models.Product]:
        """All products of a vendor."""
        return self.pages("products", **filters)

    def pages(self, path: str, **params: Any) -> Iterator[Any]:
        """The items of a paged list, read page by page as they are asked for.

        Args:
            params: of the query, for example `limit`, the items of a page (1..100).
        """
        continuation: str | None = None
        while True:
            query = params if continuation is None else {**params, "continuation": continuation}
            page: dict[str, Any] = self._http.request("GET", path, params=query)
            yield from page["items"]
            continuation = page.get("continuation")
            if not continuation:
                return


def _completed(tryon: models.TryOn) -> models.TryOn:
    error = tryon["error"]
    if tryon["status"] in ("completed", "valid"):
        return tryon
    raise StudioError(
        error["message"] if error else f"the try-on is {tryon['status']}",
        code=error["code"] if error else f"tryon_{tryon['status']}",
        retryable=error["retryable"] if error else False,
        details={"tryonId": tryon["id"], "jobId": tryon["jobId"]},
    )
