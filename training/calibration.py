"""What static quantisation looks at."""

from collections.abc import Callable, Iterator

import numpy as np
from onnxruntime.quantization import CalibrationDataReader


class Photos(CalibrationDataReader):
    """Feeds pictures one by one to the input `image`, as `prepare` makes them."""

    def __init__(self, images: list[np.ndarray], prepare: Callable[[np.ndarray], np.ndarray]):
        self.feed: Iterator[np.ndarray] = iter(images)
        self.prepare = prepare

    def get_next(self) -> dict[str, np.ndarray] | None:
        image = next(self.feed, None)
        return None if image is None else {"image": self.prepare(image)}
