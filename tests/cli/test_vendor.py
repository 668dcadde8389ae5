"""`./studio vendor`: drops a folder, or imports a file, and says what became of every file or product."""

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


@needs_model
def test_a_file_is_imported_with_its_photos(stack: Stack, sign_up: Callable[..., Client], tmp_path: Path) -> None:
    client = sign_up("vendor")
    vendor = client.user["id"]
    photos = tmp_path / "photos"
    photos.mkdir()
    draw_garment(garment_specs(1, 2)[0], (128, 160)).image.save(photos / "Front 1.jpg")
    rows = "A-1,Shirt,9.90,https://cdn.example.com/x/Front%201.jpg?v=2\nA-2,Skirt,free,\nA-3,Coat,20,absent.png\n"
    (tmp_path / "products.csv").write_text(f"sku,title,price,image\n{rows}")
    command = ("vendor", "import", str(tmp_path / "products.csv"), "--vendor", vendor, "--currency", "EUR")
    done = studio(*command, "--photos", str(photos), **stack.settings)
    assert done.returncode == 1
    assert "2 created, 1 refused" in done.stdout and "1 of 1 photos are part of" in done.stdout
    assert "line 3, price" in done.stdout and "absent.png" in done.stderr
    (active,) = client.call("GET", "products", params={"status": "active"})["items"]
    assert (active["sku"], active["title"]) == ("A-1", "Shirt")


def test_a_file_that_is_missing_or_unreadable_is_one_line(stack: Stack, tmp_path: Path) -> None:
    done = studio("vendor", "import", str(tmp_path / "none.csv"), "--vendor", "x", **stack.settings)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    (tmp_path / "odd.csv").write_text("a,b\n1,2\n")
    done = studio("vendor", "import", str(tmp_path / "odd.csv"), "--vendor", "x", **stack.settings)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
