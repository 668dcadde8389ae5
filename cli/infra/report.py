"""`./studio doctor --infra`: runs the checks and prints what they found."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

from cli.infra.check import Result, check


def handle(root: Path, types: Path | None, *, as_json: bool) -> int:
    """Check a checkout; 0 only if nothing was found. What could not be checked is reported as skipped."""
    results = check(root, types)
    ok = not any(result.findings for result in results)
    if as_json:
        findings = [asdict(finding) for result in results for finding in result.findings]
        print(json.dumps({"ok": ok, "checks": [_check(result) for result in results], "findings": findings}))
        return 0 if ok else 1
    for result in results:
        word = "WRONG" if result.findings else "skip " if result.skipped else "ok   "
        print(f"{word}  {result.kind:<12} {result.skipped or result.checked}")
        for finding in result.findings:
            print(f"{'':<7}{finding}")
    if not ok:
        print(f"studio: {sum(len(result.findings) for result in results)} mistakes found", file=sys.stderr)
    return 0 if ok else 1


def _check(result: Result) -> dict[str, object]:
    problems = "; ".join(str(finding) for finding in result.findings)
    detail = f"skipped: {result.skipped}" if result.skipped else problems or result.checked
    remedy = "correct the files that are named" if result.findings else None
    return {
        "name": result.kind, "ok": not result.findings, "detail": detail, "remedy": remedy,
        "skipped": result.skipped is not None,
    }  # fmt: skip
