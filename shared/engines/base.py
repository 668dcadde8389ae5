"""The interface of an engine: a person and a garment in, the person in that garment out.

An engine only paints. `composite` ends every engine in the same way: pixels outside the feathered edit mask stay those
of the person image, byte for byte, at its own resolution. Engines raise the errors of `shared.vto.errors` and call
`raise_if_cancelled` between their steps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from shared.vto.protocol import Category

if TYPE_CHECKING:
    from numpy.typing import NDArray

type Progress = Callable[[float], None]
"""Called with how much of one `generate` is done, 0..1, never less than before."""
type IsCancelled = Callable[[], bool]
"""Returns whether the run was cancelled meanwhile."""


class Cancelled(Exception):
    """The run was cancelled between two steps."""


def no_progress(done: float) -> None:
    """A `Progress` that does nothing."""


def never_cancelled() -> bool:
    """An `IsCancelled` that is always false."""
    return False


def raise_if_cancelled(is_cancelled: IsCancelled) -> None:
    """Raise Cancelled if the run was cancelled."""
    if is_cancelled():
        raise Cancelled


@dataclass(frozen=True)
class Report:
    """How a result was made.

    Args:
        version: of the engine; names its weights.
        changed_outside_mask: pixels that differ from the person image where the mask is 0.
        notes: what the engine adds (confidence, warnings), JSON-serialisable.
    """

    engine: str
    version: str
    seed: int
    changed_outside_mask: int
    notes: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True)
class Result:
    """The result of an engine.

    Args:
        image: RGB (h, w, 3) uint8 of the person image's size.
        mask: (h, w) uint8: 255 where the image is painted, 0 where its pixels are those of the person image.
    """

    image: NDArray[Any]
    mask: NDArray[Any]
    report: Report


class Engine(Protocol):
    """A try-on method. Instantiated once per process; `generate` is called by one thread at a time."""

    name: ClassVar[str]

    @property
    def version(self) -> str:
        """Identifies the weights, or the remote model, that would be used; loads nothing."""
        ...

    @property
    def device(self) -> str:
        """`cpu`, `cuda`, or `remote`; loads nothing."""
        ...

    def load(self) -> None:
        """Load what `generate` needs. Called once before the first `generate`.

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
        progress: Progress = no_progress,
        is_cancelled: IsCancelled = never_cancelled,
    ) -> Result:
        """Put the garment on the person; the same arguments give the same bytes if the engine says so.

        Args:
            person, garment: upright RGB (h, w, 3) uint8 of any size.
            seed: 0..2**31 - 1.
            steps: of a diffusion engine; others ignore it.
            mask: (h, w) uint8 of the person's size: above 127 where the image may be changed; None leaves it to the
                engine.

        Raises:
            StudioError: of `shared.vto.errors`.
            Cancelled: the run was cancelled.
        """
        ...


def feather(edit: NDArray[Any], radius: int) -> NDArray[Any]:
    """A mask (h, w) that fades to 0 inside its edge, over about `radius` pixels, and never extends beyond it.

    Args:
        edit: uint8; above 127 counts as inside. With a radius of 0 it is returned unchanged.
    """
    import numpy as np

    from shared.vision.matte import box

    if radius <= 0:
        return edit
    inside = (edit > 127).astype(np.float32)[:, :, None]
    # Two passes of a box filter make a smooth slope; it is .5 on a straight edge, which becomes 0.
    soft = box(box(inside, radius), radius)[:, :, 0]
    return np.where(edit > 127, ((2 * soft - 1).clip(0, 1) * 255).round(), 0).astype(np.uint8)


def composite(
    person: NDArray[Any],
    painted: NDArray[Any],
    edit: NDArray[Any],
    *,
    engine: str,
    version: str,
    seed: int,
    notes: dict[str, Any] | None = None,
    feather_px: int | None = None,
) -> Result:
    """The last step of every engine: the painted pixels inside the edit mask, the person image outside.

    Args:
        person: RGB (h, w, 3) uint8.
        painted: RGB uint8 of any size with the person's aspect ratio; resized to the person's size.
        edit: (h, w) uint8 of the person's size: how much of the painted image is used.
        feather_px: pixels over which the mask fades inside its edge; by default 1/256 of the shorter side. An engine
            with a soft mask passes 0.
    """
    import numpy as np
    from PIL import Image

    height, width = person.shape[:2]
    if painted.shape[:2] != (height, width):
        painted = np.asarray(Image.fromarray(painted).resize((width, height), Image.Resampling.LANCZOS))
    radius = max(1, round(min(height, width) / 256)) if feather_px is None else feather_px
    alpha = feather(edit, radius)
    share = alpha.astype(np.float32)[:, :, None] / 255
    mixed = person + (painted.astype(np.float32) - person) * share
    image = np.where(alpha[:, :, None] == 0, person, mixed.round().clip(0, 255)).astype(np.uint8)
    changed = count_changed_outside(person, image, alpha)
    return Result(image, alpha, Report(engine, version, seed, changed, notes or {}))


def count_changed_outside(person: NDArray[Any], image: NDArray[Any], mask: NDArray[Any]) -> int:
    """The number of pixels that differ where the mask is 0."""
    return int(((person != image).any(2) & (mask == 0)).sum())
