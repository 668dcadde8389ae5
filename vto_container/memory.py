"""Memory of a process and of its device, in MB."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path


def resident_mb(pid: int | None = None) -> float | None:
    """Resident memory of a process, by default of this one; None if the system does not report it."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        text = Path(f"/proc/{pid or 'self'}/status").read_text()
        return round(int(text.partition("VmRSS:")[2].split()[0]) / 1024, 1)
    return None


def device_mb() -> float | None:
    """Memory that torch reserves on the GPU; None if torch or a GPU is not in use."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available():
        return None
    return round(torch.cuda.memory_reserved() / 2**20, 1)
