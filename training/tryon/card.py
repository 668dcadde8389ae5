"""The model card, written from the figures of a run."""

import json
from pathlib import Path

from . import deform

GOALS = {"garment_ssim": 0.05, "warped_mask_iou": 0.85}
NAMES = {
    "flat_colour": "flat mean colour in the **true** silhouette",
    "row_wise": "row-wise warp into the **true** silhouette",
    "told": "compact, given the **true** silhouette",
    "engine": "**compact**",
}
SHOWN = ("flat_colour", "row_wise", "engine")


def table(figures: dict) -> str:
    """Scores of every method."""
    lines = [
        "| | SSIM | garment SSIM | garment MAE | garment distance | garment detail | warped-mask IoU | "
        "changed outside |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for key, name in NAMES.items():
        f = figures[key]
        iou = f"{f['warped_mask_iou']:.3f}" if key == "engine" else "(given)"
        changed = str(f["changed_outside"]) if key == "engine" else "0"
        lines.append(
            f"| {name} | {f['ssim']:.3f} | {f['garment_ssim']:.3f} | {f['garment_mae']:.1f} | "
            f"{f['garment_distance']:.3f} | {f['garment_detail']:.0%} | {iou} | {changed} |"
        )
    return "\n".join(lines)


def by_category(figures: dict) -> str:
    """Garment SSIM, MAE and mask IoU of each category."""
    lines = [
        "| | pairs | SSIM: flat / row-wise / compact | MAE: flat / row-wise / compact | warped-mask IoU |",
        "|---|---|---|---|---|",
    ]
    for name, f in figures["by_category"].items():
        both = [
            " / ".join(f"{f[one][key]:.{digits}f}" for one in SHOWN)
            for key, digits in (("garment_ssim", 3), ("garment_mae", 1))
        ]
        lines.append(f"| {name} | {f['pairs']} | {both[0]} | {both[1]} | {f['engine']['warped_mask_iou']:.3f} |")
    return "\n".join(lines)


def goals(figures: dict, size: int) -> str:
    """Goals and measured values."""
    ours, floors = figures["engine"], [figures[name] for name in ("flat_colour", "row_wise")]

    def line(goal: str, found: str, met: bool) -> str:
        return f"| {goal} | {found} | {'yes' if met else '**no**'} |"

    rows = ["| goal | measured | reached |", "|---|---|---|"]
    for name, floor in zip(("flat colour", "row-wise"), floors, strict=True):
        gap = ours["garment_ssim"] - floor["garment_ssim"]
        rows.append(line(f"garment SSIM above {name} by >= .05", f"{gap:+.3f}", gap >= GOALS["garment_ssim"]))
        gap = ours["garment_mae"] - floor["garment_mae"]
        rows.append(line(f"garment MAE below {name}", f"{gap:+.1f}", gap < 0))
    value = ours["warped_mask_iou"]
    rows.append(line("warped-mask IoU >= .85", f"{value:.3f}", value >= GOALS["warped_mask_iou"]))
    rows.append(line("nothing changes outside the mask", str(ours["changed_outside"]), ours["changed_outside"] == 0))
    rows.append(line("<= 25 MB with the parser", f"{size / 1e6:.1f} MB", size <= 25_000_000))
    return "\n".join(rows)


def text(facts: dict, folder: Path) -> str:
    """The model card as Markdown."""
    figures = facts["self_reconstruction"]
    entries = [json.loads((folder / f"{name}.manifest.json").read_text()) for name in ("tryon_warp", "tryon_compose")]
    parser = folder / "garment_parser.manifest.json"
    size = sum(e["bytes"] for e in entries) + (json.loads(parser.read_text())["bytes"] if parser.is_file() else 0)
    sizes = ", ".join(f"`{e['file']}` {e['bytes'] / 1e6:.1f} MB, sha256 `{e['sha256'][:12]}`" for e in entries)
    pairs = facts["training_pairs"]
    warp, compose = (f"{' + '.join(map(str, facts[name]['steps']))} steps of {facts[name]['batch']} views"
                     for name in ("warp", "compose"))  # fmt: skip
    return f"""# tryon_warp, tryon_compose

The two networks of the try-on engine `compact`: a **preview** that runs on any CPU, not a photograph. {sizes}.

The inputs of `tryon_warp` are outlines only: the parser's classes around a hole in the person, and the garment's
outline on a canvas. It outputs, for every place of the view, a place on that canvas, with a silhouette and an expected
error. The inputs of `tryon_compose` are the person without the region to be painted and the garment as placed by the
first network; it paints what is behind (arms, neck, legs, background) and predicts the garment's opacity, how much of
its texture is kept where its place is uncertain, and its brightness. The engine then looks up the garment's pixels in
its own photo.

## Goals

{goals(figures, size)}

`./studio bench tryon` measures the time on your machine.

## Validation: {figures["pairs"]} garments on the validation photos of CCP, self-reconstruction

A garment is removed from its photo and put back. View: the 3:4 rectangle around the hole, 192 x 256. Hole: the true
garment and, except for a lower one, the arms, widened by 6 pixels, without head, hands, shoes and carried things.
"Product": the same garment cut out by its true mask, rotated by up to {deform.ROTATION:.0f} degrees, stretched by up to
{deform.STRETCH:.0%} (log scale) along each axis, sheared by up to {deform.SHEAR}, bent at 4 x 4 control points by
{deform.BEND:.0%} of half its length (standard deviation), fitted to its canvas by its own mask so that position and
size are lost; seed 7. Colours are unchanged. Nothing inside the hole is visible. Both baselines know the true
silhouette, which the engine has to estimate.

{table(figures)}

{by_category(figures)}

"Given the true silhouette" is the engine under the condition of the baselines: the last correction of its flow uses the
true outline instead of its own estimate. The difference to the engine itself is the estimate of the outline, not the
warp.

**Wide holes.** For *another* garment the engine hides more: everything that the category replaces (a shirt under a
jacket), and the legs of a lower garment or a dress. Such a hole reveals little of the outline. The same pairs:

{table(figures["wide_hole"])}

{by_category(figures["wide_hole"])}

Garment distance: 1 - gradient magnitude similarity (W. Xue et al., 2014) over the garment, mean of three scales. It
replaces LPIPS, because no network trained on natural images is available offline. Garment detail: mean gradient inside
the garment as a share of the photo's. The engine keeps more texture and sharper outlines than would score best here:
the mean of all possible textures scores best and looks unlike any of them.

**Other garments** than the wearer's own are not measured, because no one was photographed in both. What was hidden by
the old garment is painted by anatomy there (`vto_container/engines/compact_under.py`), not by a network: limbs with the
proportions of drawing books in the tone of visible skin, trousers under a coat, and the surrounding background.

{inspected()}

## How it was made

`python -m training.tryon`, seed {facts["seed"]}, {facts["threads"]} thread, no pretrained weights.
{pairs["upper"]} upper, {pairs["lower"]} lower and {pairs["dress"]} dress pairs from the 753 training photos.

- `tryon_warp`: {warp}. Every product is deformed at .3 to
  1.6 times the strength above, so the true places are known and are the target (L1, with the warped outline, the
  silhouette's cross-entropy and Dice, second differences, and a Laplace likelihood of the error). Holes are widened at
  random, taken from other people, and cut off as in portraits, so that the hole does not reveal the outline.
- `tryon_compose`: {compose}; garments recoloured in product and photo in the same way; the true places with smooth
  errors of a known size (L1, SSIM, differences of neighbours, outline). There is no adversarial or perceptual network.
- The validation photos influenced the design: a first version of the warp network was rejected because of their
  figures, and the share of surroundings in the paint was chosen on a sixth of them. No checkpoint was chosen on them;
  the engine's other constants were chosen on 114 training pairs. The figures above are therefore slightly optimistic;
  the 150 held-out photos of CCP are unused.
- Each network was trained twice, the second time from the averaged weights of the first. The runs used the parser
  versions of their time; a rerun would use the current one. All runs are short (at most an hour of a shared processor);
  the losses were still falling.

## Data and licence

Photos: [Clothing Co-Parsing](https://github.com/bearpaw/clothing-co-parsing), W. Yang, P. Luo, L. Lin, CVPR 2014;
repository Apache-2.0, who owns each photo is not stated, the people are identifiable. None of them is shown here;
the sheet below is drawn (`wardrobe/`).

![Drawn mannequins in drawn garments](tryon.sheet.jpg)
"""


def inspected() -> str:
    """Notes on the inspected validation results."""
    return (Path(__file__).parent / "inspected.md").read_text().strip()
