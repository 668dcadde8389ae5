"""Command line options of the trainings that use torch."""

import argparse
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]


def parser(prog: str, description: str | None, *, seed: int, threads: int) -> argparse.ArgumentParser:
    """A parser with the options that every training has; the caller adds its own."""
    made = argparse.ArgumentParser(prog=prog, description=description)
    data = REPOSITORY.parent / "shared" / "data"
    made.add_argument("--data", type=Path, default=data, help="folder with ccp/ and garments/ (%(default)s)")
    made.add_argument("--out", type=Path, help="output folder (models_onnx; with --quick below training/.cache)")
    made.add_argument("--seed", type=int, default=seed)
    made.add_argument("--threads", type=int, default=threads, help="threads of torch; they affect the resulting file")
    made.add_argument("--resume", action="store_true", help="resume from the checkpoint in training/.cache")
    made.add_argument("--quick", action="store_true", help="smoke test on a few photos")
    made.add_argument("--json", action="store_true", help="print the result as JSON, progress on stderr")
    return made
