"""Probes: in parallel, each with its own time limit, and how a failure is reported."""

from __future__ import annotations

import http.server
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from http_calls import App, fresh_store

from emulators.azurite import Azurite
from emulators.stack import ROOT
from functions.observe import probes
from functions.observe.blueprint import bp
from functions.observe.models import Health
from functions.observe.process import quantile
from shared.errors import StudioError
from shared.http.version import VERSION


@pytest.fixture
def change(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    with fresh_store(tmp_path, monkeypatch) as change:  # type: ignore[arg-type]
        monkeypatch.setattr(probes, "_known", None)
        yield change


@pytest.fixture
def asked() -> list[str]:
    """Paths that the provider was asked for."""
    return []


@pytest.fixture
def provider(asked: list[str]) -> Iterator[Callable[[int], str]]:
    """A provider that answers with the given status; -1 never answers."""
    opened: list[http.server.ThreadingHTTPServer] = []
    over = threading.Event()

    def start(status: int) -> str:
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append(self.path)
                if status < 0:
                    over.wait(10)
                    return
                self.send_response(status)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                return

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        opened.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    over.set()
    for server in opened:
        server.shutdown()
        server.server_close()


def test_a_hanging_probe_delays_no_other() -> None:
    over = threading.Event()
    started = time.monotonic()
    found = probes.ask({"hangs": lambda: str(over.wait(30)), "works": lambda: "fine"}, 0.3)
    assert time.monotonic() - started < 10
    over.set()
    assert (found["works"].status, found["works"].note) == ("ok", "fine")
    assert (found["hangs"].status, found["hangs"].note) == ("failed", "no answer within 0.3 s")


def test_an_unexpected_error_is_reported_by_its_kind_alone() -> None:
    def leaks() -> str:
        raise RuntimeError("AccountKey=topsecret")

    def refuses() -> str:
        raise StudioError("key=topsecret of ada@example.com")

    found = probes.ask({"leaks": leaks, "refuses": refuses}, 1)
    assert [found[name].note for name in ("leaks", "refuses")] == ["RuntimeError", "StudioError"]


def patience(status: int) -> str:
    """Seconds to wait for a provider; one that never answers is not waited for."""
    return "0.5" if status < 0 else "60"


@pytest.mark.parametrize(
    ("status", "standing", "note"),
    [
        (200, "ok", "gemini-3.1-flash-image"),
        (401, "failed", "our key is refused (401)"),
        (403, "failed", "our key is refused (403)"),
        (404, "failed", "the model does not exist"),
        (500, "failed", "answered 500"),
        (503, "failed", "answered 503"),
        (-1, "failed", "no answer in time"),
    ],
)
def test_what_gemini_answers(
    change: Callable[..., None], provider: Callable[[int], str], status: int, standing: str, note: str
) -> None:
    change(GEMINI_API_KEY="k", GEMINI_BASE_URL=provider(status), PROBE_TIMEOUT_S=patience(status))
    found = probes.ask({"gemini": probes.gemini}, 90)["gemini"]
    assert (found.status, found.note) == (standing, note)


def test_a_host_that_is_not_there(change: Callable[..., None]) -> None:
    change(GEMINI_API_KEY="k", GEMINI_BASE_URL="http://127.0.0.1:9")
    assert probes.ask({"gemini": probes.gemini}, 90)["gemini"].note == "can't be reached: ConnectionError"


@pytest.mark.parametrize(
    ("status", "note"),
    [
        (200, "the try-on container's response can't be read"),
        (401, "the try-on container refuses our token (401)"),
        (404, "the try-on container is not available (404)"),
        (503, "the try-on container is not available (503)"),
        (-1, "the try-on container does not respond"),
    ],
)
def test_something_else_at_the_containers_address_is_reported(
    change: Callable[..., None], provider: Callable[[int], str], status: int, note: str
) -> None:
    change(VTO_URL=provider(status), VTO_TOKEN="a token", PROBE_TIMEOUT_S=patience(status))
    found = probes.ask({"vto_container": probes.vto_container}, 90)["vto_container"]
    assert (found.status, found.note) == ("failed", note)


def test_what_is_not_set_up_is_no_failure(change: Callable[..., None]) -> None:
    names = ("vto_container", "gemini", "email", "sms", "webpubsub", "paypal")
    found = probes.ask({name: probes.PROBES[name] for name in names}, 5)
    assert {result.status for result in found.values()} == {"not_configured"}


def test_a_failure_makes_503_and_is_named_and_only_the_key_opens_the_details(
    change: Callable[..., None], azurite: Azurite, provider: Callable[[int], str]
) -> None:
    gemini = {"GEMINI_API_KEY": "k", "GEMINI_BASE_URL": provider(503)}
    waits = {"PROBE_TIMEOUT_S": "60", "PROBE_CACHE_S": "600"}
    change(PROBE_KEY="a probe key", Storage=azurite.connection_string, **gemini, **waits)
    app = App(bp)
    plain = app("health", query={"probe": "all"})
    assert plain.status == 503
    assert plain.body["failed"] == ["gemini"] and plain.body["details"] is None
    assert (plain.body["probes"]["documents"], plain.body["probes"]["gemini"]) == ("ok", "failed")
    assert app("health", query={"probe": "all"}, headers={"X-Probe-Key": "guess"}).body["details"] is None
    assert app("health", query={"probe": "all"}, token="guess").body["details"] is None
    full = app("health", query={"probe": "all"}, headers={"X-Probe-Key": "a probe key"})
    assert full.body["details"]["gemini"]["note"] == "answered 503"


def test_liveness_touches_nothing(change: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    from shared.documents import store

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("liveness asked the store")

    for method in ("read", "find", "query", "create", "patch", "upsert"):
        monkeypatch.setattr(type(store()), method, refuse)
    assert App(bp)("health").status == 200


def test_many_who_ask_are_served_by_one_round(
    change: Callable[..., None], azurite: Azurite, provider: Callable[[int], str], asked: list[str]
) -> None:
    gemini = {"GEMINI_API_KEY": "k", "GEMINI_BASE_URL": provider(200)}
    change(Storage=azurite.connection_string, PROBE_TIMEOUT_S="60", PROBE_CACHE_S="600", **gemini)
    found = [probes.results()["gemini"].status for _ in range(5)]
    assert found == ["ok"] * 5
    assert len(asked) == 1


def test_quantiles_are_those_of_prometheus() -> None:
    buckets = {0.1: 10.0, 0.5: 60.0, 1.0: 100.0, float("inf"): 100.0}
    assert quantile(buckets, 0.5) == pytest.approx(0.1 + 0.4 * 40 / 50)
    assert quantile(buckets, 0.95) == pytest.approx(0.5 + 0.5 * 35 / 40)
    assert quantile({0.1: 0.0, float("inf"): 4.0}, 0.99) == 0.1
    assert quantile({0.1: 0.0, float("inf"): 0.0}, 0.5) == 0.0


FIRST_CALL = """
import sys, types
import azure.functions as func
import function_app
health = next(f for f in function_app.app.get_functions() if f.get_function_name() == "health").get_user_function()
context = types.SimpleNamespace(trace_context=types.SimpleNamespace(Traceparent=None))
assert health(func.HttpRequest("GET", "http://127.0.0.1/api/health", body=b""), context).status_code == 200
print(*sys.modules)
"""


@pytest.mark.processes
def test_liveness_answers_what_its_model_says_without_importing_it(change: Callable[..., None]) -> None:
    answered = App(bp)("health")
    assert answered.raw == Health(version=VERSION).model_dump_json(by_alias=True).encode()
    done = subprocess.run([sys.executable, "-c", FIRST_CALL], capture_output=True, text=True, check=True, cwd=ROOT)
    assert not {"pydantic", "opentelemetry", "prometheus_client", "shared.settings"} & set(done.stdout.split())
