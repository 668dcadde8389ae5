"""What a try-on costs: nothing if it fails, is refused or of low quality; a cancellation once a provider was called."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from azure.core.pipeline.transport import RequestsTransport
from quick import eventually

from functions.convert import service as conversions
from functions.convert.models import ConversionRequest
from functions.tryon import hosted
from shared.commerce import quota
from shared.documents import store
from shared.jobs import control, protocol
from shared.settings import forget
from tests.functions.tryon.tryon_shopper import Shopper

pytestmark = pytest.mark.processes


@pytest.fixture
def providers(
    shopper: Shopper, configure: Callable[..., None], emulated: dict[str, dict[str, Any]]
) -> dict[str, dict[str, Any]]:
    facts = {name: emulated[name] for name in ("gemini", "fashn")}
    for one in facts.values():
        requests.post(f"{one['url']}/_emulator/reset", timeout=5).raise_for_status()
    configure(
        GEMINI_API_KEY=facts["gemini"]["apiKey"], GEMINI_BASE_URL=facts["gemini"]["url"],
        FASHN_API_KEY=facts["fashn"]["apiKey"], FASHN_BASE_URL=facts["fashn"]["url"],
        TRYON_ENGINES='["tiny", "gemini", "fashn-api"]', FREE_CANCELLATIONS="2", GEMINI_TIMEOUT_S="30",
    )  # fmt: skip
    hosted.forget()
    return facts


def ask(shopper: Shopper, id: str, door: str, engine: str) -> None:
    if door == "tryon":
        shopper.ask(id, engine=engine, mode="queued")
        return
    wanted = {"personImageId": "person", "garmentImageId": "shirt", "engine": engine}
    conversions.create_conversion(
        shopper.user, id, ConversionRequest.model_validate_json(json.dumps(wanted)), "request-1"
    )


def fault(facts: dict[str, Any], **posted: Any) -> None:
    requests.post(f"{facts['url']}/_emulator/faults", json=posted, timeout=5).raise_for_status()


def calls(facts: dict[str, Any]) -> int:
    """Calls that cost money."""
    log = requests.get(f"{facts['url']}/_emulator/requests", timeout=5).json()["requests"]
    return len([entry for entry in log if entry["method"] == "POST"])


DOORS = [("tryon", "gemini"), ("conversions", "gemini"), ("tryon", "fashn-api"), ("conversions", "fashn-api")]


@pytest.mark.parametrize(("door", "engine"), DOORS)
def test_each_engine_behind_each_door_is_billed_once_and_named(
    shopper: Shopper, providers: dict[str, Any], door: str, engine: str
) -> None:
    ask(shopper, "a", door, engine)
    assert shopper.drive("a").status == "completed"
    shown = shopper.get("a")
    assert (shown.engine, shown.billed, shopper.used()) == (engine, True, 1)
    assert (shown.preview, shown.results[0].engine) == (False, engine)
    assert shown.results[0].report.provenance == ["xmp"]
    assert shopper.notified_events() == [f"{'conversion' if door == 'conversions' else 'tryon'}.completed"]
    if door == "conversions":
        seen = conversions.get_conversion(shopper.user, "a")
        assert (seen.engine, seen.engine_label, seen.billed) == (engine, shown.engine_label, True)
        assert seen.result_image is not None


@pytest.mark.parametrize(("door", "engine"), DOORS)
def test_a_committed_result_is_not_paid_twice(
    shopper: Shopper, providers: dict[str, Any], door: str, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from functions.tryon import worker

    ask(shopper, "a", door, engine)
    with monkeypatch.context() as patch:

        def die(*_: object) -> None:
            raise SystemExit

        patch.setattr(worker, "store_samples", die)
        with pytest.raises(SystemExit):
            shopper.deliver("a")
    store().patch("studio", "job:a", shopper.id, set={"leaseUntil": 1.0})
    assert shopper.drive("a").status == "completed"
    provider = providers["gemini" if engine == "gemini" else "fashn"]
    assert calls(provider) == 1
    assert shopper.used() == 1


def test_calls_of_storage_for_a_conversion(
    shopper: Shopper, providers: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each costs milliseconds of CPU and money: inputs are read once, results not read back, one message announces."""
    ask(shopper, "a", "conversions", "gemini")
    calls: list[str] = []
    send = RequestsTransport.send

    def counted(self: RequestsTransport, request: Any, **options: Any) -> Any:
        _, _, container, *name = urlsplit(request.url).path.split("/")
        if name:
            calls.append(f"{request.method} {container}")
        return send(self, request, **options)

    monkeypatch.setattr(RequestsTransport, "send", counted)
    assert shopper.deliver("a").status == "completed"
    assert Counter(calls) == {
        "GET images": 2, "PUT masks": 1, "PUT tryon": 4, "PUT thumbnails": 1, "POST delivery": 1,
    }  # fmt: skip


def cancelled_while_called(shopper: Shopper, id: str, door: str, engine: str, provider: dict[str, Any]) -> None:
    """Cancel while the provider has the call."""
    before = calls(provider)
    fault(provider, mode="slow", seconds=1.5, times=1, match="", on="generate" if engine == "gemini" else "status")
    ask(shopper, id, door, engine)
    running = threading.Thread(target=lambda: shopper.deliver(id))
    running.start()
    eventually(lambda: calls(provider) > before, "the call")
    control.request_cancel(shopper.job(id))
    running.join()
    eventually(lambda: shopper.job(id).status == "cancelled" or shopper.deliver(id).status == "cancelled", "the end")


@pytest.mark.parametrize(("door", "engine"), [("conversions", "gemini"), ("tryon", "fashn-api")])
def test_cancelling_after_the_call_keeps_the_charge_except_for_a_few_a_day(
    shopper: Shopper, providers: dict[str, Any], door: str, engine: str
) -> None:
    provider = providers["gemini" if engine == "gemini" else "fashn"]
    for n, (used, billed) in enumerate([(0, False), (0, False), (1, True), (2, True)]):
        cancelled_while_called(shopper, f"c{n}", door, engine, provider)
        assert (shopper.used(), shopper.get(f"c{n}").billed) == (used, billed), n
    assert calls(provider) == 4


def test_cancelling_before_the_call_is_always_free(shopper: Shopper, providers: dict[str, Any]) -> None:
    for n in range(4):
        ask(shopper, f"c{n}", "conversions", "gemini")
        control.request_cancel(shopper.job(f"c{n}"))
        assert shopper.deliver(f"c{n}").status == "cancelled"
    assert (shopper.used(), calls(providers["gemini"])) == (0, 0)


@pytest.mark.parametrize(
    ("engine", "posted", "code"),
    [
        ("gemini", {"mode": "image_safety"}, "content_refused"),
        ("gemini", {"mode": "error", "status": 400, "grpc": "INVALID_ARGUMENT"}, "gemini_refused"),
        ("fashn-api", {"mode": "failed", "name": "PoseError", "on": "run"}, "pose_not_found"),
        ("fashn-api", {"mode": "failed", "name": "ContentModerationError", "on": "run"}, "content_refused"),
        ("fashn-api", {"mode": "failed", "name": "PipelineError", "on": "run", "times": None}, "engine_failed"),
        ("gemini", {"mode": "not_image", "times": None}, "bad_picture"),
    ],
)
def test_refused_and_failed_runs_are_not_billed(
    shopper: Shopper, providers: dict[str, Any], engine: str, posted: dict[str, Any], code: str
) -> None:
    fault(providers["gemini" if engine == "gemini" else "fashn"], match="", **posted)
    ask(shopper, "a", "tryon", engine)
    ended = shopper.drive("a")
    assert ended.status == "failed" and ended.last_error is not None and ended.last_error.code == code
    assert (shopper.used(), shopper.get("a").billed) == (0, False)


def test_a_result_of_low_quality_is_not_billed(
    shopper: Shopper, providers: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from functions.tryon import worker

    monkeypatch.setattr(worker, "is_low", lambda _: True)
    ask(shopper, "a", "tryon", "tiny")
    assert shopper.drive("a").status == "completed"
    assert (shopper.used(), shopper.get("a").billed) == (0, False)


@pytest.mark.parametrize(("engine", "on"), [("gemini", None), ("fashn-api", "run")])
def test_a_refused_account_parks_both_doors(
    shopper: Shopper, providers: dict[str, Any], engine: str, on: str | None
) -> None:
    provider = providers["gemini" if engine == "gemini" else "fashn"]
    refused = {"mode": "answer", "status": 401, "body": {"error": {"code": 401, "status": "UNAUTHENTICATED"}}}
    fault(provider, times=3, match="", on=on, **refused)
    for id, door in (("a", "tryon"), ("b", "conversions")):
        ask(shopper, id, door, engine)
        waiting = shopper.deliver(id)
        assert (waiting.status, waiting.attempt) == ("retrying", 0)
        assert waiting.last_error is not None and waiting.last_error.code == "temporarily_unavailable"
    fault(provider, mode="slow", seconds=0, times=0, match="")
    requests.delete(f"{provider['url']}/_emulator/faults", timeout=5)
    for id in ("a", "b"):
        done = shopper.drive(id)
        assert (done.status, done.attempt) == ("completed", 1)


def test_both_doors_make_one_kind_of_job_and_document(shopper: Shopper, providers: dict[str, Any]) -> None:
    ask(shopper, "a", "tryon", "gemini")
    ask(shopper, "b", "conversions", "gemini")
    jobs = [protocol.load(f"job:{id}", shopper.id) for id in "ab"]
    assert {(job.kind, job.queue) for job in jobs} == {("tryon", "tryon")}
    documents = [store().read("studio", f"tryon:{id}", shopper.id) for id in "ab"]
    assert {document["type"] for document in documents} == {"tryon_job"}
    assert [document["door"] for document in documents] == ["tryon", "conversions"]
    assert quota.get_usage(shopper.id)[0] == 2
    forget()
