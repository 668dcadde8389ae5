"""Inputs that make a regular expression take for ever: Python's holds the lock of its process meanwhile, so one request
stops all users."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from regular_expressions import ROOT, attacks

PROGRAM = Path(__file__).with_name("regular_expressions.py")
EXPONENTIAL = r"(?:<!--.{0,500}?-->\s*)*<html"
"""How pages were recognised once: 170 bytes in place of a picture stopped the process."""


@pytest.mark.processes
def test_no_pattern_of_the_product_is_exponential() -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "ENVIRONMENT": "development"}
    running = subprocess.Popen(
        [sys.executable, str(PROGRAM)], stdout=subprocess.PIPE, text=True, env=environment, cwd=ROOT
    )
    try:
        printed, _ = running.communicate(timeout=300)
    except subprocess.TimeoutExpired:
        running.kill()
        printed, _ = running.communicate()
    lines = printed.splitlines()
    assert lines[-1] == "done", f"this pattern does not end: {lines[-1]}"
    assert any("<!--" in line for line in lines)
    assert len(lines) > 100


def test_the_attack_reaches_what_a_pattern_repeats() -> None:
    made = list(attacks(EXPONENTIAL, re.DOTALL.value))
    assert "<!---->" * 60 + "\x01" in made
    assert any(attack.startswith("ab" * 60) for attack in attacks("(?:a|ab)*c", 0))
