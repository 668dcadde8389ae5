"""The models as shipped: their manifests, and one ONNX Runtime session for each, opened on first use.

A model is refused when its file is not the one its manifest names, or when its outputs differ from the golden ones
stored at export. Everything about its input (size, mean, channel order) and its outputs is read from the manifest, so a
model is replaced by replacing files. Neither numpy nor onnxruntime is imported before a model is used.
"""

from shared.onnx.golden import golden_map_check
from shared.onnx.manifests import Golden, ImageInput, Manifest, get_manifest, manifests, models_dir
from shared.onnx.preprocessing import PADDING, image_tensor
from shared.onnx.sessions import GoldenCheck, Health, Model, forget, get_model, list_health

__all__ = [
    "PADDING", "Golden", "GoldenCheck", "Health", "ImageInput", "Manifest", "Model", "forget", "get_manifest",
    "get_model", "golden_map_check", "image_tensor", "list_health", "manifests", "models_dir",
]  # fmt: skip
