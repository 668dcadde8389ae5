"""The network's card, written from the figures of its run."""

from collections.abc import Mapping
from typing import Any

NAMES = {"own": "the garment itself, as in a pair", "other": "another garment, as in an exchange"}


def table(figures: Mapping[str, Any]) -> str:
    """Overlaps of the network and of its inputs."""
    lines = [
        "| the old garment shown is | examples | landmarks alone | fitted | **network** | old outline |",
        "|---|---|---|---|---|---|",
    ]
    for name in ("other", "own"):
        part = figures["overlap"][name]
        lines.append(
            f"| {NAMES[name]} | {part['examples']} | {part['landmarks']} | {part['fitted']} | "
            f"**{part['network']}** | {part['old']} |"
        )
    return "\n".join(lines)


def text(entry: Mapping[str, Any]) -> str:
    """The card."""
    figures = entry["figures"]
    photos = figures["photos"]
    return f"""# garment_outline

Where a top or a coat will be seen on a person, from where landmarks and bones put it, the joints, and the outline of
the old garment; it sees no colours. `garment_outline.onnx` {entry["bytes"] / 1e6:.2f} MB, float16 weights, sha256
`{entry["sha256"][:12]}`. Used by the try-on engine `compact`, which adds cloth where the network is sure of it and
takes none away ([decision 53](../docs/decisions/0053-fabric-without-folds.md)).

## Measured

Mean intersection over union with the true outline, where it is in the image and not hidden, on {photos["measured"]}
training photos of CCP that were kept from the network, garments cut out of the same photos (see
[compact.md](compact.md)). With another garment as the old one an example is nearer to an exchange than a pair is, so
that row is the harsher one. "Fitted" is the placed garment moved to the old outline where that is near.

{table(figures)}

Product shots were not measured: there are none with a known outline on a person here. Cut-outs of worn garments are
narrower than garments that lie flat.

## Known failures

- Where a garment ends is often unsure, so the engine adds nothing below its hem.
- Wide old coats widen the outline, also for a new T-shirt.
- Portraits, which are taught by cutting whole figures at random.

## How it was made

`python -m training.outline`, seed {figures["seed"]}, {figures["threads"]} thread, {figures["steps"]} steps of
{figures["batch"]} views, from random weights, on {photos["training"]} photos of tops and coats. Of each photo there are
two examples; in 60 % of the views the old garment is another one, which the engine placed on the same person.

The examples of the shipped file were placed by method 6 of the engine; a rerun uses today's.

## Data and licence

{entry["licence"]}.
[Clothing Co-Parsing](https://github.com/bearpaw/clothing-co-parsing), W. Yang, P. Luo, L. Lin, CVPR 2014: who owns each
photo is not stated, the people are identifiable, and none is shown here.
"""
