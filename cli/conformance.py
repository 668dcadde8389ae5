"""`./studio conformance cosmos`: the SDK's own tests against the emulator, in an environment of their own.

The tests come with the source distribution of `azure-cosmos` on the package index; nothing of them is kept in the tree.
What does not apply, and why, is in `emulators/cosmos/exclusions.toml`. Then our own tests of the emulator and of the
product's adapter run with that version of the SDK.
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
from emulators.with_parent import parent_pipe, program

FOLDER: Final = ROOT / ".studio" / "conformance"
EXCLUSIONS: Final = ROOT / "emulators" / "cosmos" / "exclusions.toml"
GOAL: Final = 0.95
"""Share of the applicable tests that must pass."""
PINNED: Final = "4.17.1"
PACKAGES: Final = (
    "aiohttp", "azure-identity", "cryptography", "hypothesis", "mmh3", "pytest", "pytest-asyncio", "pytest-timeout",
    "requests", "urllib3",
)  # fmt: skip
OWN: Final = "tests/emulators/cosmos"
ADAPTER: Final = "tests/shared/documents"
FILES: Final = (
    "test_crud", "test_crud_async", "test_crud_container", "test_crud_container_async", "test_crud_database",
    "test_crud_database_async", "test_crud_response_payload_on_write_disabled",
    "test_crud_response_payload_on_write_disabled_async", "test_resource_id", "test_resource_id_async",
    "test_query", "test_query_async", "test_query_cross_partition", "test_query_cross_partition_async", "test_orderby",
    "test_multi_orderby", "test_aggregate", "test_query_execution_context", "test_query_feed_range",
    "test_query_feed_range_async", "test_query_feed_range_multipartition", "test_query_vector_similarity",
    "test_query_vector_similarity_async", "test_vector_policy", "test_vector_policy_async",
    "test_transactional_batch", "test_transactional_batch_async",
    "test_partition_key", "test_partition_key_async", "test_crud_subpartition", "test_crud_subpartition_async",
    "test_feed_range", "test_feed_range_async",
    "test_change_feed", "test_change_feed_async", "test_changefeed_partition_key_variation",
    "test_changefeed_partition_key_variation_async",
    "test_session", "test_session_async", "test_latest_session_token", "test_latest_session_token_async",
    "test_auto_scale", "test_auto_scale_async", "test_ttl", "test_read_items", "test_read_items_async",
    "test_headers", "test_headers_async", "test_encoding", "test_encoding_async", "test_query_response_headers",
    "test_query_response_headers_async", "test_cosmos_responses", "test_cosmos_responses_async",
    "test_container_properties_cache", "test_container_properties_cache_async", "test_none_options",
    "test_none_options_async", "test_backwards_compatibility", "test_user_configs",
)  # fmt: skip
"""The test files that ask a service for what the product uses; those that only run the SDK's own code are left out."""
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
    parser.add_argument("--tls", action="store_true", help="on https://localhost:8081/, as Microsoft's emulator")
    parser.add_argument(
        "--partitions", type=int, default=1, help="physical partitions of containers that ask for no throughput; 1"
    )
    parser.add_argument("--file", action="append", metavar="NAME", help="only this test file; may be repeated")
    parser.add_argument(
        "--json", action="store_true", help="print {ok, sdk, passed, applicable, share, own, files, failed}"
    )
    parser.set_defaults(handler=handle)


def handle(options: argparse.Namespace) -> int:
    """Run the tests file by file; exit status 0 when the goal is reached."""
    python, tests = _prepare(options.sdk)
    reasons: dict[str, str] = tomllib.loads(EXCLUSIONS.read_text())["features"]
    files: list[dict[str, Any]] = []
    failed: list[str] = []
    place = ("--tls", "--port", "8081") if options.tls else ()
    with launch("cosmos", "--throughput", "0", "--partitions", str(options.partitions), *place) as facts:
        host = "https://localhost:8081/" if options.tls else f"{facts['endpoint']}/"
        for name in options.file or FILES:
            if not (tests / f"{name}.py").exists():
                print(f"studio: azure-cosmos {options.sdk} has no {name}", file=sys.stderr)
                continue
            result = _run(python, tests, name, {"ACCOUNT_HOST": host, "ACCOUNT_KEY": str(facts["key"])}, reasons)
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
    own = {} if options.file else {OWN: _run_own(python), ADAPTER: _run_adapter(python, options.sdk)}
    ok = share >= GOAL and all(one["failed"] == 0 for one in own.values())
    if options.json:
        report = {"ok": ok, "sdk": options.sdk, "passed": passed, "applicable": applicable, "share": round(share, 4)}
        print(json.dumps({**report, "own": own, "files": files, "failed": failed}))
    else:
        print(f"azure-cosmos {options.sdk}: {passed} of {applicable} applicable tests pass ({share:.1%})")
        for name in failed:
            print(f"  failed: {name}")
        for folder, one in own.items():
            print(f"{folder}: {one['passed']} passed, {one['failed']} failed")
            for name in one["failures"]:
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
        _call(sys.executable, "-m", "venv", folder / "env")
        install = (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
        _call(*install, f"azure-cosmos=={version}", *PACKAGES)
    if not tests.exists():
        download = (python, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", "azure-cosmos")
        _call(*download, "--dest", folder, f"azure-cosmos=={version}")
        with tarfile.open(folder / f"azure_cosmos-{version}.tar.gz") as archive:
            archive.extractall(folder, filter="data")
    # Without its own file, pytest would take the configuration of this repository.
    (tests / "pytest.ini").write_text("[pytest]\n")
    shim = folder / "shim" / "devtools_testutils"
    shim.mkdir(parents=True, exist_ok=True)
    for name, text in SHIM.items():
        (shim / name).write_text(text)
    return python, tests


def _call(*command: str | Path) -> None:
    """Run a command that ends with this process, however that ends. Raises CalledProcessError."""
    subprocess.run(program(*map(str, command)), cwd=ROOT, stdin=parent_pipe(), check=True)


def _pytest(
    python: Path, folder: Path, report: Path, environment: Mapping[str, str], *arguments: str
) -> list[str] | None:
    """Run pytest in a folder, ended with this process; the outcome of each test as `NAME OUTCOME`, None without any."""
    report.unlink(missing_ok=True)
    command = (str(python), "-m", "pytest", "-q", "--timeout", "900", "-p", "no:cacheprovider", f"--junitxml={report}")
    there = ("sh", "-c", 'cd "$1" && shift && exec "$@"', "sh", str(folder))
    subprocess.run(
        program(*there, *command, *arguments), cwd=ROOT, env={**os.environ, **environment}, stdin=parent_pipe(),
        check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    if not report.exists():
        return None
    outcomes: list[str] = []
    for case in ElementTree.parse(report).getroot().iter("testcase"):  # noqa: S314 - written by the run above
        found = {child.tag for child in case}
        outcome = "failed" if found & {"failure", "error"} else "skipped" if "skipped" in found else "passed"
        outcomes.append(f"{case.get('name')} {outcome}")
    return outcomes


def _run(
    python: Path, tests: Path, name: str, account: Mapping[str, str], reasons: Mapping[str, str]
) -> dict[str, Any]:
    shim = str(tests.parents[1] / "shim")
    environment = {**account, "PYTHONPATH": shim, "AZURE_COSMOS_DISABLE_NON_STREAMING_ORDER_BY": ""}
    skipped = _deselection(tests / f"{name}.py", reasons)
    outcomes = _pytest(python, tests, tests / f"{name}.xml", environment, *skipped, f"{name}.py")
    if outcomes is None:
        return {"file": name, "passed": 0, "failed": 1, "notApplicable": 0, "failures": [f"{name}: did not run"]}
    failures = [f"{name}::{one.removesuffix(' failed')}" for one in outcomes if one.endswith(" failed")]
    passed = sum(one.endswith(" passed") for one in outcomes)
    others = len(skipped) // 2 + len(outcomes) - passed - len(failures)
    return {"file": name, "passed": passed, "failed": len(failures), "notApplicable": others, "failures": failures}


def _run_own(python: Path) -> dict[str, Any]:
    """Our own tests of the emulator, with the environment's SDK."""
    environment = {"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}
    configuration = python.parents[2] / "own.ini"
    configuration.write_text("[pytest]\nmarkers = processes\n")
    options = ("-c", str(configuration), "--confcutdir", OWN, "--rootdir", str(ROOT), OWN)
    return _counted(_pytest(python, ROOT, python.parents[2] / "own.xml", environment, *options))


def _run_adapter(python: Path, version: str) -> dict[str, Any]:
    """Our own tests of the product's adapter: with the product's packages, but for the SDK."""
    sdk = python.parents[2] / "sdk"
    if not sdk.exists():
        install = (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps")
        _call(*install, "--target", sdk, f"azure-cosmos=={version}")
    options = ("-k", "emulator or cosmos", ADAPTER)
    report = python.parents[2] / "adapter.xml"
    return _counted(_pytest(Path(sys.executable), ROOT, report, {"PYTHONPATH": str(sdk)}, *options))


def _counted(found: list[str] | None) -> dict[str, Any]:
    outcomes = found or ["did not run failed"]
    failed = [one.removesuffix(" failed") for one in outcomes if one.endswith(" failed")]
    return {"passed": sum(one.endswith(" passed") for one in outcomes), "failed": len(failed), "failures": failed}


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
