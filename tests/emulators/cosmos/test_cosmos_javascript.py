"""The Cosmos DB emulator, held to the Azure SDK for JavaScript, which merges partitions in its own way."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from emulators.with_parent import node, parent_pipe

pytestmark = pytest.mark.processes


def test_the_sdk_for_javascript_gets_the_answers_of_the_service(account: dict[str, Any]) -> None:
    script = str(Path(__file__).with_name("client.mjs"))
    done = subprocess.run(
        node(script, account["endpoint"], account["key"]),
        stdin=parent_pipe(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["bulk"] == [201] * 12
    assert sorted(found["groups"], key=lambda group: group["kind"]) == [
        {"kind": "even", "count": 6, "sum": 30, "mean": 5, "least": 0, "most": 10},
        {"kind": "odd", "count": 6, "sum": 36, "mean": 6, "least": 1, "most": 11},
    ]
    assert found["counts"] == [6, 6]
    assert found["named"] == [{"count": 12, "most": 11}]
    assert found["nothing"] == []
    assert found["sorted"] == [9, 8, 7]
    assert found["constant"] == [1]
    assert found["resumed"] == list(range(12))
    assert found["batch"] == [424, 409]
    assert found["patches"] == [200, 412]
    assert found["conditions"] == [412, 200]
    assert found["changes"] == 12
