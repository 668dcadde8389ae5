"""Settings of the models."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from shared.settings import SettingsGroup, load


class ModelSettings(SettingsGroup):
    """Where the models are, and what they run on."""

    models_dir: Path = Field(
        default=Path(__file__).resolve().parents[2] / "models_onnx", description="folder of the models and manifests"
    )
    model_device: Literal["cpu", "cuda"] = Field(
        default="cpu", description="`cuda` needs onnxruntime-gpu, and falls back to the CPU without a device"
    )
    model_threads: int = Field(
        default=1, ge=1, le=64, description="threads of one inference; concurrent calls scale better than threads do"
    )


def model_settings() -> ModelSettings:
    """The settings of the models in this process."""
    return load(ModelSettings)
