"""The walls of the house, read from the imports: who may stand on whom."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PRODUCT = [*ROOT.glob("shared/**/*.py"), *ROOT.glob("functions/**/*.py"), ROOT / "function_app.py"]
HEAVY = ("PIL", "numpy", "onnxruntime", "faiss", "google", "twilio", "azure.storage", "azure.cosmos", "azure.identity",
         "azure.communication", "azure.messaging", "requests", "jwt", "argon2", "bcrypt", "cryptography")  # fmt: skip
BLUEPRINT_LINES = 15
LOADED_ON_USE = ("shared/documents/cosmos.py", "shared/documents/cosmos_errors.py", "shared/images/gate_child.py")
"""Modules that a factory or another process imports, and nobody else: the conformance test sees that none slips in."""


def imports(path: Path, *, top_only: bool = False) -> Iterator[str]:
    """Modules a file imports; with `top_only` those that importing it brings in."""
    tree = ast.parse(path.read_text())
    nodes = tree.body if top_only else ast.walk(tree)
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def room(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", PRODUCT, ids=room)
def test_product_code_knows_nothing_of_what_stands_beside_the_house(path: Path) -> None:
    beside = {"emulators", "training", "bench", "demo", "wardrobe", "cli", "tests"}
    assert not [name for name in imports(path) if name.split(".")[0] in beside]


@pytest.mark.parametrize("path", [p for p in PRODUCT if "shared" in p.parts], ids=room)
def test_shared_never_imports_a_step(path: Path) -> None:
    assert not [name for name in imports(path) if name.startswith("functions")]


@pytest.mark.parametrize("path", [p for p in PRODUCT if "functions" in p.relative_to(ROOT).parts], ids=room)
def test_a_step_never_imports_another_step(path: Path) -> None:
    own = ".".join(path.relative_to(ROOT).parts[:2]).removesuffix(".py")
    foreign = [n for n in imports(path) if n.startswith("functions.") and not (n + ".").startswith(own + ".")]
    assert not foreign


@pytest.mark.parametrize("path", list(ROOT.glob("shared/documents/*.py")), ids=room)
def test_the_ground_floor_stands_on_nothing_above_it(path: Path) -> None:
    above = ("shared.jobs", "shared.http", "shared.images", "shared.commerce", "shared.notifications", "shared.blobs")
    assert not [name for name in imports(path) if name.startswith(above)]


@pytest.mark.parametrize("path", list(ROOT.glob("functions/*/service.py")), ids=room)
def test_services_know_nothing_of_azure_functions(path: Path) -> None:
    assert "azure.functions" not in set(imports(path))


@pytest.mark.parametrize("path", [p for p in PRODUCT if room(p) not in LOADED_ON_USE], ids=room)
def test_nothing_heavy_is_imported_at_the_top(path: Path) -> None:
    assert not [name for name in imports(path, top_only=True) if (name + ".").startswith(tuple(h + "." for h in HEAVY))]


@pytest.mark.parametrize("path", list(ROOT.glob("functions/*/blueprint.py")), ids=room)
def test_triggers_are_short(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef):
            last = node.body[-1].end_lineno or node.lineno
            assert last - node.lineno < BLUEPRINT_LINES, f"{node.name} is {last - node.lineno + 1} lines"


def test_function_app_registers_and_nothing_else() -> None:
    assert len((ROOT / "function_app.py").read_text().splitlines()) <= 25


@pytest.mark.parametrize("path", [*PRODUCT, *ROOT.glob("emulators/**/*.py"), *ROOT.glob("demo/*.py")], ids=room)
def test_no_file_needs_a_map(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 400
