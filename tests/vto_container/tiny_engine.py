"""An engine for tests: paints a rectangle in the garment's mean colour. Some seeds make it misbehave."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import numpy as np

from shared.engines.base import (
    Category,
    IsCancelled,
    Progress,
    Result,
    composite,
    never_cancelled,
    no_progress,
    raise_if_cancelled,
)
from shared.errors import ConfigurationError
from shared.vto.errors import NoPerson

HANG, CRASH, RAISE, REFUSE, SLOW, SLOW_TOO, HELD = 901, 902, 903, 904, 905, 907, 908


class Tiny:
    """See the module."""

    name = "tiny"
    version = "tiny@1"
    device = "cpu"

    def load(self) -> None:
        """`TINY_LOAD_S` seconds."""
        time.sleep(float(os.environ.get("TINY_LOAD_S", "0")))

    def generate(
        self,
        person: Any,
        garment: Any,
        category: Category,
        seed: int,
        steps: int,
        mask: Any = None,
        progress: Progress = no_progress,
        is_cancelled: IsCancelled = never_cancelled,
    ) -> Result:
        """Hangs, crashes, raises, refuses, waits for the file `TINY_GATE`, or takes `steps` tenths of a second, by the
        seed."""
        if seed == HANG:
            time.sleep(3600)
        if seed == CRASH:
            os._exit(11)
        if seed == RAISE:
            raise RuntimeError("an engine's own fault")
        while seed == HELD and not Path(os.environ["TINY_GATE"]).exists():
            time.sleep(0.05)
        if seed == REFUSE:
            raise NoPerson("no person was found in the image", field="person")
        for step in range(steps):
            raise_if_cancelled(is_cancelled)
            if seed in (SLOW, SLOW_TOO):
                time.sleep(0.1)
            progress((step + 1) / steps)
        height, width = person.shape[:2]
        edit = np.zeros((height, width), np.uint8)
        rows = {"upper": (0.2, 0.6), "lower": (0.5, 0.95), "dress": (0.2, 0.95)}[category]
        edit[int(rows[0] * height) : int(rows[1] * height), width // 4 : 3 * width // 4] = 255
        if mask is not None:
            edit[mask <= 127] = 0
        painted = np.broadcast_to(garment.reshape(-1, 3).mean(0).round(), person.shape).astype(np.uint8)
        return composite(person, painted, edit, engine=self.name, version=self.version, seed=seed)


class Bare(Tiny):
    """An engine whose weights are not mounted."""

    name = "bare"

    def load(self) -> None:
        """Always fails."""
        raise ConfigurationError("the weights are missing: mount them", code="weights_missing")
