"""`python -m training.garment_parser.prepare`: convert the public downloads to the layout that `data.py` reads.

Needs scipy for the .mat files (`pip install scipy`). The split of the labelled street photos is fixed by
`splits.json`; ids it does not name are held out and omitted.
"""

import argparse
import csv
import json
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from .data import (
    ACCESSORY,
    BACKGROUND,
    FOOTWEAR,
    FULL_BODY,
    GARMENT_CLASS,
    HAIR,
    LAYERED_OVER_VEST,
    LOWER,
    OUTERWEAR,
    SKIN,
    UPPER,
    classes_of_tags,
)

SPLITS = Path(__file__).with_name("splits.json")
LABELLED_SIDE, TAGGED_SIDE, GARMENT_SIDE = 400, 256, 256
"""Long sides in pixels of the stored photos."""

COARSE = {
    BACKGROUND: ("background", "null"),
    SKIN: ("skin", "skin"),
    HAIR: ("hair", "hair"),
    UPPER: ("upper", "blouse bra hoodie intimate jumper shirt sweater sweatshirt t-shirt top vest"),
    OUTERWEAR: ("outerwear", "blazer cape cardigan coat jacket suit"),
    LOWER: ("lower", "jeans leggings panties pants shorts skirt stockings tights"),
    FULL_BODY: ("full_body", "bodysuit dress romper swimwear"),
    FOOTWEAR: ("footwear", "boots clogs flats heels loafers pumps sandals shoes sneakers socks wedges"),
    ACCESSORY: (
        "accessory",
        "accessories bag belt bracelet earrings glasses gloves hat necklace purse ring scarf sunglasses tie "
        "wallet watch",
    ),
}
"""Class index -> its name and the original labels merged into it."""


def shrink(image: Image.Image, long_side: int) -> Image.Image:
    """Shrink a picture to a long side of at most `long_side` pixels."""
    scale = min(1.0, long_side / max(image.size))
    return image.resize([max(1, round(v * scale)) for v in image.size], Image.Resampling.LANCZOS)


def write_csv(path: Path, head: list[str], lines: list[list[object]]) -> None:
    """Write a CSV file with Unix line ends."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(head)
        writer.writerows(lines)


def prepare_people(source: Path, target: Path) -> None:
    """Clothing Co-Parsing (`photos/`, `annotations/`, `label_list.mat`) -> `ccp/`."""
    from scipy.io import loadmat

    for part in ("photos", "labels", "tag_photos"):
        (target / part).mkdir(parents=True, exist_ok=True)
    names = [str(cell.item()) for cell in loadmat(source / "label_list.mat")["label_list"].ravel()]
    class_of = {tag: index for index, (_, tags) in COARSE.items() for tag in tags.split()}
    coarse = {str(i): {"name": name, "from": tags.split()} for i, (name, tags) in COARSE.items()}
    (target / "label_map.json").write_text(json.dumps({"coarse": coarse}, indent=1) + "\n")

    lines: list[list[object]] = []
    for split, ids in json.loads(SPLITS.read_text()).items():
        for photo_id in ids:
            fine = np.asarray(loadmat(source / "annotations" / "pixel-level" / f"{photo_id}.mat")["groundtruth"])
            tags = {names[i] for i in np.unique(fine)} - {"null"}
            table = np.array([class_of[name] for name in names], np.uint8)
            if tags & LAYERED_OVER_VEST:
                table[names.index("vest")] = OUTERWEAR
            with Image.open(source / "photos" / f"{photo_id}.jpg") as photo:
                small = shrink(photo.convert("RGB"), LABELLED_SIDE)
            small.save(target / "photos" / f"{photo_id}.jpg", quality=88)
            label = Image.fromarray(table[fine]).resize(small.size, Image.Resampling.NEAREST)
            label.save(target / "labels" / f"{photo_id}.png")
            present = " ".join(str(i) for i in np.unique(np.asarray(label)))
            lines.append([photo_id, split, *small.size, present, "|".join(sorted(tags))])
    head = ["id", "split", "width", "height", "coarse_present", "labels_present"]
    write_csv(target / "labelled.csv", head, sorted(lines, key=lambda line: str(line[0])))

    lines = []
    for path in sorted((source / "annotations" / "image-level").glob("*.mat")):
        tags = {names[i] for i in np.asarray(loadmat(path)["tags"]).ravel()} - {"null"}
        classes_of_tags(tags, class_of)
        with Image.open(source / "photos" / f"{path.stem}.jpg") as photo:
            small = shrink(photo.convert("RGB"), TAGGED_SIDE)
        small.save(target / "tag_photos" / f"{path.stem}.jpg", quality=88)
        lines.append([path.stem, *small.size, "|".join(sorted(tags))])
    write_csv(target / "tag_photos.csv", ["id", "width", "height", "tags"], lines)


def prepare_garments(source: Path, target: Path) -> None:
    """Clothing dataset (small) (`train/<label>/*.jpg`, `validation/<label>/*.jpg`) -> `garments/`."""
    (target / "images").mkdir(parents=True, exist_ok=True)
    lines: list[list[object]] = []
    for split in ("train", "validation"):
        for label in GARMENT_CLASS:
            for path in sorted((source / split / label).glob("*.jpg")):
                with Image.open(path) as photo:
                    small = shrink(photo.convert("RGB"), GARMENT_SIDE)
                small.save(target / "images" / path.name, quality=85)
                lines.append([f"images/{path.name}", split, label, *small.size])
    write_csv(target / "labels.csv", ["file", "split", "label", "width", "height"], lines)


def main(argv: list[str] | None = None) -> int:
    """Prepare the given data sets."""
    parser = argparse.ArgumentParser(prog="python -m training.garment_parser.prepare", description=__doc__)
    parser.add_argument("--ccp", type=Path, help="clone of github.com/bearpaw/clothing-co-parsing")
    parser.add_argument("--garments", type=Path, help="clone of github.com/alexeygrigorev/clothing-dataset-small")
    parser.add_argument("--out", type=Path, required=True, help="root that gets ccp/ and garments/")
    options = parser.parse_args(argv)
    if options.ccp:
        prepare_people(options.ccp, options.out / "ccp")
    if options.garments:
        prepare_garments(options.garments, options.out / "garments")
    return 0


if __name__ == "__main__":
    sys.exit(main())
