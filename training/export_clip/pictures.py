"""Convert the preprocessing of the model's image processor to the fields of our manifests."""

import math

from .refusal import Refused

RESAMPLING = {0: "nearest", 1: "lanczos", 2: "bilinear", 3: "bicubic", 4: "box", 5: "hamming"}
"""Resampling filters by Pillow's numbers, as image processors store them."""


def declared(processor) -> dict:
    """The manifest's `input` of an image tower.

    Args:
        processor: an image processor of transformers.

    Raises:
        Refused: it uses a step that the product's preprocessing does not support.
    """
    height, width, resize = _size(processor)
    if getattr(processor, "do_rescale", True) and not math.isclose(processor.rescale_factor, 1 / 255, rel_tol=1e-6):
        raise Refused(f"its pictures are scaled by {processor.rescale_factor}, not by 1/255")
    if getattr(processor, "do_pad", None):
        raise Refused("its pictures are padded, which is not supported")
    normalised = getattr(processor, "do_normalize", True)
    return {
        "name": "pixel_values",
        "layout": "NCHW",
        "size": [height, width],
        "resize": resize,
        "resample": f"pillow_{RESAMPLING[int(processor.resample)]}",
        "scale": "0..1",
        "mean": _triple(processor.image_mean) if normalised else [0.0, 0.0, 0.0],
        "std": _triple(processor.image_std) if normalised else [1.0, 1.0, 1.0],
        "channel_order": "RGB",
    }


def _triple(values) -> list[float]:
    return [float(value) for value in values] if isinstance(values, (list, tuple)) else [float(values)] * 3


def _size(processor) -> tuple[int, int, str]:
    if not getattr(processor, "do_resize", True):
        raise Refused("its image processor does not resize: the size of its input is not known")
    size, crop = processor.size, None
    if getattr(processor, "do_center_crop", False):
        crop = (int(processor.crop_size["height"]), int(processor.crop_size["width"]))
    if size.get("shortest_edge") and not size.get("longest_edge"):
        edge = int(size["shortest_edge"])
        if crop != (edge, edge):
            raise Refused(f"its pictures are resized to {edge} and cropped to {crop}; only equal sizes are supported")
        return edge, edge, "shortest_crop"
    if size.get("height") and size.get("width"):
        stretched = (int(size["height"]), int(size["width"]))
        if crop in (None, stretched):
            return *stretched, "stretch"
    raise Refused(f"its pictures are resized by {dict(size)} and cropped to {crop}, which is not supported")
