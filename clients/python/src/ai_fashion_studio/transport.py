"""HTTP requests with retries: problems become `StudioError`."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any, Final

import requests

from ai_fashion_studio.errors import StudioError

LONGEST_PAUSE_S: Final = 60.0
"""A longer `Retry-After`, in seconds, is for the caller to decide on."""
SAFE: Final = {"GET", "PUT", "DELETE"}


class Transport:
    """Requests to the API at `api_url` (without `/api`) with an API key or access token.

    Args:
        timeout_s: seconds without a byte of the answer after which a request is given up.
        retries: further attempts after 429, 503, or a broken connection.
    """

    def __init__(self, api_url: str, api_key: str, *, timeout_s: float = 60.0, retries: int = 4) -> None:
        self._base = f"{api_url.rstrip('/')}/api/"
        self._timeout_s = timeout_s
        self._retries = retries
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {api_key}"

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def request(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        params: Mapping[str, Any] | None = None,
        files: Mapping[str, tuple[str, bytes, str]] | None = None,
        data: Mapping[str, str] | None = None,
        creates: bool = False,
    ) -> Any:
        """The JSON of the answer; None if it has no body.

        Args:
            path: below `/api/`, for example `cv/tryon`.
            creates: whether the route takes an `Idempotency-Key`: one is made, and every attempt carries it.

        Raises:
            StudioError: the API refused the request, or can't be reached.
        """
        headers = {"Idempotency-Key": str(uuid.uuid4())} if creates else {}

        def send() -> requests.Response:
            return self._session.request(
                method, self._base + path, json=json, params=params, files=files, data=data, headers=headers,
                timeout=self._timeout_s,
            )  # fmt: skip

        response = self._repeated(send, repeatable=creates or method in SAFE)
        return response.json() if response.content else None

    def put(self, url: str, data: bytes, headers: Mapping[str, str]) -> None:
        """Upload to a presigned URL, which gets no key of the API.

        Raises:
            StudioError: the storage refused the file, or can't be reached.
        """
        self._repeated(
            lambda: requests.put(url, data=data, headers=dict(headers), timeout=self._timeout_s), repeatable=True
        )

    def _repeated(self, send: Callable[[], requests.Response], *, repeatable: bool) -> requests.Response:
        """The answer of an attempt that succeeds.

        Args:
            repeatable: whether to send again after a broken connection.
        """
        for left in range(self._retries, -1, -1):
            try:
                response = send()
            except requests.RequestException as error:
                if left and repeatable and isinstance(error, requests.ConnectionError | requests.Timeout):
                    time.sleep(2.0 ** (self._retries - left) / 4)
                    continue
                raise StudioError(f"no answer: {type(error).__name__}", code="unreachable", retryable=True) from error
            if response.ok:
                return response
            problem = _error(response)
            pause = _pause_s(response, self._retries - left)
            if not left or pause > LONGEST_PAUSE_S or not _comes_again(response, problem):
                raise problem
            time.sleep(pause)
        raise AssertionError("the last attempt returns or raises")


def _comes_again(response: requests.Response, problem: StudioError) -> bool:
    """A 409 that is retryable is the answer while an earlier attempt of the same key is in progress."""
    return response.status_code in (429, 503) or (response.status_code == 409 and problem.retryable)


def _pause_s(response: requests.Response, attempt: int) -> float:
    after = response.headers.get("Retry-After", "")
    return float(after) if after.isdigit() else 2.0**attempt / 2


def _error(response: requests.Response) -> StudioError:
    try:
        problem = response.json()
    except ValueError:
        problem = {}
    found: dict[str, Any] = problem if isinstance(problem, dict) else {}
    return StudioError(
        str(found.get("detail") or f"HTTP {response.status_code}"),
        code=str(found.get("code") or "unexpected_answer"),
        status=response.status_code,
        field=found.get("field"),
        request_id=found.get("requestId") or response.headers.get("X-Request-Id"),
        retryable=bool(found.get("retryable")),
        details=found.get("details"),
    )
