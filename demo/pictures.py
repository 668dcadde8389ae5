"""Pictures of the demo's page, beside it in the folder `pictures`."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from PIL import Image

FOLDER: Final = "pictures"
LARGEST: Final = (480, 640)


class Pictures:
    """Saves pictures and remembers their files."""

    def __init__(self, out: Path) -> None:
        self._out = out
        self.files: list[Path] = []

    def src(self, picture: Image.Image, name: str) -> str:
        """Save a picture, at most `LARGEST`; returns its address in the page."""
        small = picture.convert("RGB")
        small.thumbnail(LARGEST, Image.Resampling.LANCZOS)
        file = self._out / FOLDER / f"{name}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        small.save(file, "JPEG", quality=88)
        self.files.append(file)
        return f"{FOLDER}/{file.name}"
