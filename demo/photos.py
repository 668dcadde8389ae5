"""The people of the demo: public-domain photos that two development dependencies carry.

`grace_hopper.jpg` (matplotlib) shows Rear Admiral Grace Hopper, photographed by the US Navy; `astronaut.png`
(scikit-image) shows Eileen Collins, photographed by NASA. Works of the US government are in the public domain.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path


@dataclass(frozen=True)
class Person:
    """Who plays a shopper: a name for the account, and a photo."""

    name: str
    photo: Path


def people() -> tuple[Person, Person]:
    """The two shoppers. Raises FileNotFoundError if a package has stopped carrying its picture."""
    return (
        Person("Grace", _inside("matplotlib", "mpl-data/sample_data/grace_hopper.jpg")),
        Person("Eileen", _inside("skimage", "data/astronaut.png")),
    )


def _inside(package: str, path: str) -> Path:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise FileNotFoundError(f"{package} is not installed: run ./studio again to make the environment")
    file = Path(spec.origin).parent / path
    if not file.is_file():
        raise FileNotFoundError(f"{package} no longer carries {path}")
    return file
