"""`./studio vendor drop`: uploads a folder and says what became of every file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from drawn import needs_model
from studio_command import studio

from demo.client import Client
from emulators.stack import Stack
from wardrobe import draw_garment, garment_specs


@needs_model
def test_a_folder_is_dropped_and_every_file_accounted_for(
    stack: Stack, sign_up: Callable[..., Client], tmp_path: Path
) -> None:
    vendor = sign_up("vendor").user["id"]
    draw_garment(garment_specs(1, 2)[0], (128, 160)).image.save(tmp_path / "A-1.jpg")
    (tmp_path / "A-1.json").write_text('{"title": "Shirt"}')
    done = studio("vendor", "drop", str(tmp_path), "--vendor", vendor, "--json", **stack.settings)
    report = json.loads(done.stdout)
    assert (done.returncode, report["ok"], report["counts"]) == (0, True, {"completed": 2})
    assert len({one["productId"] for one in report["files"]}) == 1
    (tmp_path / "A-2.jpg").write_bytes(b"no picture" * 30)
    done = studio("vendor", "drop", str(tmp_path), "--vendor", vendor, **stack.settings)
    assert done.returncode == 1
    assert "A-2.jpg   rejected    unsupported_type" in done.stdout
    assert "2 completed, 1 rejected" in done.stdout


def test_an_empty_folder_is_said_to_be_one(stack: Stack, tmp_path: Path) -> None:
    done = studio("vendor", "drop", str(tmp_path), "--vendor", "x", **stack.settings)
    assert done.returncode == 2
    assert "no files" in done.stderr
