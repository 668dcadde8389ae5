"""`./studio conformance cosmos`: the SDK's own tests against the emulator, in an environment of their own.

The tests come with the source distribution of `azure-cosmos` on the package index; nothing of them is kept in the tree.
What does not apply, and why, is in `emulators/cosmos/exclusions.toml`.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tarfile
import tomllib
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from emulators.launch import launch
from emulators.stack import ROOT

FOLDER: Final = ROOT / ".studio" / "conformance"
EXCLUSIONS: Final = ROOT / "emulators" / "cosmos" / "exclusions.toml"
GOAL: Final = 0.95
"""Share of the applicable tests that must pass."""
PINNED: Final = "4.17.1"
PACKAGES: Final = ("aiohttp", "pytest", "pytest-asyncio", "pytest-timeout", "azure-identity", "urllib3", "requests")
FILES: Final = (
    "test_crud", "test_crud_async", "test_crud_container", "test_crud_container_async", "test_crud_database",
    "test_crud_database_async", "test_crud_response_payload_on_write_disabled", "test_query", "test_query_async",
    "test_query_cross_partition", "test_query_cross_partition_async", "test_orderby", "test_multi_orderby",
    "test_aggregate", "test_query_vector_similarity", "test_vector_policy", "test_transactional_batch",
    "test_transactional_batch_async", "test_partition_key", "test_crud_subpartition", "test_ttl", "test_read_items",
    "test_headers", "test_encoding", "test_query_response_headers", "test_item_body_serialization",
)  # fmt: skip
SHIM: Final[Mapping[str, str]] = {
    "__init__.py": "",
    "helpers.py": "def is_live():\n    return True\n",
    "azure_recorded_testcase.py": "import os\ndef get_credential(*_, **__): return os.environ['ACCOUNT_KEY']\n",
}
"""The two functions of Microsoft's internal test package that the tests import."""


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser("conformance", help="run the Cosmos DB SDK's own tests against the emulator")
    parser.add_argument("service", choices=["cosmos"])
    parser.add_argument("--sdk", default=PINNED, help=f"version of azure-cosmos; {PINNED} by default")
    parser.add_argument("--file", action="append", metavar="NAME", help="only this test file; may be repeated")
    parser.add_argument("--json", action="store_true", help="print {ok, sdk, passed, applicable, share, files, failed}")
    parser.set_defaults(handler=handle)


def handle(options: argparse.Namespace) -> int:
    """Run the tests file by file; exit status 0 when the goal is reached."""
    python, tests = _prepare(options.sdk)
    reasons: dict[str, str] = tomllib.loads(EXCLUSIONS.read_text())["features"]
    files: list[dict[str, Any]] = []
    failed: list[str] = []
    with launch("cosmos", "--throughput", "0") as facts:
        for name in options.file or FILES:
            result = _run(python, tests, name, facts, reasons)
            files.append(result)
            failed += result.pop("failures")
            if not options.json:
                print(
                    f"{name:48} {result['passed']:4} passed {result['failed']:4} failed "
                    f"{result['notApplicable']:4} not applicable",
                    flush=True,
                )
    passed = sum(one["passed"] for one in files)
    applicable = passed + sum(one["failed"] for one in files)
    share = passed / applicable if applicable else 0.0
    ok = share >= GOAL
    if options.json:
        report = {"ok": ok, "sdk": options.sdk, "passed": passed, "applicable": applicable, "share": round(share, 4)}
        print(json.dumps({**report, "files": files, "failed": failed}))
    else:
        print(f"azure-cosmos {options.sdk}: {passed} of {applicable} applicable tests pass ({share:.1%})")
        for name in failed:
            print(f"  failed: {name}")
    return 0 if ok else 1


def _prepare(version: str) -> tuple[Path, Path]:
    """The environment's Python, and the folder of the tests."""
    folder = FOLDER / version
    folder.mkdir(parents=True, exist_ok=True)
    python = folder / "env" / "bin" / "python"
    tests = folder / f"azure_cosmos-{version}" / "tests"
    if not python.exists():
        print(f"studio: making the environment of azure-cosmos {version} (once)", file=sys.stderr)
        subprocess.run((sys.executable, "-m", "venv", folder / "env"), check=True)
        install = (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
        subprocess.run((*install, f"azure-cosmos=={version}", *PACKAGES), check=True)
    if not tests.exists():
        download = (python, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", "azure-cosmos")
        subprocess.run((*download, "--dest", folder, f"azure-cosmos=={version}"), check=True)
        with tarfile.open(folder / f"azure_cosmos-{version}.tar.gz") as archive:
            archive.extractall(folder, filter="data")
    # Without a file of its own, pytest would take the configuration of this repository.
    (tests / "pytest.ini").write_text("[pytest]\n")
    shim = folder / "shim" / "devtools_testutils"
    shim.mkdir(parents=True, exist_ok=True)
    for name, text in SHIM.items():
        (shim / name).write_text(text)
    return python, tests


def _run(python: Path, tests: Path, name: str, facts: Mapping[str, Any], reasons: Mapping[str, str]) -> dict[str, Any]:
    report = tests / f"{name}.xml"
    report.unlink(missing_ok=True)
    environment = {
        **os.environ,
        "ACCOUNT_HOST": f"{facts['endpoint']}/",
        "ACCOUNT_KEY": str(facts["key"]),
        "PYTHONPATH": str(tests.parents[1] / "shim"),
        "AZURE_COSMOS_DISABLE_NON_STREAMING_ORDER_BY": "",
    }
    command = (python, "-m", "pytest", "-q", "--timeout", "120", "-p", "no:cacheprovider", f"--junitxml={report}")
    skipped = _deselection(tests / f"{name}.py", reasons)
    subprocess.run(
        (*command, *skipped, f"{name}.py"), cwd=tests, env=environment, check=False, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    if not report.exists():
        return {"file": name, "passed": 0, "failed": 1, "notApplicable": 0, "failures": [f"{name}: did not run"]}
    cases = ElementTree.parse(report).getroot().iter("testcase")  # noqa: S314 - written by the run above
    passed, failures, others = 0, list[str](), len(skipped) // 2
    for case in cases:
        outcomes = {child.tag for child in case}
        if outcomes & {"failure", "error"}:
            failures.append(f"{name}::{case.get('name')}")
        elif "skipped" in outcomes:
            others += 1
        else:
            passed += 1
    return {"file": name, "passed": passed, "failed": len(failures), "notApplicable": others, "failures": failures}


def _deselection(path: Path, reasons: Mapping[str, str]) -> list[str]:
    """Options that leave out the tests of a file that do not apply."""
    options: list[str] = []
    owner: str | None = None
    for line in path.read_text().splitlines():
        if found := re.match(r"class (\w+)", line):
            owner = found[1]
        found = re.match(r"( *)(?:async )?def (test_\w+)", line)
        if found and any(part in found[2] for part in reasons):
            inside = f"{owner}::{found[2]}" if found[1] else found[2]
            options += ["--deselect", f"{path.name}::{inside}"]
    return options
