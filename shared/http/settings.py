"""Settings of the HTTP functions: rate limits, idempotency keys, trusted proxies."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field
from pydantic_settings import NoDecode

from shared.settings import Seconds, SettingsGroup, load

DEFAULT_RATE_LIMITS = {
    "default": (600, 60),
    "auth": (30, 60),
    "register": (30, 60),
    "refresh": (600, 60),
    "recovery": (10, 60),
    "upload": (60, 60),
    "conversions": (30, 60),
    "segment": (60, 60),
    "tryon": (30, 60),
    "search": (300, 60),
    "drops": (1200, 60),
    "imports": (20, 60),
    "shop": (300, 60),
    "window-words": (60, 60),
    "window-picture": (20, 60),
    "pictures": (3000, 60),
    "visit": (20, 600),
    "widget": (300, 60),
    "widget-photo": (20, 600),
    "widget-tryon": (30, 600),
    "analytics": (120, 60),
    "paypal": (60, 60),
    "webhook": (1200, 60),
}


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


class HttpSettings(SettingsGroup):
    """Limits that apply to all HTTP functions."""

    rate_limits: dict[str, tuple[int, int]] = Field(
        default_factory=lambda: dict(DEFAULT_RATE_LIMITS),
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
        description="trusted proxies, each appending to `X-Forwarded-For`; 1 behind the Azure Functions front end",
    )
    allowed_origins: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_origins)] = Field(
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
        if self.trusted_proxy_hops == 0 and "WEBSITE_INSTANCE_ID" in os.environ:
            yield (
                "TRUSTED_PROXY_HOPS is 0, but the front end of Azure Functions is a proxy: set 1, or 2 behind Front "
                "Door or another gateway; otherwise all callers share one rate limit"
            )


def http_settings() -> HttpSettings:
    """The settings of the HTTP functions."""
    return load(HttpSettings)
