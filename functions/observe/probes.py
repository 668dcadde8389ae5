"""Probes of every dependency of the app, in parallel and free of charge.

Each probe runs in its own thread with its own time limit: one that hangs is reported as failed and left behind, to
end by its client's timeouts. One round serves all who ask for `PROBE_CACHE_S`, so asking often costs nothing.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from urllib.parse import quote

from functions.observe.models import ProbeResult, Standing
from functions.observe.settings import observe_settings
from shared import blobs, clock, onnx, startup, telemetry
from shared.catalogue.documents import EmbeddingDocument, IndexVersionDocument, embeddings, index_versions
from shared.commerce.paypal_settings import paypal_settings
from shared.documents import store
from shared.documents.fields import where
from shared.errors import ConfigurationError, StudioError
from shared.gemini.settings import API_VERSION, gemini_settings
from shared.jobs import queues
from shared.notifications.settings import notification_settings
from shared.settings import settings


class NotConfigured(Exception):
    """There is nothing to ask."""


class Down(Exception):
    """It answered, but not as it should; the message says what, without secrets."""


type Probe = Callable[[], str | None]


def every_setting() -> str | None:
    """All settings of the app; what is wrong with them is for the log, since anyone may ask for this probe."""
    if not startup.are_usable():
        raise Down("settings are not usable: the log names them")
    return None


def documents() -> str | None:
    """A point read of an item that need not exist."""
    store().find("leases", "probe", "probe")
    return settings().documents.partition(":")[0]


def blob_storage() -> str | None:
    """A look at a blob that need not exist."""
    blobs.info(blobs.IMAGES, "probe")
    return None


def queue_storage() -> str | None:
    """The properties of every queue."""
    for name in queues.TRIGGERS:
        queues.client(name).get_queue_properties()
    return f"{len(queues.TRIGGERS)} queues"


def models() -> str | None:
    """Every model of the manifest: there, of the size it names, and not refused when it was loaded."""
    try:
        standing = onnx.list_health()
    except ConfigurationError as error:
        if error.code == "no_models":
            raise NotConfigured(error.message) from None
        raise
    wrong = [f"{model.id}: {model.reason or model.status}" for model in standing if model.status not in GOOD]
    if wrong:
        raise Down("; ".join(wrong))
    return ", ".join(f"{model.version} {model.status}" for model in standing)


GOOD = ("loaded", "ready")


def search_index() -> str | None:
    """How old the newest version of a search index is, and whether products wait to come into one."""
    late = embeddings.count(
        where(EmbeddingDocument.seq, "=", None),
        where(EmbeddingDocument.pending_since, "<", clock.now() - INDEX_LATE_S),
    )
    if late:
        raise Down(f"{late} products have waited for the index for over {INDEX_LATE_S} s")
    newest = index_versions.list(order_by=IndexVersionDocument.built_epoch, descending=True, limit=1).items
    if not newest:
        return "no version yet"
    return f"{newest[0].version}, {clock.now() - newest[0].built_epoch:.0f} s old"


INDEX_LATE_S = 300


def vto_container() -> str | None:
    """The try-on container's health, whether it takes our token, and whether it has the engines that callers may
    choose: asking after no run at all costs nothing."""
    from shared.vto import engines
    from shared.vto.client import VtoClient, bearer
    from shared.vto.settings import vto_settings

    conf = vto_settings()
    if not conf.vto_url:
        raise NotConfigured("VTO_URL")
    container = VtoClient(conf.vto_url, bearer(), patience_s=0, slack_s=observe_settings().probe_timeout_s)
    try:
        container.get_run("probe")
        health = container.health()
    except StudioError as error:
        raise Down(error.message) from None
    if lacking := sorted(set(engines.offered()) - set(engines.HOSTED) - set(health.engines)):
        raise Down(f"it was not set up for {', '.join(lacking)}, which TRYON_ENGINES offers")
    if health.failed:
        raise Down(f"it can't load {', '.join(health.failed)}")
    return f"{health.engine}: {health.state}, {health.queue.waiting} of {health.queue.capacity} waiting"


def gemini() -> str | None:
    """What the model is: free, and true only with a key that holds and a model that exists."""
    conf = gemini_settings()
    if conf.gemini_api_key is None:
        raise NotConfigured("GEMINI_API_KEY")
    base = (conf.gemini_base_url or "https://generativelanguage.googleapis.com").rstrip("/")
    url = f"{base}/{API_VERSION}/models/{quote(conf.gemini_model)}"
    _get(url, {"x-goog-api-key": conf.gemini_api_key.get_secret_value()}, missing="the model does not exist")
    return conf.gemini_model


def email() -> str | None:
    """Whether the service's endpoint answers; every authenticated call of it is about one message."""
    connection = notification_settings().email_connection
    if connection is None:
        raise NotConfigured("EMAIL_CONNECTION")
    parts = dict(part.split("=", 1) for part in connection.get_secret_value().split(";") if "=" in part)
    return _get(parts["endpoint"])


def sms() -> str | None:
    """The account itself, which costs nothing and needs the token to hold."""
    conf = notification_settings()
    if conf.twilio_account_sid is None or conf.twilio_auth_token is None:
        raise NotConfigured("TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN")
    base = (conf.twilio_base_url or "https://api.twilio.com").rstrip("/")
    credentials = (conf.twilio_account_sid, conf.twilio_auth_token.get_secret_value())
    return _get(f"{base}/2010-04-01/Accounts/{quote(conf.twilio_account_sid)}.json", auth=credentials)


def webpubsub() -> str | None:
    """The service's own health, which needs no key."""
    connection = notification_settings().webpubsub_connection
    if connection is None:
        raise NotConfigured("WEBPUBSUB_CONNECTION")
    parts = dict(part.split("=", 1) for part in connection.get_secret_value().split(";") if "=" in part)
    parts = {name.lower(): value for name, value in parts.items()}
    port = f":{parts['port']}" if parts.get("port") else ""
    return _get(f"{parts['endpoint'].rstrip('/')}{port}/api/health")


def paypal() -> str | None:
    """Whether the API answers at all; a token is minted only when there is something to pay."""
    conf = paypal_settings()
    if conf.paypal_client_id is None:
        raise NotConfigured("PAYPAL_CLIENT_ID")
    return _get(conf.paypal_base_url)


PROBES: Mapping[str, Probe] = {
    "settings": every_setting,
    "documents": documents,
    "blobs": blob_storage,
    "queues": queue_storage,
    "models": models,
    "search_index": search_index,
    "vto_container": vto_container,
    "gemini": gemini,
    "email": email,
    "sms": sms,
    "webpubsub": webpubsub,
    "paypal": paypal,
}


def _get(
    url: str,
    headers: Mapping[str, str] | None = None,
    *,
    auth: tuple[str, str] | None = None,
    missing: str | None = None,
) -> str:
    """One GET: any status but 401, 403 and 5xx means that the service is up; 404 too, unless `missing` is given.

    Raises:
        Down: it is not, or our key is refused.
    """
    import requests

    limit = observe_settings().probe_timeout_s
    try:
        # Only the status is read: whatever the body is, and however long, it is left.
        with requests.get(
            url, headers=dict(headers or {}), auth=auth, timeout=limit, allow_redirects=False, stream=True
        ) as response:
            status = response.status_code
    except requests.Timeout:
        raise Down("no answer in time") from None
    except requests.RequestException as error:
        raise Down(f"can't be reached: {type(error).__name__}") from None
    if status in (401, 403) and (auth or headers):
        raise Down(f"our key is refused ({status})")
    if status >= 500:
        raise Down(f"answered {status}")
    if status == 404 and missing:
        raise Down(missing)
    return f"answers ({status})"


def ask(probes: Mapping[str, Probe], limit_s: float) -> dict[str, ProbeResult]:
    """Run probes side by side; none takes longer than `limit_s` seconds."""
    found: dict[str, ProbeResult] = {}
    started = time.perf_counter()

    def since() -> float:
        return round((time.perf_counter() - started) * 1000, 1)

    def run(name: str, probe: Probe) -> None:
        status: Standing = "ok"
        try:
            note = probe()
        except NotConfigured as missing:
            status, note = "not_configured", str(missing)
        except Exception as error:
            status = "failed"
            note = telemetry.redact(str(error) if isinstance(error, Down) else type(error).__name__)
        found[name] = ProbeResult(status=status, latency_ms=since(), note=note)

    threads = [threading.Thread(target=run, args=pair, daemon=True, name=f"probe-{pair[0]}") for pair in probes.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, limit_s - (time.perf_counter() - started)))
    late = ProbeResult(status="failed", latency_ms=since(), note=f"no answer within {limit_s:g} s")
    return {name: found.get(name, late) for name in probes}


_lock = threading.Lock()
_known: tuple[float, dict[str, ProbeResult]] | None = None


def results() -> Mapping[str, ProbeResult]:
    """What every probe said, `PROBE_CACHE_S` ago at most."""
    global _known
    with _lock:
        at = time.monotonic()
        if _known is None or _known[0] <= at:
            found = ask(PROBES, observe_settings().probe_timeout_s)
            for name, result in found.items():
                if result.status == "failed":
                    telemetry.log("probe.failed", level="warning", probe=name, note=result.note)
            _known = (time.monotonic() + observe_settings().probe_cache_s, found)
        return _known[1]
