"""The TypeScript client in Node against the live stack."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from quick import eventually
from signed import cases

from cli import clients
from demo.client import Client
from emulators.stack import Stack


def test_a_whole_flow(stack: Stack, key: str, vendor: Client, vendor_key: str, photos: tuple[Path, Path]) -> None:
    clients.build_typescript()
    deliveries = [{"headers": case.headers, "body": case.body, "secret": case.secret} for case in cases()]
    given = {"apiUrl": stack.url, "apiKey": key, "vendorKey": vendor_key,
             "person": str(photos[0]), "garment": str(photos[1])}  # fmt: skip
    done = subprocess.run(
        ["node", "tests/clients/flow.mjs"], input=json.dumps({**given, "deliveries": deliveries}), cwd=clients.ROOT,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    happened = json.loads(done.stdout)
    assert happened["status"] == happened["seen"][-1] == "completed"
    assert bytes(happened["start"]) == b"\x89PNG"
    assert (happened["wrong"]["status"], happened["wrong"]["field"]) == (422, "samples")
    assert happened["missing"]["status"] == 404 and happened["missing"]["requestId"]
    assert happened["lists"] == {"images": True, "tryons": True}
    assert happened["verified"] == [case.code for case in cases()]
    assert {name: error["code"] for name, error in happened["refusedDrops"].items()} == {"bad name.jpg": "bad_name"}
    dropped = eventually(lambda: vendor.call("GET", "drops")["items"], "the dropped photo")
    assert [one["name"] for one in dropped] == ["TS-1.jpg"]
