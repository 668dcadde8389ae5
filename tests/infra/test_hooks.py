"""The hook that subscribes the blob trigger to Event Grid, with a stand-in for the Azure command line."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from routes import app_functions

pytestmark = pytest.mark.processes

ROOT = Path(__file__).resolve().parents[2]
AZ = """#!/bin/sh
printf '%s\\n' "$*" >> "$CALLS"
case "$*" in
  *"keys list"*) n=$(grep -c "keys list" "$CALLS"); [ "$n" -lt "$KEY_AFTER" ] || echo secret-key;;
  *"event-subscription create"*) [ "$(grep -c "event-subscription create" "$CALLS")" -gt "${HANDSHAKES_LOST:-0}" ];;
esac
"""


def run(folder: Path, key_after: int, **settings: str) -> tuple[int, list[str], str]:
    """Run the hook; `az` has a key from its `key_after`-th answer on."""
    az = folder / "az"
    az.write_text(AZ)
    az.chmod(0o755)
    calls = folder / "calls"
    env = {
        "PATH": f"{folder}:{os.environ['PATH']}", "CALLS": str(calls), "KEY_AFTER": str(key_after),
        "RETRY_PAUSE_S": "0", "AZURE_RESOURCE_GROUP": "rg", "AZURE_FUNCTION_NAME": "func",
        "AZURE_FUNCTION_URL": "https://func.example", "AZURE_EVENTS_TOPIC": "topic", **settings,
    }  # fmt: skip
    ended = subprocess.run([ROOT / "infra/hooks/subscribe.sh"], env=env, capture_output=True, text=True, check=False)
    return ended.returncode, calls.read_text().splitlines(), ended.stderr


@pytest.mark.parametrize("key_after", [1, 3])
def test_the_trigger_is_subscribed_once_the_app_has_its_key(tmp_path: Path, key_after: int) -> None:
    status, calls, _ = run(tmp_path, key_after)
    assert (status, len(calls)) == (0, key_after + 1)
    assert "Host.Functions.vendor_drop&code=secret-key" in calls[-1]
    assert "containers/vendor-uploads/" in calls[-1]
    (trigger,) = [f for f in app_functions() if f.get_function_name() == "vendor_drop"]
    binding = trigger.get_trigger().get_dict_repr()
    assert str(binding["path"]).startswith("vendor-uploads/")


def test_an_app_without_functions_is_reported(tmp_path: Path) -> None:
    status, calls, said = run(tmp_path, 99)
    assert status == 1
    assert "blobs_extension" in said
    assert not [call for call in calls if "event-subscription" in call]


def test_a_handshake_that_only_woke_the_app_is_repeated(tmp_path: Path) -> None:
    status, calls, said = run(tmp_path, 1, HANDSHAKES_LOST="2")
    assert status == 0
    assert len([call for call in calls if "event-subscription" in call]) == 3
    assert "trying again" in said


def test_pauses_double_up_to_two_minutes(tmp_path: Path) -> None:
    sleep = tmp_path / "sleep"
    sleep.write_text('#!/bin/sh\necho "$1" >> "$CALLS.pauses"\n')
    sleep.chmod(0o755)
    status, _, _ = run(tmp_path, 99, RETRY_PAUSE_S="")
    pauses = [int(line) for line in (tmp_path / "calls.pauses").read_text().split()]
    assert status == 1
    assert pauses == [5, 10, 20, 40, 80, 120, 120]


def secrets(folder: Path, **settings: str) -> tuple[int, str, str]:
    """Run the hook before provisioning; what it stored, and what it said."""
    azd = folder / "azd"
    azd.write_text('#!/bin/sh\nprintf \'%s\\n\' "$*" >> "$CALLS"\n')
    azd.chmod(0o755)
    az = folder / "az"
    az.write_text(
        '#!/bin/sh\ncase "$*" in\n  *"resource list"*) echo "${FOUND:-}";;\n'
        '  *"containerapp show"*) echo "$IMAGE";;\nesac\n'
    )
    az.chmod(0o755)
    calls = folder / "calls"
    calls.touch()
    env = {"PATH": f"{folder}:{os.environ['PATH']}", "CALLS": str(calls), **settings}
    ended = subprocess.run([ROOT / "infra/hooks/prepare.sh"], env=env, capture_output=True, text=True, check=False)
    return ended.returncode, calls.read_text(), ended.stderr


def test_secrets_are_made_once(tmp_path: Path) -> None:
    status, stored, _ = secrets(tmp_path)
    assert status == 0
    first = dict(re.findall(r"^env set (\w+) (.+)$", stored, flags=re.MULTILINE))
    assert first.keys() == {"JWT_KEYS", "VTO_TOKEN"}
    assert len(json.loads(first["JWT_KEYS"])["k1"]) >= 32
    (tmp_path / "calls").unlink()
    assert secrets(tmp_path, **first)[:2] == (0, "")


@pytest.mark.parametrize(
    ("image", "kept"), [("cr1.azurecr.io/vto:2", True), ("docker.io/library/python:3.13-slim", False), ("", False)]
)
def test_an_image_that_was_deployed_from_elsewhere_is_kept(tmp_path: Path, image: str, kept: bool) -> None:
    given = {"JWT_KEYS": "{}", "VTO_TOKEN": "t", "FOUND": "/subscriptions/1/app", "IMAGE": image}
    status, stored, _ = secrets(tmp_path, **given)
    assert (status, stored) == (0, f"env set SERVICE_VTO_IMAGE_NAME {image}\n" if kept else "")
    assert secrets(tmp_path, **given, SERVICE_VTO_IMAGE_NAME="mine")[0] == 0


def test_a_pipeline_has_to_be_given_the_secrets(tmp_path: Path) -> None:
    status, stored, said = secrets(tmp_path, CI="true", VTO_TOKEN="t" * 32)
    assert (status, stored) == (1, "")
    assert "JWT_KEYS" in said


@pytest.mark.parametrize(
    ("profile", "built", "right"),
    [
        ("", "vto_container/Dockerfile", True),
        ("cpu", "vto_container/Dockerfile", True),
        ("a100", "vto_container/Dockerfile.cuda", True),
        ("a100", "vto_container/Dockerfile", False),
        ("cpu", "vto_container/Dockerfile.cuda", False),
        ("h200", "vto_container/Dockerfile", False),
    ],
)
def test_the_image_must_be_the_one_for_the_profile(tmp_path: Path, profile: str, built: str, right: bool) -> None:
    shutil.copytree(ROOT / "infra/hooks", tmp_path / "infra/hooks")
    lines = (ROOT / "azure.yaml").read_text().replace("path: vto_container/Dockerfile", f"path: {built}")
    (tmp_path / "azure.yaml").write_text(lines)
    env = {**os.environ, "VTO_PROFILE": profile}
    ended = subprocess.run([tmp_path / "infra/hooks/profile.sh"], env=env, capture_output=True, text=True, check=False)
    assert (ended.returncode == 0) is right
    assert right or "VTO_PROFILE" in ended.stderr


@pytest.mark.parametrize(
    ("url", "built", "missing"),
    [
        ("https://func.example", True, None),
        ("", True, "AZURE_FUNCTION_URL"),
        ("https://func.example", False, "web/dist"),
    ],
)
def test_the_page_gets_the_address_of_the_api(tmp_path: Path, url: str, built: bool, missing: str | None) -> None:
    shutil.copytree(ROOT / "infra/hooks", tmp_path / "infra/hooks")
    dist = tmp_path / "web/dist"
    dist.mkdir(parents=True)
    if built:
        (dist / "index.html").touch()
    env = {**os.environ, "AZURE_FUNCTION_URL": url}
    # azd runs the hooks of a service in its folder, by the path in azure.yaml
    command = ["sh", "../infra/hooks/page.sh"]
    ended = subprocess.run(command, cwd=tmp_path / "web", env=env, capture_output=True, text=True, check=False)
    if missing:
        assert (ended.returncode, missing in ended.stderr) == (1, True)
        assert not (dist / "config.json").exists()
    else:
        assert ended.returncode == 0
        assert json.loads((dist / "config.json").read_text()) == {"apiUrl": url}
