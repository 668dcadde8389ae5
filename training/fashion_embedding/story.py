"""The text of the model card, written from the figures of a run."""

from training import backbone
from training.garment_parser.card import GARMENTS_SOURCE, PEOPLE_SOURCE

from . import evaluate
from .card import Run
from .network import CONTEXT, DIM, INPUT_SIZE, JOINT, KIND, KIND_LENGTH, SHAPE, SHAPE_LENGTH
from .report import categories_table, goals, pictures_table, text_table
from .vocabulary import CONCEPTS, vocabulary

FAILURES = """- **Anything outside the vocabulary**, and every nuance inside it: "not red", "darker", "linen".
- **Neighbouring colours**: grey for charcoal, cream for beige, red for coral; the ten best of a colour and a kind are
  nine times in ten what was asked (table above, drawings only). Combine with a measured colour filter.
- **Neighbouring kinds**: outerwear, long sleeves and shirts are mistaken for one another, as their labels are at times;
  trousers for jeans, sweaters for long sleeves, boots for sneakers of the same colour.
- **Fine patterns**: small checks, dots and flowers melt at this input size.
- **White and grey in photos**: phones expose a white shirt as grey; its measured colour name follows.
- **Patterns on photos** were never labelled: striped, checked and floral are learnt from drawings.
- **Two colours**: "navy and white" weighs both words alike; which is the ground and which the stripe is not read.
- **Worn garments** were only seen as crops around one garment; a whole outfit gives a mixture. Crop or mask first.
- **Another home, studio or shop** than those in the data: expect less than the figures above.
- **Bags, hoodies, sweaters, cardigans and vests** had few or no photos; drawings taught most of it."""


def text(run: Run, image: dict, written: dict) -> str:
    """The model card as Markdown."""
    counts, checks, figures = run.counts, run.checks, run.figures
    drawn = figures["int8"]["catalogue"]
    asked = sum(len(said) for said in evaluate.SYNONYMS.values())
    people = f"[Clothing Co-Parsing]({PEOPLE_SOURCE}), W. Yang, P. Luo, L. Lin, CVPR 2014"
    people_licence = "repository Apache-2.0; who owns each photo is not stated, the people are identifiable"
    lowest = ", ".join(f"{pair} {value:.2f}" for pair, value in drawn["lowest"].items())
    phrases = sum(len(concept.phrases) for concept in CONCEPTS)
    near, wide = (run.standardise[name] for name in ("image", "text"))
    return f"""# fashion_image, fashion_text

Pictures of single garments and short texts about them as vectors of one space. A **demo model with a closed
vocabulary**: trained on a few thousand pictures, from a backbone that has seen ImageNet, it knows
{len(vocabulary())} words ({phrases} phrases for {len(CONCEPTS)} concepts: kinds of garment, colours, patterns,
sleeves),
and no language. It is tag search that looks like text search: word order, negation, brands, fabrics, occasions and
taste mean nothing to it. A word it never saw is skipped and reported (`unknownTerms`); a text of such words alone has
the zero vector.

- `{image["file"]}` (int8, sha256 `{image["sha256"]}`): {INPUT_SIZE[0]} x {INPUT_SIZE[1]} input (stretched),
  EfficientNet-Lite0 without its last stage. {DIM} dimensions: {JOINT} joint with texts, and what only pictures
  share: {SHAPE} of shape (length {SHAPE_LENGTH} beside 1), {KIND} of kind (length {KIND_LENGTH}; square roots of the
  ten categories' probabilities), zeros to fill up; all scaled to unit length together. `image_map` is the joint part
  by place.
- `{written["file"]}` (fp32, sha256 `{written["sha256"]}`): weighted bag of at most {CONTEXT} words and two layers;
  `fashion_text.tokenizer.json` beside it.
- Raw cosines of a query with a random product: picture {near[0]:.3f} +- {near[1]:.3f}, text {wide[0]:.3f} +-
  {wide[1]:.3f}.

## Goals

{goals(run)}

Latencies are the best run of sixty on a machine that others were using; the text's includes the tokenizer.

## Search by picture: {counts["val"]} validation photos

kNN: vote of the ten nearest of {counts["real"]} training photos. mAP@10: same category among the other validation
photos, mean precision at the ranks of the relevant ones among the first ten; *full*: divided by min(10, relevant)
instead, which is harsher, as is P@10 (by the same divisor); all macro over categories. instance@1: a copy with 80-93 %
of either side kept, relit and saved at JPEG quality 70 finds its original first, among the validation photos and among
these and the training photos. The photos come from the same homes as the training photos: all this is in-domain.

How mAP@10 is divided and how much a copy keeps were fixed so that HOG comes near the figures the goals were set beside
(.42 and .93): under harsher ones (the *full* column) the same goals are missed.

{pictures_table(run)}

The most frequent category is right for {figures["floors"]["most_frequent"]:.3f} of the photos.

{categories_table(run)}

## Search by text

Words: {asked} category words and synonyms on the validation photos, mAP@10 divided by
min(10, relevant). Colour x category: every pair that ten or
more of {counts["drawn_test"]} drawings have (a catalogue of another seed than the one trained on), precision at
ten, where a drawing is relevant when colour and category are exactly those it was drawn from.
The drawings come from the same program as those
trained on: this says that colours and kinds are told apart, not how photos of a shop fare.

{text_table(run)}

Lowest: {lowest}.

![Twelve searches on the drawn catalogue](fashion_embedding.sheet.jpg)

## How it was made

`python -m training.fashion_embedding`: {" + ".join(map(str, figures["steps"]))} steps (the last at the full size, from
the average of the first, with drawings in hardly any other light), seed {figures["seed"]}, {figures["threads"]}
thread(s), no GPU. The first {figures["steps"][0]} steps of the shipped weights still took "blue jeans" for a word
for all jeans.
The backbone starts from ImageNet's weights ({backbone.PACKAGE}, Apache-2.0, sha256 `{backbone.SHA256[:16]}`), all else
from nothing; so the photos' kNN figure is what transfer gives, not what these photos alone teach.

- {counts["real"]} garment photos ({counts["masks"]} with a mask that two GrabCut runs agree on),
  {counts["street"]} garments cropped from street photos by their masks, {counts["drawn"]} drawings.
- Three losses: category (cosine classifier), captions generated from what is known of a picture (all true captions of a
  batch are positives, unknown ones take no part), and finding the other view of the same photo (shape part). Half the
  views of masked garments stand before another background.
- **Colours of photos are measured** (Lab, inside the mask, exposure corrected), not labelled by anyone; patterns are
  known of drawings only; kinds finer than the ten labels come from street-photo tags and drawings.
- {counts["dev"]} training photos were kept for watching the run; they chose the lengths of the shape and the kind part.
  The validation photos chose no checkpoint, no weight and no setting; that the backbone was exchanged for a pretrained
  one was decided after seeing the figures of a network without. The weights are the average at the end of the schedule.
- Parity: fp32 within {checks["image_fp32_max_difference"]:.1e} of torch (image), {checks["text_max_difference"]:.1e}
  (text); int8 cosine with torch {checks["image_int8_mean_cosine"]:.5f} on average,
  {checks["image_int8_min_cosine"]:.5f} at worst.

## What it fails at

{FAILURES}

## Data and licence

| pictures | source | licence |
|---|---|---|
| garments | [Clothing dataset (small)]({GARMENTS_SOURCE}), A. Grigorev and contributors | CC0 1.0 |
| street | {people} | {people_licence} |
| drawn | `wardrobe/` of this repository | as this repository |
| ImageNet, as weights | [EfficientNet-Lite0]({backbone.URL}), M. Tan, Q. Le and others | weights Apache-2.0 |

No photo is in this repository: the sheet above shows drawings, the golden pictures are drawn by
`training/fashion_embedding/golden.py` and in the public domain (CC0 1.0). `data_manifest_sha256`
`{run.data_manifest_sha256}`.
"""
