"""The hook that subscribes the blob trigger to Event Grid, with a stand-in for the Azure command line."""

from __future__ import annotations

import os
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
esac
"""


def run(folder: Path, key_after: int) -> tuple[int, list[str], str]:
    """Run the hook; `az` has a key from its `key_after`-th answer on."""
    az = folder / "az"
    az.write_text(AZ)
    az.chmod(0o755)
    calls = folder / "calls"
    env = {
        "PATH": f"{folder}:{os.environ['PATH']}", "CALLS": str(calls), "KEY_AFTER": str(key_after),
        "SUBSCRIBE_WAIT_S": "0", "AZURE_RESOURCE_GROUP": "rg", "AZURE_FUNCTION_NAME": "func",
        "AZURE_FUNCTION_URL": "https://func.example", "AZURE_EVENTS_TOPIC": "topic",
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


def test_an_app_without_functions_is_told_of(tmp_path: Path) -> None:
    status, calls, said = run(tmp_path, 99)
    assert status == 1
    assert "blobs_extension" in said
    assert not [call for call in calls if "event-subscription" in call]
