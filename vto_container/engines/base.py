"""What an engine is: a person and a garment in, the person in that garment out.

An engine paints; `finished` ends every engine alike: pixels outside the feathered edit mask stay the input's own, to
the byte, at the input's own resolution. Engines raise the errors of `shared.vto.errors` and call `check` between
their steps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

if TYPE_CHECKING:
    from numpy.typing import NDArray

type Category = Literal["upper", "lower", "dress"]
type Progress = Callable[[float], None]
"""Told how much of one `generate` is done, 0..1, never less than before."""
type Cancelled = Callable[[], bool]
"""Whether the job was cancelled meanwhile."""


class Stopped(Exception):
    """The job was cancelled between two steps."""


def unheard(done: float) -> None:
    """A `Progress` that nobody listens to."""


def never() -> bool:
    """A `Cancelled` that never happens."""
    return False


def check(cancelled: Cancelled) -> None:
    """Raises Stopped when the job was cancelled."""
    if cancelled():
        raise Stopped


@dataclass(frozen=True)
class Report:
    """What is known of a result.

    Args:
        engine, version: who made it; the version names the weights.
        changed_outside_mask: how many pixels differ from the input where the mask is 0.
        notes: what the engine has to say beside that (confidence, warnings), JSON-serialisable.
    """

    engine: str
    version: str
    seed: int
    changed_outside_mask: int
    notes: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True)
class Result:
    """The answer of an engine.

    Args:
        image: RGB (h, w, 3) uint8 of the person's photo's own size.
        mask: (h, w) uint8: 255 where the engine's picture is, 0 where the input's own pixels are.
    """

    image: NDArray[Any]
    mask: NDArray[Any]
    report: Report


class Engine(Protocol):
    """One way to try on. Made once per process; `generate` is called by one thread at a time."""

    name: ClassVar[str]

    @property
    def version(self) -> str:
        """Names exactly the weights, or the remote model, that would be used; loads nothing."""
        ...

    @property
    def device(self) -> str:
        """`cpu`, `cuda`, or `remote`; loads nothing."""
        ...

    def load(self) -> None:
        """Get ready. Called once before the first `generate`.

        Raises:
            ConfigurationError: weights are missing or refused.
        """
        ...

    def generate(
        self,
        person: NDArray[Any],
        garment: NDArray[Any],
        category: Category,
        seed: int,
        steps: int,
        mask: NDArray[Any] | None = None,
        progress: Progress = unheard,
        cancelled: Cancelled = never,
    ) -> Result:
        """Put the garment on the person; the same arguments give the same bytes where the engine says so.

        Args:
            person, garment: upright RGB (h, w, 3) uint8 of any size.
            seed: 0..2**31 - 1.
            steps: of a diffusion engine; others ignore it.
            mask: (h, w) uint8 of the person's size: above 127 where the picture may be changed; None leaves it to the
                engine.

        Raises:
            StudioError: of `shared.vto.errors`.
            Stopped: cancelled.
        """
        ...


def feathered(edit: NDArray[Any], radius: int) -> NDArray[Any]:
    """A mask (h, w) that fades to 0 on the way to its edge, over about `radius` pixels, and never reaches beyond it.

    Args:
        edit: uint8; above 127 counts as inside. With a radius of 0 it is returned as it is.
    """
    import numpy as np

    from shared.vision.matte import box

    if radius <= 0:
        return edit
    inside = (edit > 127).astype(np.float32)[:, :, None]
    # two passes of a square make a smooth slope; a straight edge has .5 there, so it becomes 0
    soft = box(box(inside, radius), radius)[:, :, 0]
    return np.where(edit > 127, ((2 * soft - 1).clip(0, 1) * 255).round(), 0).astype(np.uint8)


def finished(
    person: NDArray[Any],
    painted: NDArray[Any],
    edit: NDArray[Any],
    *,
    engine: str,
    version: str,
    seed: int,
    notes: dict[str, Any] | None = None,
    feather: int | None = None,
) -> Result:
    """The common end of every engine: what was painted, where it may be, on the input's own pixels.

    Args:
        person: RGB (h, w, 3) uint8.
        painted: RGB uint8 of any size with the person's aspect; brought to the person's size.
        edit: (h, w) uint8 of the person's size: where the engine's picture counts.
        feather: pixels over which it fades inside its edge; by default 1/256 of the shorter side. An engine whose mask
            is soft already passes 0.
    """
    import numpy as np
    from PIL import Image

    height, width = person.shape[:2]
    if painted.shape[:2] != (height, width):
        painted = np.asarray(Image.fromarray(painted).resize((width, height), Image.Resampling.LANCZOS))
    radius = max(1, round(min(height, width) / 256)) if feather is None else feather
    alpha = feathered(edit, radius)
    share = alpha.astype(np.float32)[:, :, None] / 255
    mixed = person + (painted.astype(np.float32) - person) * share
    image = np.where(alpha[:, :, None] == 0, person, mixed.round().clip(0, 255)).astype(np.uint8)
    changed = changed_outside(person, image, alpha)
    return Result(image, alpha, Report(engine, version, seed, changed, notes or {}))


def changed_outside(person: NDArray[Any], image: NDArray[Any], mask: NDArray[Any]) -> int:
    """How many pixels differ although the mask is 0 there."""
    return int(((person != image).any(2) & (mask == 0)).sum())
