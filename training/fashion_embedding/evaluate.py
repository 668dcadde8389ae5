"""Figures, each with baselines that need no learning. All figures are those of the shipped vectors.

Searches by picture exclude the query itself. Average precision at ten is the mean precision at the ranks of the
relevant ones among the first ten (`map10`); divided by min(10, relevant) instead, missing ones count as well
(`full_map10`). All are averaged over the queries of a category before they are averaged over categories.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from tokenizers import Tokenizer

from training.backbone import MEAN, STD
from training.runtime import session

from .data import CATEGORIES, Item
from .network import INPUT_SIZE
from .tokens import encode

Embed = Callable[[np.ndarray], np.ndarray]
"""Prepared pictures (n, 3, h, w) float32 -> vectors (n, D)."""
Read = Callable[[Sequence[str]], np.ndarray]
"""Texts -> vectors (n, D)."""

NEIGHBOURS = 10
SYNONYMS: dict[str, tuple[str, ...]] = {
    "dress": ("dress", "gown", "frock"),
    "hat": ("hat", "headwear", "cap"),
    "longsleeve": ("longsleeve", "long sleeve", "long-sleeved top"),
    "outwear": ("outwear", "outerwear", "jacket", "coat"),
    "pants": ("pants", "trousers", "slacks"),
    "shirt": ("shirt", "button-up shirt", "dress shirt"),
    "shoes": ("shoes", "footwear", "pair of shoes"),
    "shorts": ("shorts", "short pants", "bermudas"),
    "skirt": ("skirt", "skirts"),
    "t-shirt": ("t-shirt", "tshirt", "tee"),
}
"""Queries that a user may type to find a category of the garment photos."""


def image_model(path: Path) -> Embed:
    """Load the exported image tower."""
    opened = session(path)
    return lambda x: opened.run(["image_embeds"], {"image": x})[0]


def text_model(path: Path, tokenizer: Tokenizer) -> Read:
    """Load the exported text tower with its tokenizer."""
    opened = session(path)

    def read(texts: Sequence[str]) -> np.ndarray:
        ids, mask = encode(tokenizer, texts)
        return opened.run(["text_embeds"], {"input_ids": ids, "attention_mask": mask})[0]

    return read


def prepare(image: np.ndarray) -> np.ndarray:
    """An RGB picture (h, w, 3) uint8 as the model's input (1, 3, h, w): stretched by Pillow's BILINEAR (which
    filters when shrinking) and normalised."""
    height, width = INPUT_SIZE
    resized = np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR), np.float32)
    return ((resized / 255 - np.float32(MEAN)) / np.float32(STD)).transpose(2, 0, 1)[None].astype(np.float32)


def vectors(embed: Embed, images: Sequence[np.ndarray]) -> np.ndarray:
    """Vectors (n, D) of pictures of any size."""
    parts = [embed(np.concatenate([prepare(image) for image in images[i : i + 32]])) for i in range(0, len(images), 32)]
    return np.concatenate(parts)


def average_precision(relevant: np.ndarray, total: int | None = None, depth: int = NEIGHBOURS) -> float:
    """Average precision of one ranking, `relevant` (depth,) bool in rank order.

    Divided by the relevant ones among the first `depth`, or, if the number in the whole gallery is given, by the
    largest possible number among them."""
    hits = relevant[:depth]
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    over = hits.sum() if total is None else min(depth, total)
    return float((precision * hits).sum() / max(1, over))


def by_category(scores: np.ndarray, queries: np.ndarray, gallery: np.ndarray, own: bool) -> dict[str, float]:
    """Retrieval of the same category, macro: `scores` (q, g) with the categories of both sides.

    Args:
        own: query i is gallery item i, and is excluded.
    """
    if own:
        scores = scores.copy()
        np.fill_diagonal(scores, -np.inf)
    order = np.argsort(-scores, axis=1, kind="stable")[:, :NEIGHBOURS]
    found: dict[int, list[tuple[float, ...]]] = {}
    for i, category in enumerate(queries):
        relevant = gallery[order[i]] == category
        total = int((gallery == category).sum()) - own
        share = float(relevant.sum()) / max(1, min(NEIGHBOURS, total))
        values = (average_precision(relevant), average_precision(relevant, total), share)
        found.setdefault(int(category), []).append(values)
    means = np.mean([np.mean(values, 0) for values in found.values()], 0)
    return dict(zip(("map10", "full_map10", "p10"), map(float, means), strict=True))


def nearest_category(scores: np.ndarray, gallery: np.ndarray) -> np.ndarray:
    """Category (q,) by a vote of the ten nearest, weighted by exp(score / .1)."""
    order = np.argsort(-scores, axis=1, kind="stable")[:, :NEIGHBOURS]
    votes = np.zeros((len(scores), len(CATEGORIES)))
    for i, row in enumerate(order):
        np.add.at(votes[i], gallery[row], np.exp((scores[i, row] - scores[i, row[0]]) / 0.1))
    return votes.argmax(1)


def altered(items: Sequence[Item], seed: int = 20) -> list[np.ndarray]:
    """A cropped and relit copy of each picture: a random crop of 80-93 % of either side, changed light and white
    balance, JPEG quality 70."""
    rng = np.random.default_rng(seed)
    copies = []
    for item in items:
        height, width = item.image.shape[:2]
        h, w = (max(8, round(side * rng.uniform(0.8, 0.93))) for side in (height, width))
        y, x = int(rng.integers(0, height - h + 1)), int(rng.integers(0, width - w + 1))
        part = item.image[y : y + h, x : x + w].astype(np.float32) / 255
        gains = rng.uniform(0.75, 1.25) * np.exp(rng.normal(0, 0.05, 3))
        lit = np.clip(part ** rng.uniform(0.8, 1.25) * gains, 0, 1) * 255
        _, data = cv2.imencode(".jpg", lit.astype(np.uint8)[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 70])
        copies.append(cv2.imdecode(data, cv2.IMREAD_COLOR)[:, :, ::-1])
    return copies


def pictures(
    embed: Callable[[Sequence[np.ndarray]], np.ndarray], val: list[Item], train: list[Item], copies: list[np.ndarray]
) -> dict:
    """Search by picture: kNN accuracy against the training photos; same category among the other validation photos,
    and among the training photos; and `copies` (from `altered(val)`) finding their originals among
    validation photos, and among these and the training photos."""
    own, known = embed([item.image for item in val]), embed([item.image for item in train])
    labels, gallery = (np.array([item.category for item in items]) for items in (val, train))
    guess = nearest_category(own @ known.T, gallery)
    again = embed(copies)
    inside = again @ own.T
    wide = np.concatenate([inside, again @ known.T], 1)
    first = np.arange(len(val))
    per_category = {
        name: float((guess[labels == i] == i).mean()) for i, name in enumerate(CATEGORIES) if (labels == i).any()
    }
    confusion = np.zeros((len(CATEGORIES), len(CATEGORIES)), np.int64)
    np.add.at(confusion, (labels, guess), 1)
    return {
        "knn_accuracy": float((guess == labels).mean()),
        **by_category(own @ own.T, labels, labels, own=True),
        "train_gallery": by_category(own @ known.T, labels, gallery, own=False),
        "instance1": float((inside.argmax(1) == first).mean()),
        "instance1_wide": float((wide.argmax(1) == first).mean()),
        "instance_gallery": [len(val), wide.shape[1]],
        "knn_by_category": per_category,
        "confusion": confusion.tolist(),
    }


def words(read: Read, gallery: np.ndarray, labels: np.ndarray) -> dict:
    """Category words and their synonyms on the garment photos: mAP@10 per word, averaged within a category first."""
    per_word: dict[str, float] = {}
    per_category = []
    for name, synonyms in SYNONYMS.items():
        relevant = labels == CATEGORIES.index(name)
        if not relevant.any():
            continue
        values = []
        for word, vector in zip(synonyms, read(synonyms), strict=True):
            order = np.argsort(-(gallery @ vector), kind="stable")
            values.append(average_precision(relevant[order], int(relevant.sum())))
            per_word[word] = values[-1]
        per_category.append(np.mean(values))
    plain = [per_word[synonyms[0]] for synonyms in SYNONYMS.values() if synonyms[0] in per_word]
    return {"map10": float(np.mean(per_category)), "plain_map10": float(np.mean(plain)), "words": per_word}


def colour_queries(items: list[Item]) -> dict[tuple[str, str], np.ndarray]:
    """Every pair of colour and category that ten drawings have (fewer in a small set) -> which drawings have it, (n,)
    bool."""
    least = min(NEIGHBOURS, 1 + len(items) // 500)
    facts = np.array([(item.facts["colour"], item.facts["category"]) for item in items])
    found = {}
    for pair in sorted(set(map(tuple, facts.tolist()))):
        relevant = (facts == np.array(pair)).all(1)
        if relevant.sum() >= least:
            found[pair] = relevant
    return found


def catalogue(read: Read, gallery: np.ndarray, items: list[Item]) -> dict:
    """`<colour> <category>` on the drawn garments: precision at ten (in a small set at the number of relevant ones),
    averaged over all pairs."""
    queries = colour_queries(items)
    texts = read([f"{colour} {category}" for colour, category in queries])
    return ranked(gallery @ texts.T, queries)


def ranked(scores: np.ndarray, queries: dict[tuple[str, str], np.ndarray]) -> dict:
    """The figures of `catalogue` from scores (gallery, queries)."""
    values, worst = [], {}
    for column, (pair, relevant) in enumerate(queries.items()):
        depth = min(NEIGHBOURS, int(relevant.sum()))
        order = np.argsort(-scores[:, column], kind="stable")[:depth]
        value = float(relevant[order].mean())
        values.append(value)
        worst[" ".join(pair)] = value
    lowest = dict(sorted(worst.items(), key=lambda one: one[1])[:8])
    return {
        "p10": float(np.mean(values)),
        "queries": len(values),
        "lowest": lowest,
    }


def latency(run: Callable[[], object], times: int = 60) -> dict[str, float]:
    """Milliseconds of one call: best and median of `times`."""
    for _ in range(5):
        run()
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        run()
        taken.append((time.perf_counter() - began) * 1000)
    return {"best_ms": float(min(taken)), "median_ms": float(np.median(taken))}
