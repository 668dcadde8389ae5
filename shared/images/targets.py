"""What can be segmented in an image. It imports nothing: the try-on container has no documents."""

from __future__ import annotations

from typing import Literal

type Target = Literal["garment", "person", "upper", "outerwear", "lower", "dress", "footwear", "accessory"]
"""Anything worn, the person, or one kind of garment."""
