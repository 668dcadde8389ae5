"""What stands in for `fashn_human_parser`, whose weights are not for commercial use.

FASHN VTON loads the parser and calls it on every picture, and never looks at its answer as long as it runs
segmentation-free on flat-lay garments; `fashn` never runs it otherwise. So a parser that sees nothing changes nothing.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

NAME = "fashn_human_parser"


class FashnHumanParser:
    """Has the real one's surface and finds background everywhere."""

    def __init__(self, *_: Any, **__: Any) -> None: ...

    def predict(self, image: Any, *_: Any, **__: Any) -> Any:
        """Class 0 (h, w) for any picture (h, w, 3)."""
        import numpy as np

        return np.zeros(np.asarray(image).shape[:2], np.uint8)


def install() -> None:
    """Register the stub, in the place of the real package even where that is installed.

    Raises:
        RuntimeError: the real one was imported before.
    """
    there = sys.modules.get(NAME)
    if there is not None and getattr(there, "FashnHumanParser", None) is not FashnHumanParser:
        raise RuntimeError(f"{NAME} was imported before its stand-in")
    coverage = {"tops": "upper", "bottoms": "lower", "one-pieces": "full"}
    stub = ModuleType(NAME, __doc__)
    contents: dict[str, Any] = {
        "FashnHumanParser": FashnHumanParser,
        "CATEGORY_TO_BODY_COVERAGE": coverage,
        "BODY_COVERAGE_TO_LABELS": {where: list[str]() for where in coverage.values()},
        "LABELS_TO_IDS": dict[str, int](),
        "IDS_TO_LABELS": dict[int, str](),
        "IDENTITY_LABELS": list[str](),
    }
    for name, value in contents.items():
        setattr(stub, name, value)
    sys.modules[NAME] = stub
