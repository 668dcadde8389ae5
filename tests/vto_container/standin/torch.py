"""As much of torch as the engine `fashn` touches, over numpy: a device whose compute capability the test chooses."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

bfloat16, float16, float32 = "torch.bfloat16", "torch.float16", "torch.float32"


class cuda:
    """`torch.cuda`."""

    capability: ClassVar[tuple[int, int] | None] = None

    @classmethod
    def is_available(cls) -> bool:
        return cls.capability is not None

    @classmethod
    def get_device_capability(cls) -> tuple[int, int]:
        assert cls.capability is not None
        return cls.capability

    @staticmethod
    def is_bf16_supported(including_emulation: bool = True) -> bool:
        return including_emulation

    @staticmethod
    def memory_reserved() -> int:
        return 3 << 20


class device:
    def __init__(self, name: str) -> None:
        self.type = name

    def __str__(self) -> str:
        return self.type


def isfinite(values: Any) -> Any:
    return np.isfinite(values)
