"""The container killed, asked to stop, too busy, and with engines that hang and crash."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from quick import eventually
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
    """Finish a run in a thread; the returned function waits for what became of it."""
    found: list[TryOnResult | StudioError] = []
    client = VtoClient(container.url, lambda: container.environment["VTO_TOKEN"], patience_s=20)

    def finish() -> None:
        try:
            found.append(client.finish(request, 30, look_s=0.2, on_run=lambda run: None, **options))
        except StudioError as error:
            found.append(error)

    thread = threading.Thread(target=finish)
    thread.start()

    def result() -> TryOnResult | StudioError:
        thread.join(40)
        return found[0]

    return result


def running(container: Container, request: TryOnRequest) -> None:
    """Wait until the run has taken a step."""

    def moves() -> bool:
        run = container.client.state(request.job_id)
        return run is not None and run.progress > 0.1

    eventually(moves, "the run")


def engine_pid(container: Container) -> int:
    """The engines' process."""
    told = [path.read_text() for path in Path(f"/proc/{container.process.pid}/task").glob("*/children")]
    (pid,) = {int(word) for text in told for word in text.split()}
    return pid


def test_killed_in_the_middle_and_started_again_it_finishes_what_is_asked_for_again(
    make_container: Make, ask: Ask
) -> None:
    container = make_container(VTO_QUEUE="1")
    request = ask(seed=SLOW, steps=12)
    caller = later(container, request)
    running(container, request)
    engine = engine_pid(container)
    container.kill()
    # nobody is left to work for
    eventually(lambda: not Path(f"/proc/{engine}").exists(), "the end of the engine")
    assert blobs.info("tryon", f"{request.output.prefix}/report.json") is None
    container.start()
    result = caller()
    assert isinstance(result, TryOnResult)
    assert blobs.info("tryon", result.samples[0].image) is not None

    # asked to stop, it hands back what waits and finishes what runs
    runs, waits, one_more = ask(seed=SLOW, steps=8), ask(), ask()
    first = later(container, runs)
    running(container, runs)
    second = later(container, waits)
    eventually(lambda: container.client.state(waits.job_id), "the second run")
    waiting = container.client.state(waits.job_id)
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


def test_engines_that_hang_or_crash_end_alone_and_one_that_goes_on_so_is_replaced(
    make_container: Make, ask: Ask, tmp_path: Path
) -> None:
    models = f"later-{tmp_path.name}"
    container = make_container(
        VTO_JOB_TIMEOUT_S="1", VTO_BREAKDOWNS="2", VTO_KEEP="1", VTO_GRACE_S="0.3", VTO_EAGER="true", TINY_LOAD_S="0.5",
        VTO_MODELS_FROM=f"models/{models}", MODELS_DIR=str(tmp_path),
    )  # fmt: skip
    ready = requests.get(container.url + "/ready", timeout=5)
    assert (ready.status_code, ready.json()["reason"]) == (503, "loading")
    # the weights come after the container: it tries again
    eventually(lambda: requests.get(container.url + "/ready", timeout=5).json()["reason"] == "failed", "the first try")
    blobs.put("models", f"{models}/weights.onnx", b"0" * 100, content_type="application/octet-stream")
    eventually(lambda: requests.get(container.url + "/ready", timeout=5).status_code == 200, "readiness")
    first = ask()
    result = container.client.finish(first, 10)

    for seed, code in (
        (HANG, "ENGINE_TIMEOUT"),
        (0, None),
        (CRASH, "ENGINE_FAILED"),
        (0, None),
        (RAISE, "ENGINE_FAILED"),
    ):
        if code is None:
            assert container.client.finish(ask(seed=seed), 10)
            continue
        with pytest.raises(StudioError) as failed:
            container.client.finish(ask(seed=seed), 10)
        assert (failed.value.code, failed.value.retryable) == (code, True)
        assert container.client.health().status == "ok"
    assert "an engine's own fault" in container.log.read_text()

    # from outside
    slow = ask(seed=SLOW, steps=9)
    caller = later(container, slow)
    running(container, slow)
    os.kill(engine_pid(container), signal.SIGKILL)
    assert isinstance(caller(), errors.EngineFailed)

    health = requests.get(container.url + "/health", timeout=5)
    assert (health.status_code, health.json()["status"]) == (503, "failing")
    assert requests.get(container.url + "/ready", timeout=5).json()["reason"] == "failing"
    assert container.client.finish(ask(), 10)
    assert container.client.health().status == "ok"

    # long forgotten, yet committed: what is asked for again is not made again
    assert container.client.state(first.job_id) is None
    assert container.client.finish(first, 10) == result
    assert f'"event": "vto.run_known", "jobId": "{first.job_id}"' in container.log.read_text()

    # asked to stop in a run that is longer than the grace, it hands it back and leaves nothing that counts
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
    ("settings", "told"),
    [
        ({"VTO_TOKEN": ""}, "set VTO_TOKEN, or VTO_TENANT"),
        ({"VTO_TOKEN": "short"}, "VTO_TOKEN is shorter than 32 bytes"),
        ({"VTO_TENANT": "00000000-0000-0000-0000-000000000001"}, "VTO_TENANT needs VTO_AUDIENCE and VTO_CLIENTS"),
        ({"VTO_ENGINE": "nothing"}, "names nothing, which is no engine"),
        ({"ENVIRONMENT": "production"}, "holds a development secret"),
    ],
)
def test_unsafe_settings_stop_the_start(
    local: dict[str, str], monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], told: str
) -> None:
    from shared import settings as shared_settings
    from shared.errors import ConfigurationError
    from vto_container.settings import settings as own

    for name, value in {"SERVICE": "vto", "VTO_TOKEN": "t" * 40, **settings}.items():
        monkeypatch.setenv(name, value)
    shared_settings.forget()
    own.cache_clear()
    try:
        with pytest.raises(ConfigurationError, match=told):
            own()
    finally:
        own.cache_clear()
