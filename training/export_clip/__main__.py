"""Write the towers, the tokenizer and the reference vectors of torch to a working folder.

    python -m training.export_clip --from DIR_OR_HUB_ID --work DIR

reads `DIR/gallery/*.png`, `DIR/golden/*.png` and `DIR/texts.json` ({gallery: [...], golden: [...]}), and writes
`image.fp32.onnx`, `text.fp32.onnx` (with `--int8` also `.int8.onnx` and `.int8-mlp.onnx`), `tokenizer.json`,
`reference.npz` (vectors of pictures and texts, by torch in fp32) and `export.json` (manifest fields). The reason of a
refusal is in `refused.txt`.
"""

import argparse
import os
import sys
from pathlib import Path

from .refusal import Refused

REFUSED = "refused.txt"


def main() -> int:
    """Parse the command line and run the export; status 2 if the model is refused."""
    parser = argparse.ArgumentParser(prog="python -m training.export_clip")
    parser.add_argument("--from", dest="source", required=True, metavar="DIR_OR_HUB_ID")
    parser.add_argument("--revision", help="of the hub's repository; by default its main branch")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--int8", action="store_true")
    parser.add_argument("--truncate-dim", type=int)
    given = parser.parse_args()
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "0" if sys.stderr.isatty() else "1")
    try:
        from . import source

        found = source.find(given.source, given.revision)
        from .run import run

        run(found, given.work, int8=given.int8, truncate_dim=given.truncate_dim)
    except Refused as refusal:
        (given.work / REFUSED).write_text(str(refusal))
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
