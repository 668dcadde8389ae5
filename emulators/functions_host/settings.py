"""host.json, local.settings.json and the `%SETTING%` notation, as the Functions host reads them.

Every value of host.json can be overridden by an environment variable `AzureFunctionsJobHost__a__b=value`
(the path joined by two underscores), as in Azure.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from .host_json import section, spelled, unread
from .log import LEVELS

_OVERRIDE = "AzureFunctionsJobHost__"
_HOST_ID = "AzureFunctionsWebHost__hostid"
_TIMESPAN = re.compile(r"^(?:(\d+)\.)?(\d{1,2}):(\d{2}):(\d{2}(?:\.\d+)?)$")
_SETTING = re.compile(r"%([^%]+)%")
_BUNDLE_ID = re.compile(r"^[A-Za-z_][\w-]*(\.[\w-]+)*$", re.ASCII)
_VERSION = r"\d+(?:\.(?:\d+|\*))*(?:-[\w.*-]+)?"
_VERSIONS = re.compile(rf"^(?:\*|{_VERSION}|[\[(]\s*(?:\*|{_VERSION})?\s*(?:,\s*(?:{_VERSION})?\s*)?[\])])$", re.ASCII)
_TELEMETRY_MODES = frozenset({"none", "placeholder", "applicationinsights", "opentelemetry", "0", "1", "2", "3"})
"""Names and numbers of the host's `TelemetryMode`."""
DEFAULT_BODY_LIMIT = 104_857_600


class SettingsError(ValueError):
    """A settings file or a value in it is unusable."""


def seconds(value: Any, name: str) -> float:
    """A .NET TimeSpan `[d.]hh:mm:ss[.f]` as seconds; raises `SettingsError`."""
    found = _TIMESPAN.match(str(value))
    if not found:
        is_number = re.fullmatch(r"\d+", str(value))
        why = ": Azure reads a number alone as days" if is_number else ""
        raise SettingsError(f"{name}: {value!r} is not a time span like 00:00:30{why}")
    days, hours, minutes, rest = found.groups()
    return int(days or 0) * 86400 + int(hours) * 3600 + int(minutes) * 60 + float(rest)


def resolve(text: str) -> str:
    """Replace each `%NAME%` by the app setting of that name; raises `SettingsError` when it is unset."""

    def value(found: re.Match[str]) -> str:
        setting = os.environ.get(found[1])
        if not setting:
            raise SettingsError(f"'%{found[1]}%' does not resolve to a value: set {found[1]}")
        return setting

    return _SETTING.sub(value, text)


@dataclass(frozen=True)
class QueueOptions:
    """`extensions.queues` of host.json; times in seconds.

    `take` is how long a taken message stays invisible; it is renewed at half time while its function runs.
    """

    batch_size: int = 16
    new_batch_threshold: int = 8
    max_dequeue_count: int = 5
    visibility_timeout: float = 0
    max_polling_interval: float = 60
    base64: bool = True
    take: float = 600


@dataclass(frozen=True)
class HttpOptions:
    """`extensions.http` of host.json and the limits of the HTTP front; sizes in bytes."""

    prefix: str = "api"
    body_limit: int = DEFAULT_BODY_LIMIT
    max_outstanding: int = 0
    max_concurrent: int = 0
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    cors: tuple[str, ...] = ()
    cors_credentials: bool = False


@dataclass(frozen=True)
class HostSettings:
    """What one app directory says about how it is to be hosted."""

    app: Path
    host_id: str
    has_bundle: bool
    timeout: float
    queues: QueueOptions
    http: HttpOptions
    poison_blob_threshold: int
    log_levels: Mapping[str, str]
    unread: tuple[str, ...] = ()
    """Settings of host.json that have no effect here."""


def load(app: Path) -> HostSettings:
    """Read the app's settings and put `Values` into the environment, where real variables win."""
    app = app.resolve()
    local = local_values(app)
    os.environ.setdefault("AZURE_FUNCTIONS_ENVIRONMENT", "Development")
    os.environ.setdefault("FUNCTIONS_WORKER_RUNTIME", "python")
    return read(app, local)


def read(app: Path, local: Mapping[str, Any] | None = None) -> HostSettings:
    """host.json with the overrides of the environment; `local` is the content of local.settings.json."""
    host = _read(app / "host.json")
    if not host:
        raise SettingsError(f"{app / 'host.json'} is missing: this is no function app")
    _override(host, os.environ)
    host = spelled(host)
    if str(host.get("version")) != "2.0":
        raise SettingsError(f'{app / "host.json"}: `version` is {host.get("version")!r}, the host needs "2.0"')
    _bundle(host)
    _telemetry(host)
    return HostSettings(
        app=app,
        host_id=_host_id(app, host),
        has_bundle=bool(section(host, "extensionBundle")),
        timeout=_timeout(host),
        queues=_queues(section(host, "extensions", "queues")),
        http=_http(section(host, "extensions", "http"), section(local or {}, "Host")),
        poison_blob_threshold=_whole(section(host, "extensions", "blobs"), "poisonBlobThreshold", 5),
        log_levels=_levels(host),
        unread=tuple(unread(host)),
    )


def local_values(app: Path) -> dict[str, Any]:
    """Put `Values` of `local.settings.json` (or the example) into the environment, where real variables win; answers
    the whole file. Raises `SettingsError`."""
    local = _read(app / "local.settings.json") or _read(app / "local.settings.example.json")
    if local.get("IsEncrypted"):
        raise SettingsError("local.settings.json is encrypted: run `func settings decrypt`")
    values: object = local.get("Values", {})
    if not isinstance(values, dict):
        raise SettingsError("local.settings.json: `Values` is not an object of names and texts")
    for name, value in cast("dict[str, Any]", values).items():
        if value is not None:
            os.environ.setdefault(name, str(value))
    return local


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text("utf-8-sig"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise SettingsError(f"{path}: {error}") from error
    if not isinstance(content, dict):
        raise SettingsError(f"{path}: not a JSON object")
    return cast("dict[str, Any]", content)


def _override(host: dict[str, Any], environment: Mapping[str, str]) -> None:
    for name, value in environment.items():
        if not name.startswith(_OVERRIDE):
            continue
        *path, last = name.removeprefix(_OVERRIDE).split("__")
        node = host
        for key in path:
            node = node.setdefault(_spelled_there(node, key), {})
        node[_spelled_there(node, last)] = value


def _spelled_there(node: Mapping[str, Any], key: str) -> str:
    """The key as the object has it, whatever its case."""
    return next((one for one in node if one.lower() == key.lower()), key)


def _bundle(host: Mapping[str, Any]) -> None:
    """Refuse an extension bundle without an id or a range of versions, as the host does before it loads any."""
    given = section(host, "extensionBundle")
    if not given:
        return
    if not _BUNDLE_ID.match(str(given.get("id") or "")):
        raise SettingsError(f"extensionBundle.id: {given.get('id')!r} is no name of a bundle")
    if not _VERSIONS.match(str(given.get("version") or "")):
        raise SettingsError(f"extensionBundle.version: {given.get('version')!r} is no range like [4.*, 5.0.0)")


def _telemetry(host: Mapping[str, Any]) -> None:
    """Refuse a `telemetryMode` that the host has not."""
    mode = host.get("telemetryMode", "ApplicationInsights")
    if mode is None or str(mode).lower() not in _TELEMETRY_MODES:
        raise SettingsError(f"telemetryMode: {mode!r} is neither ApplicationInsights nor OpenTelemetry")


def _levels(host: Mapping[str, Any]) -> dict[str, str]:
    """The levels of categories. Those of providers are checked too: .NET takes its names and their numbers alone."""
    logging = section(host, "logging")
    found: dict[str, str] = {}
    for provider in ("", *(name for name, value in logging.items() if isinstance(value, dict) and name != "logLevel")):
        path = (provider, "logLevel") if provider else ("logLevel",)
        for category, level in section(logging, *path).items():
            name = str("" if level is None else level).lower()
            name = tuple(LEVELS)[int(name)] if name.isdecimal() and int(name) < len(LEVELS) else name
            if name and name not in LEVELS:
                where = ".".join(("logging", *path, category))
                raise SettingsError(f"{where}: {level!r} is none of {', '.join(LEVELS)}")
            if name and not provider:
                found["default" if category.lower() == "default" else category] = name
    return found


def _timeout(host: Mapping[str, Any]) -> float:
    value = host.get("functionTimeout", "00:30:00")
    return float("inf") if str(value) in ("-1", "None") else seconds(value, "functionTimeout")


def _whole(given: Mapping[str, Any], name: str, default: int) -> int:
    """A whole number, which may be written as a text; raises `SettingsError`."""
    try:
        return int(given.get(name, default))
    except (TypeError, ValueError) as error:
        raise SettingsError(f"{name}: {given[name]!r} is not a whole number") from error


def _queues(given: Mapping[str, Any]) -> QueueOptions:
    batch = _whole(given, "batchSize", 16)
    if not 1 <= batch <= 32:
        raise SettingsError(f"extensions.queues.batchSize: {batch} is not in 1..32")
    encoding = str(given.get("messageEncoding", "base64")).lower()
    if encoding not in ("base64", "none"):
        raise SettingsError(f"extensions.queues.messageEncoding: {encoding!r} is neither base64 nor none")
    return QueueOptions(
        batch_size=batch,
        new_batch_threshold=_whole(given, "newBatchThreshold", batch // 2),
        max_dequeue_count=_dequeues(given),
        visibility_timeout=seconds(given.get("visibilityTimeout", "00:00:00"), "visibilityTimeout"),
        max_polling_interval=max(0.1, seconds(given.get("maxPollingInterval", "00:01:00"), "maxPollingInterval")),
        base64=encoding == "base64",
        take=float(os.environ.get("FUNCTIONS_HOST_QUEUE_TAKE_SECONDS", "600")),
    )


def _dequeues(given: Mapping[str, Any]) -> int:
    count = _whole(given, "maxDequeueCount", 5)
    if count < 1:
        raise SettingsError(f"extensions.queues.maxDequeueCount: {count} is less than 1")
    return count


def _http(given: Mapping[str, Any], local: Mapping[str, Any]) -> HttpOptions:
    cors = str(local.get("CORS") or "")
    return HttpOptions(
        prefix=str(given.get("routePrefix", "api")).strip("/"),
        body_limit=int(os.environ.get("FUNCTIONS_REQUEST_BODY_SIZE_LIMIT", DEFAULT_BODY_LIMIT)),
        max_outstanding=max(0, _whole(given, "maxOutstandingRequests", 0)),
        max_concurrent=max(0, _whole(given, "maxConcurrentRequests", 0)),
        headers={str(k): str(v) for k, v in section(given, "customHeaders").items()},
        cors=tuple(origin.strip().rstrip("/") for origin in cors.split(",") if origin.strip()),
        cors_credentials=bool(local.get("CORSCredentials")),
    )


def _host_id(app: Path, host: Mapping[str, Any]) -> str:
    """The id under which instances of one app share locks and receipts; at most 32 characters."""
    given = os.environ.get(_HOST_ID) or host.get("id")
    if given:
        return str(given).lower()[:32]
    stem = re.sub(r"[^a-z0-9]", "", app.name.lower())[:20] or "app"
    return f"{stem}-{hashlib.sha256(str(app).encode()).hexdigest()[:10]}"
