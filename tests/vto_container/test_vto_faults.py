"""The container killed, stopped, busy, and with engines that hang and crash."""

from __future__ import annotations

import os
import secrets
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from quick import PATIENCE_S, eventually
from tiny_engine import CRASH, HANG, RAISE, SLOW
from vto_process import Container

from shared import blobs
from shared.errors import StudioError
from shared.vto import errors
from shared.vto.client import VtoClient
from shared.vto.protocol import TryOnRequest, TryOnResult

type Ask = Callable[..., TryOnRequest]
type Make = Callable[..., Container]


def later(container: Container, request: TryOnRequest, **options: Any) -> Callable[[], TryOnResult | StudioError]:
    """Finish a run in a thread; the returned function waits for its outcome."""
    found: list[TryOnResult | StudioError] = []
    client = VtoClient(container.url, lambda: container.environment["VTO_TOKEN"], patience_s=20)

    def finish() -> None:
        try:
            found.append(client.finish(request, 30, poll_s=0.2, on_run=lambda run: None, **options))
        except StudioError as error:
            found.append(error)

    thread = threading.Thread(target=finish)
    thread.start()

    def result() -> TryOnResult | StudioError:
        thread.join(40)
        return found[0]

    return result


def running(container: Container, request: TryOnRequest) -> None:
    """Wait until the run has made progress."""

    def moves() -> bool:
        run = container.client.get_run(request.job_id)
        return run is not None and run.progress > 0.1

    eventually(moves, "the run")


def engine_pid(container: Container) -> int:
    """The pid of the engine process."""
    children = [path.read_text() for path in Path(f"/proc/{container.process.pid}/task").glob("*/children")]
    (pid,) = {int(word) for text in children for word in text.split()}
    return pid


def test_a_container_killed_during_a_run_finishes_it_when_it_is_requested_again(make_container: Make, ask: Ask) -> None:
    container = make_container(VTO_QUEUE="1")
    request = ask(seed=SLOW, steps=12)
    caller = later(container, request)
    running(container, request)
    engine = engine_pid(container)
    container.kill()
    eventually(lambda: not Path(f"/proc/{engine}").exists(), "the end of the engine")
    assert blobs.info("tryon", f"{request.output.prefix}/report.json") is None
    container.start()
    result = caller()
    assert isinstance(result, TryOnResult)
    assert blobs.info("tryon", result.samples[0].image) is not None

    # On SIGTERM it hands back waiting runs and finishes the current one.
    runs, waits, one_more = ask(seed=SLOW, steps=8), ask(), ask()
    first = later(container, runs)
    running(container, runs)
    second = later(container, waits)
    eventually(lambda: container.client.get_run(waits.job_id), "the second run")
    waiting = container.client.get_run(waits.job_id)
    assert waiting is not None
    assert (waiting.status, waiting.position) == ("queued", 1)
    with pytest.raises(errors.EngineBusy) as busy:
        container.client.submit(one_more)
    assert busy.value.retryable
    assert busy.value.retry_after
    container.process.terminate()
    handed_back, done = second(), first()
    assert isinstance(handed_back, errors.EngineUnavailable)
    assert "hands the run back" in handed_back.message
    assert isinstance(done, TryOnResult)
    assert container.process.wait(10) == 0


def test_a_hanging_or_crashing_engine_fails_alone_and_repeated_failures_fail_the_health_check(
    make_container: Make, ask: Ask, tmp_path: Path
) -> None:
    models = f"later-{tmp_path.name}"
    container = make_container(
        VTO_JOB_TIMEOUT_S="6", VTO_BREAKDOWNS="2", VTO_KEEP="1", VTO_GRACE_S="0.3", VTO_EAGER="true", TINY_LOAD_S="0.5",
        VTO_MODELS_FROM=f"models/{models}", MODELS_DIR=str(tmp_path),
    )  # fmt: skip
    ready = requests.get(container.url + "/ready", timeout=5)
    assert (ready.status_code, ready.json()["reason"]) == (503, "loading")
    # The weights arrive after the start: it tries again.
    eventually(lambda: requests.get(container.url + "/ready", timeout=5).json()["reason"] == "failed", "the first try")
    blobs.put("models", f"{models}/weights.onnx", b"0" * 100, content_type="application/octet-stream")
    eventually(lambda: requests.get(container.url + "/ready", timeout=5).status_code == 200, "readiness")
    first = ask()
    result = container.client.finish(first, PATIENCE_S)

    for seed, code in (
        (HANG, "engine_timeout"),
        (0, None),
        (CRASH, "engine_failed"),
        (0, None),
        (RAISE, "engine_failed"),
    ):
        if code is None:
            assert container.client.finish(ask(seed=seed), PATIENCE_S)
            continue
        with pytest.raises(StudioError) as failed:
            container.client.finish(ask(seed=seed), PATIENCE_S)
        assert (failed.value.code, failed.value.retryable) == (code, True)
        assert container.client.health().status == "ok"
    assert "an engine's own fault" in container.log.read_text()

    # Killed from outside.
    slow = ask(seed=SLOW, steps=9)
    caller = later(container, slow)
    running(container, slow)
    os.kill(engine_pid(container), signal.SIGKILL)
    assert isinstance(caller(), errors.EngineFailed)

    health = requests.get(container.url + "/health", timeout=5)
    assert (health.status_code, health.json()["status"]) == (503, "failing")
    assert requests.get(container.url + "/ready", timeout=5).json()["reason"] == "failing"
    assert container.client.finish(ask(), PATIENCE_S)
    assert container.client.health().status == "ok"

    # Forgotten by the container, but committed: the same request is not executed again.
    assert container.client.get_run(first.job_id) is None
    assert container.client.finish(first, PATIENCE_S) == result
    assert f'"event": "vto.run_known", "jobId": "{first.job_id}"' in container.log.read_text()

    # On SIGTERM during a run longer than the grace period, it hands the run back and leaves no result.
    request = ask(seed=SLOW, steps=100)
    caller = later(container, request)
    running(container, request)
    container.process.terminate()
    eventually(lambda: requests.get(container.url + "/ready", timeout=5).json()["reason"] == "draining", "draining")
    with pytest.raises(errors.EngineUnavailable):
        container.client.submit(ask())
    handed_back = caller()
    assert isinstance(handed_back, errors.EngineUnavailable)
    assert handed_back.retryable
    assert "hands the run back" in handed_back.message
    assert container.process.wait(10) == 0
    assert not list(blobs.listing("tryon", request.output.prefix))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"VTO_TOKEN": ""}, "set VTO_TOKEN, or VTO_TENANT"),
        ({"VTO_TOKEN": "short"}, "VTO_TOKEN is shorter than 32 bytes"),
        ({"VTO_TENANT": "00000000-0000-0000-0000-000000000001"}, "VTO_TENANT needs VTO_AUDIENCE and VTO_CLIENTS"),
        ({"VTO_ENGINE": "nothing"}, "names nothing, which is not an engine"),
        ({"ENVIRONMENT": "production"}, "holds a development secret"),
    ],
)
def test_unsafe_settings_prevent_the_start(
    local: dict[str, str], monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], message: str
) -> None:
    from shared import settings as shared_settings
    from shared.errors import ConfigurationError
    from vto_container.settings import check_settings

    for name, value in {"VTO_TOKEN": secrets.token_urlsafe(40), **settings}.items():
        monkeypatch.setenv(name, value)
    shared_settings.forget()
    with pytest.raises(ConfigurationError, match=message):
        check_settings()
