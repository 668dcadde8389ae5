"""Figures of the towers, and the tables of the card."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from training.records import table

from . import evaluate
from .card import INT8_LOSS, TARGETS, Run
from .data import CATEGORIES, Dataset
from .evaluate import Embed, Read, vectors
from .network import INPUT_SIZE, JOINT
from .vocabulary import caption

BYTES_LIMIT = {"image": 3_000_000, "text": 2_000_000}
LATENCY_LIMIT_MS = {"image": 5.0, "text": 2.0}


def brief(embed: Embed, read: Read, data: Dataset) -> str:
    """One line of progress: figures on the monitoring photos and on training drawings."""

    def many(images) -> np.ndarray:
        return vectors(embed, images)

    seen = evaluate.pictures(many, data.dev, data.real[::2], evaluate.altered(data.dev))
    labels = np.array([item.category for item in data.dev])
    words = evaluate.words(read, many([item.image for item in data.dev]), labels)
    part = data.drawn[::3]
    drawn = evaluate.catalogue(read, many([item.image for item in part]), part)
    figures = {
        "knn": seen["knn_accuracy"],
        "map10": seen["map10"],
        "instance1": seen["instance1"],
        "words": words["map10"],
        "drawn": drawn["p10"],
    }
    return json.dumps({name: round(value, 3) for name, value in figures.items()})


def full(embed: Embed, read: Read, data: Dataset, path: Path) -> dict:
    """All figures of one image tower with the text tower."""
    kept: dict[int, np.ndarray] = {}

    def many(images: Sequence[np.ndarray]) -> np.ndarray:
        new = [image for image in images if id(image) not in kept]
        kept.update(zip(map(id, new), vectors(embed, new) if new else (), strict=True))
        return np.stack([kept[id(image)] for image in images])

    labels = np.array([item.category for item in data.val])
    copies = evaluate.altered(data.val)
    gallery = many([item.image for item in data.val])
    blank = np.zeros((1, 3, *INPUT_SIZE), np.float32)
    return {
        "pictures": evaluate.pictures(many, data.val, data.real, copies),
        "joint": evaluate.pictures(lambda images: joint(many(images)), data.val, data.real, copies),
        "words": evaluate.words(read, gallery, labels),
        "catalogue": evaluate.catalogue(read, many([item.image for item in data.drawn_test]), data.drawn_test),
        "latency": evaluate.latency(lambda: embed(blank)),
        "bytes": path.stat().st_size,
    }


def joint(found: np.ndarray) -> np.ndarray:
    """The joint part alone at unit length."""
    part = found[:, :JOINT]
    return part / np.linalg.norm(part, axis=1, keepdims=True)


def text_costs(read: Read, path: Path) -> dict:
    """Latency, with the tokenizer, and size of the text tower."""
    return {"latency": evaluate.latency(lambda: read(["navy striped t-shirt"])), "bytes": path.stat().st_size}


def standardise(embed: Embed, read: Read, data: Dataset, seed: int) -> dict[str, tuple[float, float]]:
    """Mean and standard deviation of raw cosines between a query and a non-matching product, by modality of the query.

    Queries are pictures outside the training data and captions; products are training photos and drawings."""
    items = [*data.real[::6], *data.drawn[::6]]
    gallery = vectors(embed, [item.image for item in items])
    seen = vectors(embed, [item.image for item in data.dev]) @ gallery.T
    rng = np.random.default_rng(seed)
    texts = [caption(rng, items[i].truth, sparse=True).text for i in rng.integers(0, len(items), 300)]
    text_cosines = read([text for text in texts if text]) @ gallery.T
    return {name: (float(x.mean()), float(x.std())) for name, x in (("image", seen), ("text", text_cosines))}


def headline(run: Run, precision: str) -> dict[str, float]:
    """The headline figures of the pair."""
    part = run.figures[precision]
    return {
        "mAP@10 of min(10, relevant)": part["pictures"]["full_map10"],
        "kNN accuracy": part["pictures"]["knn_accuracy"],
        "mAP@10": part["pictures"]["map10"],
        "instance@1": part["pictures"]["instance1"],
        "words mAP@10": part["words"]["map10"],
        "colour x category P@10": part["catalogue"]["p10"],
    }


def int8_loss(run: Run) -> float:
    """The largest loss of a headline figure in int8."""
    exact, small = headline(run, "fp32"), headline(run, "int8")
    return max(0.0, *(exact[name] - small[name] for name in exact))


def goals(run: Run) -> str:
    """Goals and measured values."""
    exact, small = headline(run, "fp32"), headline(run, "int8")
    rows: list[list[object]] = [
        [name, f">= {goal}", exact[name], small[name], verdict(small[name] >= goal)] for name, goal in TARGETS.items()
    ]
    rows.append(["largest int8 loss", f"<= {INT8_LOSS}", "-", int8_loss(run), verdict(int8_loss(run) <= INT8_LOSS)])
    part, text_part = run.figures["int8"], run.figures["text"]
    for name, found in (("image", part), ("text", text_part)):
        size, best = found["bytes"], found["latency"]["best_ms"]
        exact_size = run.figures["fp32"]["bytes"] / 1e6 if name == "image" else "-"
        fits = verdict(size <= BYTES_LIMIT[name])
        rows.append([f"{name} tower, MB", f"<= {BYTES_LIMIT[name] / 1e6}", exact_size, size / 1e6, fits])
        quick = verdict(best <= LATENCY_LIMIT_MS[name])
        exact_ms = run.figures["fp32"]["latency"]["best_ms"] if name == "image" else "-"
        rows.append([f"{name} tower, ms on one thread", f"<= {LATENCY_LIMIT_MS[name]}", exact_ms, best, quick])
    return table(["", "goal", "fp32", "shipped", "reached"], rows)


def verdict(reached: bool) -> str:
    """Text of the last column."""
    return "yes" if reached else "**no**"


def pictures_table(run: Run) -> str:
    """Search by picture: baselines, fp32, int8, and the joint part of int8 alone."""
    named = {"chance": "chance", "histogram": "colour histogram", "hog": "HOG", "hog+histogram": "HOG + histogram"}
    parts = [(named[name], found) for name, found in run.figures["floors"]["pictures"].items()]
    parts += [("fp32", run.figures["fp32"]["pictures"]), ("int8, joint part alone", run.figures["int8"]["joint"])]
    parts += [("**int8 (shipped)**", run.figures["int8"]["pictures"])]
    rows: list[list[object]] = [
        [
            name,
            found["full_map10"],
            found["knn_accuracy"],
            found["p10"],
            found["map10"],
            found["train_gallery"]["map10"],
            found["instance1"],
            found["instance1_wide"],
        ]
        for name, found in parts
    ]
    near, wide = run.figures["int8"]["pictures"]["instance_gallery"]
    head = ["", "mAP@10 full", "kNN accuracy", "P@10", "mAP@10", "mAP@10, training gallery"]
    return table([*head, f"instance@1 of {near}", f"instance@1 of {wide}"], rows)


def categories_table(run: Run) -> str:
    """Per category: photos classified correctly by kNN, and the most frequent confusion."""
    found = run.figures["int8"]["pictures"]
    confusion = np.array(found["confusion"])
    words = run.figures["int8"]["words"]["words"]
    rows: list[list[object]] = []
    for i, name in enumerate(CATEGORIES):
        others = confusion[i].copy()
        others[i] = 0
        worst = f"{CATEGORIES[int(others.argmax())]} ({others.max()})" if others.max() else "-"
        scores = ", ".join(f"{word} {words[word]:.2f}" for word in evaluate.SYNONYMS[name] if word in words)
        rows.append([name, int(confusion[i].sum()), found["knn_by_category"].get(name, "-"), worst, scores])
    return table(["category", "photos", "kNN accuracy", "most often confused with", "words, mAP@10 each"], rows)


def text_table(run: Run) -> str:
    """Search by text with its baselines."""
    floors = run.figures["floors"]
    rows: list[list[object]] = [
        ["chance", floors["words_chance"], "-", floors["catalogue"]["chance"]],
        ["colour alone, measured inside the exact mask", "-", "-", floors["catalogue"]["colour_alone"]],
    ]
    for name, precision in (("fp32", "fp32"), ("**int8 (shipped)**", "int8")):
        words, drawn = run.figures[precision]["words"], run.figures[precision]["catalogue"]
        rows.append([name, words["map10"], words["plain_map10"], drawn["p10"]])
    drawn = run.figures["int8"]["catalogue"]
    head = [
        "",
        "words and synonyms, mAP@10",
        "most common word, mAP@10",
        f"colour x category P@10 ({drawn['queries']})",
    ]
    return table(head, rows)


def summary(run: Run) -> str:
    """The summary for the terminal."""
    return goals(run)
