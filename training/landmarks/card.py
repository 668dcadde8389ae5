"""The network's card, written from the figures of its run."""

from collections.abc import Mapping
from typing import Any


def table(figures: Mapping[str, Any]) -> str:
    """Errors of the network and of the rule."""
    placed, ruled = figures["placed"], figures["by_rule"]
    lines = [
        "| photos | landmarks | network: error, found | rule: error, found | rule finds nothing |",
        "|---|---|---|---|---|",
    ]
    for name, part in (("points placed by hand", placed), ("points of the rule", ruled)):
        ours, theirs = part["network"], part["rule"]
        lines.append(
            f"| {name}: {part['photos']} | {part['landmarks']} | {_percent(ours['mean_error'])}, "
            f"{_percent(ours['found'])} | {_percent(theirs['mean_error'])}, {_percent(theirs['found'])} | "
            f"{_percent(part['rule_finds_nothing'])} |"
        )
    return "\n".join(lines)


def groups(part: Mapping[str, Any]) -> str:
    """Mean errors by group of landmarks."""
    names = list(part["network"]["by_group"])
    lines = ["| | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for who in ("network", "rule"):
        values = part[who]["by_group"]
        lines.append(f"| {who} | " + " | ".join(_percent(values.get(name)) for name in names) + " |")
    return "\n".join(lines)


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"


def text(entry: Mapping[str, Any]) -> str:
    """The card."""
    figures, kinds = entry["figures"], entry["figures"]["kinds"]
    samples = figures["samples"]
    return f"""# garment_landmarks

Finds the landmarks of a garment that lies or hangs alone (neck, shoulders, armpits, cuffs, hem; waist, crotch, legs),
its kind, and whether a photo shows several garments. `garment_landmarks.onnx` {entry["bytes"] / 1e6:.1f} MB, float16
weights, sha256 `{entry["sha256"][:12]}`. Used by the try-on engine `compact`.

## Measured on validation photos of amateurs

Error: distance as a share of the longer side of the garment. Found: within 5 %; a landmark that the rule does not find
counts as not found. The points placed by hand are on photos that include those on which the rule fails, so they are the
harsher measure; those of the rule are its own labels, so its error there is 0 by definition. Photos of other sources
were not measured: there are none with known landmarks here.

{table(figures)}

Errors at the points placed by hand, by group:

{groups(figures["placed"])}

Kinds ({", ".join(entry["kinds"])}): {_percent(kinds["accuracy"])} of {kinds["photos"]} photos right; labels of the data
set are soft at the borders of kinds. Tops that would be refused as something else (probability of the kinds for the
legs, shoes and hats of 90 % or more): {_percent(kinds["tops_refused"])} of {kinds["tops"]}. Photos of one garment taken
for several: {_percent(kinds["single_taken_for_several"])}.

## Known failures

- Sleeves folded over the trunk, and garments folded or cut off by the frame.
- The armpit where a sleeve lies against the trunk: nothing in the photo shows it.
- Necklines of straps and hoods; the depth of a neckline is the least certain point.
- Photos taken at a steep angle.

## How it was made

`python -m training.landmarks`, seed {figures["seed"]}, {figures["threads"]} thread, {figures["steps"][0]} and then
{figures["steps"][1]} steps of {figures["batch"]} views, from ImageNet's weights of EfficientNet-Lite0.
{samples.get("drawn", 0)} drawn garments with exact points, on photographs' grounds and with photographs' fabrics;
{samples.get("rule", 0)} photos labelled by the rule where its points are complete and symmetric;
{samples.get("placed", 0)} photos with points placed by hand (`training/landmarks/placed.json`);
{samples.get("none", 0)} photos of which only the kind is known.
Views are turned, stretched, mirrored and lit at random; views of two garments teach `several`.

Points were placed by one reader with the help of an earlier network's answers, which were corrected: errors of that
network may have stayed. No checkpoint was chosen on the validation photos. The first run of the
shipped file used labels of an earlier state of the rule (wrong cuffs of T-shirts) and none placed by hand; a rerun
uses today's in both.

## Data and licence

{entry["licence"]}.
Photos: [Clothing dataset (small)](https://github.com/alexeygrigorev/clothing-dataset-small), CC0 1.0.
"""
