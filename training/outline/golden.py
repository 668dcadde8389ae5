"""`python -m training.outline.golden`: the file's outputs for a generated input; run by the product's Python, which
checks them with the same code."""

import json
import sys
from pathlib import Path

from shared.onnx.golden_outputs import make_inputs, sample_outputs
from training.runtime import session


def main() -> None:
    """Write `<model>.golden.json` next to a model; arguments: the file, and its input's name and shape."""
    path, name = Path(sys.argv[1]), sys.argv[2]
    shape = [int(side) for side in sys.argv[3:]]
    opened = session(path)
    names = [one.name for one in opened.get_outputs()]
    found = dict(zip(names, opened.run(names, make_inputs({name: shape})), strict=True))
    values = {"input": "generated", "outputs": sample_outputs(found)}
    path.with_suffix(".golden.json").write_text(json.dumps(values) + "\n")


if __name__ == "__main__":
    main()
