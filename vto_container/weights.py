"""Weights that are neither in the image nor on a volume: fetched from our own storage when the engine process starts.

The code that loads a file checks its SHA-256; here a file only gets its name once it is complete.
"""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

from shared import blobs, telemetry
from shared.errors import ConfigurationError
from shared.onnx.settings import model_settings
from vto_container.settings import container_settings


def fetch_weights() -> int:
    """Fetch the files that `MODELS_DIR` and `VTO_FASHN_WEIGHTS` lack; returns how many were fetched.

    Raises:
        ConfigurationError: `weights_missing`, the configured prefix is empty.
        Unavailable: the storage can't be reached.
    """
    conf = container_settings()
    mirrors = [(conf.models_from, model_settings().models_dir)]
    if "fashn" in conf.allowed_engines:
        mirrors.append((conf.fashn_from, Path(conf.fashn_weights)))
    return sum(mirror(source, folder) for source, folder in mirrors if source)


def mirror(source: str, folder: Path) -> int:
    """Fetch the blobs of `container/prefix` that the folder lacks or has in another size; returns their number."""
    container, _, prefix = source.partition("/")
    prefix = f"{prefix.strip('/')}/"
    listed = list(blobs.listing(container, prefix))
    if not listed:
        raise ConfigurationError(f"there are no weights at {source}", code="weights_missing")
    fetched = 0
    for blob in listed:
        name = PurePosixPath(blob.name.removeprefix(prefix))
        if ".." in name.parts or name.is_absolute():
            continue
        target = folder / name
        if target.is_file() and target.stat().st_size == blob.size:
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f".{target.name}.{os.getpid()}")
        with partial.open("wb") as file:
            for chunk in blobs.chunks(container, blob.name):
                file.write(chunk)
        partial.replace(target)
        fetched += 1
    telemetry.log("vto.weights", source=source, files=len(listed), fetched=fetched)
    return fetched
