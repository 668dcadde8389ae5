"""The try-on container's Bicep and its hook agree with the container, which is not reachable from outside."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import urllib.request
from functools import partial
from pathlib import Path

import pytest
from quick import eventually

from cli.settings import groups, variables
from emulators.with_parent import parent_pipe, program
from vto_container.engines.fashn import SHA256

pytestmark = pytest.mark.processes

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "infra/app/vto.bicep").read_text()


def test_every_setting_is_one_the_container_reads() -> None:
    given = set(re.findall(r"\{ name: '(\w+)', (?:value|secretRef):", TEXT))
    known = {name for group in groups() for name in variables(group)} | {"AZURE_CLIENT_ID"}
    assert given
    assert given <= known
    assert {"VTO_TOKEN", "Storage__blobServiceUri", "MODELS_DIR"} <= given


def test_it_scales_to_zero_and_is_reachable_from_inside_only() -> None:
    for rule in ("minReplicas: 0", "internal: true", "allowInsecure: false", "adminUserEnabled: false",
                 "affinity: 'sticky'", "Consumption-GPU-NC24-A100"):  # fmt: skip
        assert rule in TEXT
    grace = re.search(r"terminationGracePeriodSeconds: (\d+)", TEXT)
    given = re.search(r"VTO_GRACE_S', value: '(\d+)'", TEXT)
    assert grace
    assert given
    # The current run's grace, a second to stop, and the time to answer callers.
    assert int(given[1]) + 5 <= int(grace[1])


def test_the_app_offers_the_engines_that_the_container_was_set_up_for() -> None:
    assert "TRYON_ENGINES: vtoEngines" in (ROOT / "infra/app/api.bicep").read_text()
    assert "vtoEngines: vto.outputs.engines" in (ROOT / "infra/main.bicep").read_text()
    engines = re.search(r"output engines string = string\((.*)\)$", TEXT, re.MULTILINE)
    assert engines
    assert re.findall(r"'(\w+)'", engines[1]) == ["fashn", "compact", "compact", "gemini"]


def test_secrets_come_from_the_vault() -> None:
    vault = (ROOT / "infra/app/vault.bicep").read_text()
    for name in re.findall(r"secretRef: '([^']+)'", TEXT):
        assert f"name: '{name}'" in vault
        assert f"name: '{name}', keyVaultUrl: '${{secretsUri}}{name}'" in TEXT


def hook(folder: Path, **settings: str) -> tuple[int, list[str], str]:
    az = folder / "az"
    az.write_text('#!/bin/sh\nprintf \'%s\\n\' "$*" >> "$CALLS"\n[ "$(grep -c . "$CALLS")" -gt "${REFUSED:-0}" ]\n')
    az.chmod(0o755)
    calls = folder / "calls"
    calls.touch()
    place = folder / "infra" / "hooks"
    place.mkdir(parents=True)
    for script in (ROOT / "infra/hooks").iterdir():
        (place / script.name).write_bytes(script.read_bytes())
    env = {"PATH": f"{folder}:{os.environ['PATH']}", "CALLS": str(calls), "AZURE_STORAGE_NAME": "st",
           "RETRY_PAUSE_S": "0", **settings}  # fmt: skip
    ended = subprocess.run(["sh", place / "models.sh"], env=env, capture_output=True, text=True, check=False)
    return ended.returncode, calls.read_text().splitlines(), ended.stderr


def test_the_models_are_uploaded_where_the_container_expects_them(tmp_path: Path) -> None:
    status, calls, _ = hook(tmp_path)
    assert status == 0
    assert len(calls) == 2
    for call in calls:
        assert "--destination models --destination-path shipped" in call
    assert "VTO_MODELS_FROM', value: 'models/shipped'" in TEXT


def test_an_upload_is_repeated_until_the_role_is_honoured(tmp_path: Path) -> None:
    status, calls, said = hook(tmp_path, REFUSED="3")
    assert (status, len(calls)) == (0, 5)
    assert said.count("trying again") == 3


def test_an_upload_that_is_always_refused_fails(tmp_path: Path) -> None:
    status, calls, said = hook(tmp_path, REFUSED="99")
    assert status == 1
    assert len(calls) == 8
    assert "gave up" in said


def test_the_placeholder_answers_the_probes_and_gives_way_to_the_service(tmp_path: Path) -> None:
    """The command of the first revision, with the path and the port of this test in place of the image's."""
    written = re.search(r"var placeholderCommand = '(.*)'$", TEXT, re.MULTILINE)
    assert written
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = written[1].replace("\\'", "'").replace("8080", str(port)).replace("python", sys.executable)
    app = tmp_path / "app"
    command = command.replace("/app/vto_container", str(app / "vto_container"))
    running = subprocess.Popen(
        program("sh", "-c", command), cwd=tmp_path, stdin=parent_pipe(), stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    try:
        for probe in re.findall(r"path: '(/\w+)', port: 8080", TEXT):
            assert eventually(partial(answers, port, probe), "the answer to a probe") == 200
    finally:
        running.terminate()
        running.wait()
    module = app / "vto_container"
    module.mkdir(parents=True)
    (module / "__main__.py").write_text("import sys; print('service', *sys.argv[1:])")
    done = subprocess.run(["sh", "-c", command], cwd=app, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["service", "--host", "0.0.0.0", "--port", str(port)]


def answers(port: int, path: str) -> int:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}") as answer:
            return answer.status
    except OSError:
        return 0


@pytest.mark.parametrize("pulled", [False, True])
def test_the_gpu_needs_fashns_weights(tmp_path: Path, pulled: bool) -> None:
    if pulled:
        for name in SHA256:
            path = tmp_path / ".studio/weights/fashn" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    status, calls, said = hook(tmp_path, VTO_PROFILE="a100")
    assert (status == 0) is pulled
    assert ("models pull fashn" in said) is not pulled
    assert any("--destination-path fashn" in call for call in calls) is pulled
