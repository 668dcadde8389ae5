"""What azd installs and deploys: `pip install .` works, and the package has what the app reads and little else."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from cli import package
from shared import onnx

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.processes
def test_azd_restore_gets_the_packages_of_the_app(tmp_path: Path) -> None:
    """azd prefers pyproject.toml to requirements.txt and runs `pip install .` beside every folder of the tree."""
    tree, wheels = tmp_path / "tree", tmp_path / "wheels"
    tree.mkdir()
    for name in ("pyproject.toml", "requirements.txt", "README.md", "LICENSE", "NOTICE"):
        shutil.copy(ROOT / name, tree)
    for folder in (path for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith(".")):
        (tree / folder.name).mkdir()
        (tree / folder.name / "__init__.py").touch()
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir"]
    done = subprocess.run([*command, wheels, tree], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (wheel,) = wheels.iterdir()
    with zipfile.ZipFile(wheel) as archive:
        (metadata,) = [name for name in archive.namelist() if name.endswith("/METADATA")]
        wanted = set(re.findall(r"^Requires-Dist: (\S+)$", archive.read(metadata).decode(), flags=re.MULTILINE))
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    assert wanted == {line for line in lines if line and not line.startswith("#")}


@pytest.mark.processes
def test_the_package_has_every_file_that_the_app_reads() -> None:
    deployed = package.files().keys()
    for name in ("function_app.py", "host.json", "requirements.txt", "functions/index.json"):
        assert name in deployed
    own = [manifest for manifest in onnx.manifests().values() if not manifest.id.startswith("tryon_")]
    golden = {"garment_parser", "sales_quantiles", "selfie_mask"}  # compared when they are loaded
    for manifest in own:
        files = {manifest.file}
        if manifest.id in golden and manifest.golden is not None:
            files |= {manifest.golden.file, *([manifest.golden.picture] if manifest.golden.picture else [])}
        assert {f"models_onnx/{name}" for name in files} <= set(deployed), manifest.id
    tops = {path.partition("/")[0] for path in deployed}
    assert tops == {"function_app.py", "functions", "host.json", "models_onnx", "requirements.txt", "shared"}
    kinds = re.compile(r"\.(fp32\.onnx|md|svg|jpg)$")
    assert not [path for path in deployed if kinds.search(path)]


def test_what_is_deployed_is_weighed() -> None:
    brought = package.packages()
    assert {"onnxruntime", "azure-functions", "azure-core"} <= brought.keys()
    assert not {"pytest", "fastapi", "ruff"} & brought.keys(), "of development"
    assert min(brought.values()) > 0


@pytest.mark.processes
def test_the_package_has_bytecode_that_is_valid_whatever_the_time_of_a_file(tmp_path: Path) -> None:
    """A remote build copies the files without their times, which bytecode is compared with unless it has a hash."""
    for folder in ("functions", "shared"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    shutil.copy(ROOT / "function_app.py", tmp_path)
    source = tmp_path / "shared/clock.py"
    (source.parent / "__pycache__").mkdir(exist_ok=True)
    (source.parent / "__pycache__/removed.cpython-313.pyc").write_bytes(b"of a module that is gone")
    compiled = {**os.environ, "PYTHON": sys.executable}
    subprocess.run([ROOT / "infra/hooks/bytecode.sh", tmp_path], env=compiled, check=True)

    def bytecode(of: Path) -> Path:
        return Path(importlib.util.cache_from_source(str(of)))

    modules = list(tmp_path.rglob("*.py"))
    assert {bytecode(module) for module in modules} == set(tmp_path.rglob("*.pyc"))
    assert {int.from_bytes(bytecode(module).read_bytes()[4:8], "little") for module in modules} == {0b11}, (
        "checked hash"
    )
    os.utime(source, (1, 1))
    command = [sys.executable, "-v", "-c", "import shared.clock"]
    said = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stderr
    assert f"# code object from '{bytecode(source)}'" in said
    patterns = (ROOT / ".funcignore").read_text().splitlines()
    assert not package.is_ignored("shared/__pycache__/clock.cpython-313.pyc", patterns)
