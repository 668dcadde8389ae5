"""A stub of `fashn_human_parser`, whose weights are not licensed for commercial use.

FASHN VTON loads the parser and calls it on every image, but ignores its output in segmentation-free mode on flat-lay
garments, the only mode that `fashn` uses. A parser that detects nothing therefore changes nothing.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

NAME = "fashn_human_parser"


class FashnHumanParser:
    """Has the interface of the real parser and reports background everywhere."""

    def __init__(self, *_: Any, **__: Any) -> None: ...

    def predict(self, image: Any, *_: Any, **__: Any) -> Any:
        """Class 0 (h, w) for any image (h, w, 3)."""
        import numpy as np

        return np.zeros(np.asarray(image).shape[:2], np.uint8)


def install() -> None:
    """Register the stub in place of the real package, even if that is installed.

    Raises:
        RuntimeError: the real package was imported before.
    """
    known = sys.modules.get(NAME)
    if known is not None and getattr(known, "FashnHumanParser", None) is not FashnHumanParser:
        raise RuntimeError(f"{NAME} was imported before its stub")
    coverage = {"tops": "upper", "bottoms": "lower", "one-pieces": "full"}
    stub = ModuleType(NAME, __doc__)
    contents: dict[str, Any] = {
        "FashnHumanParser": FashnHumanParser,
        "CATEGORY_TO_BODY_COVERAGE": coverage,
        "BODY_COVERAGE_TO_LABELS": {part: list[str]() for part in coverage.values()},
        "LABELS_TO_IDS": dict[str, int](),
        "IDS_TO_LABELS": dict[int, str](),
        "IDENTITY_LABELS": list[str](),
    }
    for name, value in contents.items():
        setattr(stub, name, value)
    sys.modules[NAME] = stub
