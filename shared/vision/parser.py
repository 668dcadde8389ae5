"""The garment parser: the probability of each class at each place of an image, and of being worn by a person."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from shared import onnx
from shared.errors import ConfigurationError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MODEL = "garment_parser"
LOGITS, WORN = "class_logits", "worn"
BACKGROUND = "background"


@dataclass(frozen=True)
class Parsed:
    """The output of the model.

    Args:
        probabilities: (classes, h, w) at the model's own resolution, stretched over the image; sums to 1.
        labels: names of the classes, in that order.
        worn: probability that a person wears the garment, 0..1.
        version: of the model.
    """

    probabilities: NDArray[Any]
    labels: tuple[str, ...]
    worn: float
    version: str

    @property
    def is_worn(self) -> bool:
        """Whether a person wears the garment; otherwise it lies or hangs alone."""
        return self.worn >= 0.5

    def share_of(self, names: tuple[str, ...]) -> NDArray[Any]:
        """(h, w): probability that a place shows one of the classes; classes that the model lacks add nothing."""
        return self.probabilities[[self.labels.index(name) for name in names if name in self.labels]].sum(0)

    def on(self, rows: int, columns: int) -> Parsed:
        """The same on another grid: (classes, rows, columns)."""
        import numpy as np
        from PIL import Image

        if self.probabilities.shape[1:] == (rows, columns):
            return self
        planes = (Image.fromarray(np.ascontiguousarray(one, np.float32)) for one in self.probabilities)
        resized = np.stack([np.asarray(one.resize((columns, rows), Image.Resampling.BILINEAR)) for one in planes])
        return replace(self, probabilities=resized / resized.sum(0, keepdims=True))

    @property
    def foreground(self) -> NDArray[Any]:
        """(h, w): probability that a place is not background."""
        return 1 - self.probabilities[self.labels.index(BACKGROUND)]


def loaded() -> onnx.Model:
    """The model, compared with its golden output when it is loaded.

    Raises:
        ConfigurationError: it is missing, refused, or not a parser.
    """
    model = onnx.get_model(MODEL, onnx.golden_map_check(LOGITS))
    if BACKGROUND not in model.manifest.labels or not {LOGITS, WORN} <= set(model.manifest.outputs):
        raise ConfigurationError(f"model `{MODEL}` is not a garment parser", code="model_refused")
    return model


def version() -> str:
    """The version in use, without loading the model. Raises ConfigurationError when none is registered."""
    return onnx.get_manifest(MODEL).version


def parse(pixels: NDArray[np.uint8]) -> Parsed:
    """Parse an upright RGB image (h, w, 3) of any size."""
    import numpy as np

    model = loaded()
    wanted = model.manifest.image_input
    found = model.run({wanted.name: onnx.image_tensor(pixels, wanted)}, (LOGITS, WORN))
    logits = found[LOGITS][0].astype(np.float32)
    powers = np.exp(logits - logits.max(0, keepdims=True))
    chances = powers / powers.sum(0, keepdims=True)
    return Parsed(chances, model.manifest.labels, float(found[WORN].ravel()[0]), model.version)
