"""Products made up for the index: clustered vectors, attributes and words, from a seed."""

from __future__ import annotations

from functools import cache

import numpy as np

from functions.search.engine.items import Item, Model

DIM = 32
MODEL = Model("fashion@aaaaaaaaaaaa", "a" * 64, DIM, {"image": (0.5, 0.12), "text": (0.25, 0.06)})
OTHER = Model("fashion@bbbbbbbbbbbb", "b" * 64, DIM, {"image": (0.4, 0.1), "text": (0.2, 0.05)})
CATEGORIES = ("dress", "shirt", "trousers", "shoes", "bag")
COLOURS = ("red", "blue", "green", "black", "white")
VENDORS = ("ada", "bob", "cid", "dot")
MADE_OF = ("cotton", "linen", "wool", "silk", "viscose", "denim", "zebrano")


def unit(vector: np.ndarray) -> np.ndarray:
    return (vector / np.linalg.norm(vector)).astype(np.float32)


@cache
def items(count: int, seed: int = 1, prefix: str = "p", revision: int = 1) -> tuple[Item, ...]:
    """`count` products; one in ten looks like the one before it, one in seven has no price."""
    random = np.random.default_rng(seed)
    centres = random.standard_normal((12, DIM))
    made: list[Item] = []
    for n in range(count):
        vector = unit(centres[n % 12] + 0.8 * random.standard_normal(DIM) + 0.5)
        if n % 10 == 9:
            vector = unit(made[-1].vector + 0.02 * random.standard_normal(DIM))
        category = CATEGORIES[int(random.integers(len(CATEGORIES)))]
        colours = tuple(sorted({COLOURS[int(at)] for at in random.integers(len(COLOURS), size=2)}))
        stuff = MADE_OF[int(random.integers(len(MADE_OF)))]
        made.append(
            Item(
                id=f"{prefix}{n:05d}",
                revision=revision,
                vector=vector,
                category=category if n % 11 else None,
                colours=colours,
                price=None if n % 7 == 3 else int(random.integers(500, 20_000)),
                currency="EUR" if n % 3 else "USD",
                vendor=VENDORS[int(random.integers(len(VENDORS)))],
                tags=("rare",) if n % 1000 == 5 else ("new", "sale") if n % 4 == 0 else (),
                words=f"{colours[0]} {stuff} {category}{' for every day' if n % 2 else ''} {' '.join(colours)}",
                description="waterproof, washable" if n % 9 == 4 else "",
                phash=int(random.integers(1, 2**63)) if n % 5 else None,
            )
        )
    return tuple(made)


def query_vectors(seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """A picture's vector near some products, and a text's, far from all."""
    random = np.random.default_rng(seed)
    near = items(40)[seed % 40].vector
    return unit(near + 0.3 * random.standard_normal(DIM) / np.sqrt(DIM)), unit(random.standard_normal(DIM) + 0.4)
