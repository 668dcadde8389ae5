"""Settings of the HTTP functions: rate limits, idempotency keys, trusted proxies."""

import os
from collections.abc import Iterator
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field

from shared.http.classes import CLASSES
from shared.settings import Seconds, SettingsGroup, load


def _origins(value: Any) -> Any:
    return read_origins(value) if isinstance(value, str) else value


def read_origins(value: str) -> tuple[str, ...]:
    """A comma-separated list of origins, in lower case and without a trailing slash. Raises ValueError."""
    origins = tuple(origin.strip().rstrip("/").lower() for origin in value.split(",") if origin.strip())
    for origin in origins:
        parts = urlsplit(origin)
        if origin != "*" and (parts.scheme not in ("http", "https") or origin != f"{parts.scheme}://{parts.netloc}"):
            raise ValueError(f"{origin!r} is no origin: write `https://shop.example.com`, without a path, or `*`")
    return origins


AZURE: Final = ("WEBSITE_SITE_NAME", "WEBSITE_INSTANCE_ID")
"""Variables of an app in Azure; on Flex Consumption the second is not set."""


class HttpSettings(SettingsGroup):
    """Limits that apply to all HTTP functions."""

    rate_limits: dict[str, tuple[int, int]] = Field(
        default_factory=lambda: {name: (one.calls, one.window_s) for name, one in CLASSES.items()},
        description="JSON object of route class and [calls, seconds]: calls of one caller in a window of that length",
    )
    rate_limit_scale: float = Field(
        default=1.0, gt=0, description="factor of every rate limit; a load test or a demo raises all of them together"
    )
    rate_limit_ip_factor: float = Field(
        default=5.0,
        ge=1,
        description="factor of the limit for signed-in calls from one address, because an office shares one",
    )
    rate_limit_wait_s: Seconds = Field(
        default=3,
        description="seconds that a call waits for its count in a slow document store: then 503 where every call must "
        "be counted (sign-in, payments, costly work); a tenth of it elsewhere, and then the call goes on",
    )
    calls_at_once: int = Field(
        default=10,
        ge=1,
        description="calls that one caller may have in progress in a process, so that threads are left for others; at "
        "most a third of `PYTHON_THREADPOOL_THREAD_COUNT`",
    )
    costly_calls_at_once: int = Field(
        default=4,
        ge=1,
        description="of these, calls that decode pictures or run models: uploads, segmentations, try-ons, predictions",
    )
    visitor_costly_calls_at_once: int = Field(
        default=2,
        ge=1,
        description="such calls that all callers who are not signed in may have in progress in a process, together",
    )
    trusted_proxy_hops: int = Field(
        default=0,
        ge=0,
        le=5,
        description="trusted proxies, each appending to `X-Forwarded-For`; 1 behind the Azure Functions front end. 0 "
        "trusts none, so that no caller chooses an address, and all visitors share one rate limit",
    )
    allowed_origins: Annotated[tuple[str, ...], BeforeValidator(_origins)] = Field(
        default=(),
        description="origins of pages that may call the API from a browser, comma-separated (`https://shop.example.com`)"
        "; `*` for any",
    )
    idempotency_work_s: Seconds = Field(
        default=60,
        description="seconds after which a repeated request under an `Idempotency-Key` takes over an unfinished one",
    )

    def production_faults(self) -> Iterator[str]:
        """In Azure a front end stands before every app, and appends the caller's address."""
        if self.trusted_proxy_hops == 0 and any(os.environ.get(name) for name in AZURE):
            yield (
                "TRUSTED_PROXY_HOPS is 0, but the front end of Azure Functions is a proxy: set 1, or 2 behind Front "
                "Door or another gateway; otherwise all callers share one rate limit"
            )


def http_settings() -> HttpSettings:
    """The settings of the HTTP functions."""
    return load(HttpSettings)
