"""Draw garments into a folder.

    python -m wardrobe OUT --count 200 --seed 7

writes for every garment `SKU.jpg` (the photo), `SKU.mask.png` (0 or 255) and `SKU.json` (the attributes).
"""

from __future__ import annotations

import argparse
from pathlib import Path

from wardrobe import draw_garment, garment_specs, save_garment


def main() -> None:
    """Parse the command line and draw the garments."""
    parser = argparse.ArgumentParser(prog="python -m wardrobe", description="Draw garments like product photos.")
    parser.add_argument("out", type=Path)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--size", type=int, nargs=2, default=(512, 640), metavar=("WIDTH", "HEIGHT"))
    parser.add_argument("--no-masks", action="store_true")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    for spec in garment_specs(args.count, args.seed):
        save_garment(draw_garment(spec, tuple(args.size)), args.out, mask=not args.no_masks)
    print(f"{args.count} garments in {args.out}")


if __name__ == "__main__":
    main()
