"""The search index by number of products: recall, latency, build, memory and opening, against flat fp32.

Vectors are generated: clusters, a decaying spectrum, picture-like queries near a product, and text-like queries at a
constant distance with cosines of about .3. Real vectors are easier or harder, so compare recall and ratios. Engine
latencies are those of a complete search: filters, exact order in double precision, cursor.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bench._common import elapsed_ms, quantile, spread
from emulators.azurite import Azurite
from emulators.stack import ROOT

if TYPE_CHECKING:
    from functions.search.engine.columns import Columns
    from functions.search.engine.items import Model

type Rows = NDArray[Any]
"""One vector a row."""

DIM = 256
SIZES, QUICK_SIZES = (10_000, 100_000, 1_000_000), (10_000, 100_000)
QUERIES, TIMED = 200, 120
SHARES = (0.001, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0)
CATEGORIES = ("dress", "shirt", "coat", "shoes", "bag")
COLOURS, PATTERNS = ("red", "blue", "green", "black"), ("plain", "striped", "dotted")
ROUNDS = 5
SWAPS = 20
SLOW_MS = 250
"""A response counts as slow above this, and above twenty times the median without version switches."""


def main(*, quick: bool = False) -> dict[str, Any]:
    """Measure by number of products, version switches under load, and (unless `quick`) the whole system."""
    sizes = QUICK_SIZES if quick else SIZES
    with tempfile.TemporaryDirectory() as folder, Azurite() as storage:
        environment(storage, Path(folder))
        report: dict[str, Any] = {"ok": True, "dim": DIM, "threads": 1, "sizes": {}}
        for count in sizes:
            print(f"{count} products ...", file=sys.stderr, flush=True)
            report["sizes"][str(count)] = size(count, Path(folder))
        report["swaps"] = swaps(2_000 if quick else 10_000)
    if not quick:
        report["system"] = system()
    first, last = (report["sizes"][str(count)]["search_ms"] for count in (sizes[0], sizes[-1]))
    report["growth"] = {"products": sizes[-1] / sizes[0], **{name: ratio(last[name], first[name]) for name in first}}
    report["ok"] = not (report["swaps"]["failed"] or report["swaps"]["empty"] or "error" in report.get("system", {}))
    return report


def system() -> dict[str, Any]:
    """Measure freshness and end-to-end text search in a separate process.

    Settings, clients and the index are global to a process, and the engine's part uses its own. An error is reported
    instead of raised, so that the figures measured before it are not lost.
    """
    print("the whole system ...", file=sys.stderr, flush=True)
    command = (sys.executable, "-m", "cli", "bench", "search_freshness", "--json")
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        return {"error": done.stderr[-2000:]}
    return json.loads(done.stdout)


def environment(storage: Azurite, folder: Path) -> None:
    """Configure the product code in this process."""
    os.environ |= {
        "ENVIRONMENT": "development",
        "Storage": storage.connection_string,
        "DOCUMENTS": f"sqlite:{folder / 'documents.sqlite'}",
        "JWT_KEYS": '{"k1": "development-only-key-that-no-production-will-take"}',
        "INDEX_CACHE_DIR": str(folder / "cache"),
        "INDEX_POLL_S": "1",
    }


def model() -> Model:
    """The model that the generated vectors belong to."""
    from functions.search.engine.items import Model

    return Model("fashion@000000000000", "0" * 64, DIM, {"image": (0.5, 0.1), "text": (0.25, 0.05)})


def vectors(count: int, seed: int = 1, dim: int = DIM) -> Rows:
    """Generate (count, dim) float16 rows of unit length with clusters and a decaying spectrum."""
    random = np.random.default_rng(seed)
    spectrum = (1 / np.sqrt(1 + np.arange(dim) / 12)).astype(np.float32)
    centres = random.standard_normal((max(64, count // 250), dim), dtype=np.float32) * spectrum
    made = np.empty((count, dim), np.float16)
    for start in range(0, count, 50_000):
        many = min(50_000, count - start)
        rows = centres[random.integers(len(centres), size=many)]
        rows += 0.6 * random.standard_normal((many, dim), dtype=np.float32) * spectrum
        made[start : start + many] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return made


def queries(rows: Rows) -> dict[str, Rows]:
    """Generate picture-like and text-like queries: (QUERIES, DIM) float32 rows of unit length."""
    random = np.random.default_rng(5)
    spectrum = (1 / np.sqrt(1 + np.arange(DIM) / 12)).astype(np.float32)

    def unit(values: Rows) -> Rows:
        return (values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float32)

    near = rows[np.sort(random.choice(len(rows), QUERIES, replace=False))].astype(np.float32)
    noise = unit(random.standard_normal((QUERIES, DIM)) * spectrum)
    gap = unit(random.standard_normal((1, DIM)))
    return {"image": unit(near + 0.5 * noise), "text": unit(0.35 * near + 0.65 * gap + 0.65 * noise)}


def columns(rows: Rows, prefix: str = "") -> Columns:
    """Generate products with these vectors; attributes and titles repeat every 50,000.

    Args:
        prefix: start of their ids.
    """
    from functions.search.engine.columns import Columns
    from functions.search.engine.items import Item

    def item(number: int, row: Rows) -> Item:
        return Item(
            id=f"{prefix}p{number:09}",
            revision=1,
            vector=row,
            category=CATEGORIES[number % 5],
            colours=(COLOURS[number % 4],),
            price=number % 20_000,
            currency="EUR",
            vendor=f"v{number % 37}",
            # One tag for each filter of the table, set on its share of the products.
            tags=tuple(f"s{share}" for share in SHARES if number % 1000 < 1000 * share),
            words=f"{PATTERNS[number % 3]} {COLOURS[number % 4]} {CATEGORIES[number % 5]} model {number % 997}",
        )

    block = min(len(rows), 50_000)
    base = Columns.of([item(number, rows[number]) for number in range(block)], rows.shape[1])
    parts: list[Columns] = []
    for start in range(0, len(rows), block):
        part = base if len(rows) - start >= block else base.take(np.arange(len(rows) - start))
        ids = np.array([f"{prefix}p{number:09}".encode() for number in range(start, start + part.count)])
        parts.append(Columns(rows[start : start + part.count], {**part.data, "ids": ids}))
    return Columns.joined(parts)


def size(count: int, folder: Path) -> dict[str, Any]:
    """Measure one row of the table."""
    from functions.search.engine import kernel as kernels
    from functions.search.engine import shop as shops
    from functions.search.engine import versions
    from functions.search.engine.kernel import IvfIndex
    from functions.search.engine.local import LocalIndex

    name = f"bench-{count}"
    rows = vectors(count)
    asked = queries(rows)
    flat, truth = reference(rows, asked, folder)
    made = columns(rows)
    index = LocalIndex(model)
    build = index.begin(name)
    started = time.perf_counter()
    build.take(made)
    manifest = index.publish(build, steps := Steps())
    build_s = time.perf_counter() - started
    del made
    path = versions.home(name) / manifest.version
    opened: list[float] = []
    for _ in range(5):
        opened.append(elapsed_ms(lambda: shops.load(name, manifest.version, model())))
    found = engine(index, name, asked, truth)
    kernel = kernels.open_kernel(path)
    ours = {kind: timed(lambda q: kernel.top(q, 10, None), vectors_) for kind, vectors_ in asked.items()}
    theirs = {kind: timed(flat, vectors_) for kind, vectors_ in asked.items()}
    return {
        "kind": "IVF of bytes + fp16 rescore" if isinstance(kernel, IvfIndex) else "flat fp16",
        "recall10": found["recall10"],
        "search_ms": found["search_ms"],
        "kernel_ms": ours,
        "flat_fp32_ms": theirs,
        "kernel_over_flat_fp32": {kind: ratio(ours[kind], theirs[kind]) for kind in ours},
        "publish_s": round(build_s, 2),
        "steps_s": steps.seconds(),
        "self_test_recall10": manifest.recall10,
        "file_mb": round(manifest.bytes / 1e6, 1),
        "flat_fp32_mb": round(count * DIM * 4 / 1e6, 1),
        "open_ms": round(statistics.median(opened), 2),
        "worker_more": second_worker(path),
        "filters": filters(index, name, asked["image"], rows),
    }


class Steps:
    """Records the steps of a build with their durations."""

    def __init__(self) -> None:
        self._at: list[tuple[str, float]] = []

    def __call__(self, step: str, share: float) -> None:
        self._at.append((step, time.perf_counter()))

    def seconds(self) -> dict[str, float]:
        """Seconds by step."""
        ends = [at for _, at in self._at[1:]] + [time.perf_counter()]
        taken: dict[str, float] = {}
        for (step, at), end in zip(self._at[:-1], ends, strict=False):
            taken[step] = taken.get(step, 0) + end - at
        return {step: round(seconds, 2) for step, seconds in taken.items()}


def reference(
    rows: Rows, asked: dict[str, Rows], folder: Path
) -> tuple[Callable[[Rows], Any], dict[str, list[list[int]]]]:
    """Flat fp32: a function that searches it, and its ten best rows for each query."""
    from functions.search.engine.kernel import library

    faiss = library()
    index = faiss.IndexFlatIP(DIM)
    for start in range(0, len(rows), 50_000):
        index.add(rows[start : start + 50_000].astype(np.float32))
    truth = {kind: index.search(many, 10)[1].tolist() for kind, many in asked.items()}
    return lambda query: index.search(query[None], 10), truth


def engine(index: Any, shop: str, asked: dict[str, Rows], truth: dict[str, list[list[int]]]) -> dict[str, Any]:
    """Measure recall against flat fp32, and milliseconds of complete searches."""
    from functions.search.engine.query import Match, VectorQuery, Weights

    def query(kind: str, vector: Rows) -> VectorQuery:
        if kind == "image":
            return VectorQuery(shop, image=vector, k=10)
        return VectorQuery(shop, text=vector, weights=Weights(0, 1), k=10)

    recall: dict[str, float] = {}
    for kind, many in asked.items():
        hits = 0
        for vector, best in zip(many, truth[kind], strict=True):
            found = {int(hit.id[1:]) for hit in index.search(query(kind, vector)).hits}
            hits += len(found & set(best))
        recall[kind] = round(hits / (10 * len(many)), 4)
    taken = {kind: timed(lambda v, kind=kind: index.search(query(kind, v)), many) for kind, many in asked.items()}
    for name, words in {"text_and_words": "striped model 7", "text_and_common_words": "red striped dress"}.items():
        wanted = VectorQuery(shop, words=words, weights=Weights(0, 0.7, 0.3), k=10)
        taken[name] = timed(lambda v, wanted=wanted: index.search(replace(wanted, text=v)), asked["text"])
        matched = replace(wanted, match=Match(floor=1.1))
        taken[f"{name}_matched"] = timed(lambda v, wanted=matched: index.search(replace(wanted, text=v)), asked["text"])
    misspelt = VectorQuery(shop, words="stripd drses model", weights=Weights(0, 0.7, 0.3), k=10, match=Match(floor=1.1))
    taken["misspelt_matched"] = timed(lambda v: index.search(replace(misspelt, text=v)), asked["text"])
    photo = VectorQuery(shop, k=10, match=Match(by_words=False, floor=1.2))
    taken["image_matched"] = timed(lambda v: index.search(replace(photo, image=v)), asked["image"])
    return {"recall10": recall, "search_ms": taken}


def filters(index: Any, shop: str, asked: Rows, rows: Rows) -> dict[str, Any]:
    """Measure complete searches with filters that a share of the products passes, and their recall.

    Times are those of the processor. Each round searches with and without the filter in turn, first one and then the
    other, for other vectors: the second search for a vector finds its lists in the processor's caches.
    """
    from functions.search.engine.query import Filters, VectorQuery

    vectors_ = list(asked[:60])
    plain = [VectorQuery(shop, image=vector, k=10) for vector in vectors_]
    others = [VectorQuery(shop, image=vector, k=10) for vector in asked[60:120]]
    for query in (*plain, *others):
        index.search(query)
    table: dict[str, Any] = {}
    for share in SHARES:
        passing = np.flatnonzero(np.arange(len(rows)) % 50_000 % 1000 < 1000 * share)
        part = rows[passing].astype(np.float32)
        wanted = Filters(tags=(f"s{share}",))
        first = elapsed_ms(lambda wanted=wanted: index.search(replace(plain[0], filters=wanted)))
        rounds = [_filter_round(index, wanted, plain, others, turn) for turn in range(ROUNDS + 1)][1:]
        missed = foreign = 0
        for vector, query in zip(vectors_, plain, strict=True):
            page = index.search(replace(query, filters=wanted))
            scores = part @ vector
            best = passing[np.argpartition(-scores, min(10, len(scores) - 1))[:10]]
            found = {int(hit.id[1:]) for hit in page.hits}
            missed += len(set(best.tolist()) - found)
            foreign += len(found - set(passing.tolist())) if len(passing) < 50_000 else 0
        ratios = sorted(filtered / unfiltered for unfiltered, filtered in rounds)
        table[f"{share:.1%}"] = {
            "first_ms": round(first, 3),
            "cpu_ms": round(statistics.median(filtered for _, filtered in rounds), 3),
            "over_unfiltered": round(statistics.median(ratios), 2),
            "rounds": [round(one, 2) for one in ratios],
            "recall10": round(1 - missed / (10 * len(plain)), 4),
            "foreign": foreign,
        }
    return table


def _filter_round(index: Any, wanted: Any, some: list[Any], others: list[Any], turn: int) -> tuple[float, float]:
    """Medians of CPU milliseconds without a filter and with it."""
    if turn % 2:
        some, others = others, some
    plain: list[float] = []
    filtered: list[float] = []
    for number, (one, other) in enumerate(zip(some, others, strict=True)):
        for kind in (0, 1) if number % 2 else (1, 0):
            query, taken = (one, plain) if kind == 0 else (replace(other, filters=wanted), filtered)
            started = time.thread_time()
            index.search(query)
            taken.append((time.thread_time() - started) * 1e3)
    return statistics.median(plain), statistics.median(filtered)


SECOND = """
import json, sys, time, psutil
from pathlib import Path
import numpy as np
from numpy.typing import NDArray
from functions.search.engine import kernel
from functions.search.engine.columns import FILE, Columns
kernel.library()
me = psutil.Process()
before = me.memory_full_info()
started = time.perf_counter()
opened = kernel.open_kernel(Path(sys.argv[1]))
columns = Columns.load(Path(sys.argv[1]) / FILE, opened.rows)
took = time.perf_counter() - started
at_open = me.memory_full_info()
for n in range(20):
    opened.top(np.random.default_rng(n).standard_normal(opened.rows.shape[1]).astype(np.float32), 10, None)
after = me.memory_full_info()
print(json.dumps({"open_ms": round(took * 1e3, 2), "rss_open_mb": round((at_open.rss - before.rss) / 1e6, 1),
    "private_mb": round((after.uss - before.uss) / 1e6, 1), "shared_mb": round((after.rss - after.uss) / 1e6, 1)}))
"""


def second_worker(path: Path) -> dict[str, float]:
    """Open files that this process has mapped in another process; measure milliseconds and the added memory."""
    command = [sys.executable, "-c", SECOND, str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def swaps(count: int) -> dict[str, Any]:
    """Search under constant load while another worker publishes one version after another."""
    from functions.search.engine.local import LocalIndex
    from functions.search.engine.query import VectorQuery

    shop, rows = f"swaps-{count}", vectors(count, seed=9)
    publisher, searcher = LocalIndex(model), LocalIndex(model)
    build = publisher.begin(shop)
    build.take(columns(rows))
    publisher.publish(build)
    asked = queries(rows)["image"]
    quiet = timed(lambda vector: searcher.search(VectorQuery(shop, image=vector, k=10)), asked)
    times: list[float] = []
    versions_seen: set[str] = set()
    failed = empty = 0
    done = threading.Event()

    def load() -> None:
        nonlocal failed, empty
        turn = 0
        while not done.is_set():
            started = time.perf_counter()
            try:
                page = searcher.search(VectorQuery(shop, image=asked[turn % len(asked)], k=10))
                versions_seen.add(page.index_version)
                empty += len(page.hits) < 10
            except Exception:
                failed += 1
            times.append((time.perf_counter() - started) * 1e3)
            turn += 1
            time.sleep(0.01)

    thread = threading.Thread(target=load)
    thread.start()
    durations: list[float] = []
    for _ in range(SWAPS):
        started = time.perf_counter()
        publisher.merge(shop)
        durations.append(time.perf_counter() - started)
        time.sleep(1.2)
    done.set()
    thread.join()
    return {
        "products": count,
        "swaps": SWAPS,
        "versions_that_answered": len(versions_seen),
        "searches": len(times),
        "failed": failed,
        "empty": empty,
        "slow": sum(ms > max(SLOW_MS, 20 * quiet["p50"]) for ms in times),
        "ms": {"p50": quantile(times, 0.5), "p99": quantile(times, 0.99), "max": round(max(times), 1)},
        "quiet_ms": quiet,
        "merge_s": round(statistics.median(durations), 2),
    }


def timed(run: Callable[[Rows], Any], many: Rows) -> dict[str, float]:
    """Median and 95th percentile in milliseconds over `TIMED` queries, after five to warm up."""
    taken: list[float] = []
    for turn in range(TIMED + 5):
        vector = many[turn % len(many)]
        spent = elapsed_ms(lambda vector=vector: run(vector))
        if turn >= 5:
            taken.append(spent)
    return spread(taken)


def ratio(a: dict[str, float], b: dict[str, float]) -> float:
    return round(a["p50"] / b["p50"], 2)
