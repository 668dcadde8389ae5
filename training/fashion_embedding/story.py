"""The text of the model card, written from the figures of a run."""

from training import backbone
from training.garment_parser.card import GARMENTS_SOURCE, PEOPLE_SOURCE

from . import evaluate
from .card import Run
from .network import CONTEXT, DIM, INPUT_SIZE, JOINT, KIND, KIND_LENGTH, SHAPE, SHAPE_LENGTH
from .report import categories_table, goals, pictures_table, text_table
from .vocabulary import CONCEPTS, vocabulary

FAILURES = """- **Anything outside the vocabulary**, and every nuance: "not red", "darker", "linen".
- **Neighbouring colours**: grey for charcoal, cream for beige, red for coral; nine in ten of the ten best
  results for a colour and a kind are correct (table above, drawings only). Combine with a measured colour filter.
- **Neighbouring kinds**: outerwear, long sleeves and shirts are confused, as sometimes in their labels;
  trousers for jeans, sweaters for long sleeves, boots for sneakers of the same colour.
- **Fine patterns**: small checks, dots and flowers are lost at this input size.
- **White and grey in photos**: phones expose a white shirt as grey, and its measured colour name is grey.
- **Patterns on photos** are not labelled: striped, checked and floral are learned from drawings.
- **Two colours**: "navy and white" weighs both words equally; ground and stripe are not distinguished.
- **Worn garments** appear in training only as crops around one garment; a whole outfit gives a mixture. Crop or mask
  first.
- **Photos from other homes, studios or shops**: expect lower figures than above.
- **Bags, hoodies, sweaters, cardigans and vests** have few or no photos; most of their training data are drawings."""


def text(run: Run, image: dict, written: dict) -> str:
    """The model card as Markdown."""
    counts, checks, figures = run.counts, run.checks, run.figures
    drawn = figures["int8"]["catalogue"]
    queries = sum(len(synonyms) for synonyms in evaluate.SYNONYMS.values())
    people = f"[Clothing Co-Parsing]({PEOPLE_SOURCE}), W. Yang, P. Luo, L. Lin, CVPR 2014"
    people_licence = "repository Apache-2.0; who owns each photo is not stated, the people are identifiable"
    lowest = ", ".join(f"{pair} {value:.2f}" for pair, value in drawn["lowest"].items())
    phrases = sum(len(concept.phrases) for concept in CONCEPTS)
    near, wide = (run.standardise[name] for name in ("image", "text"))
    return f"""# fashion_image, fashion_text

Embeds pictures of single garments and short texts about them in one space. A **demo model with a closed vocabulary**:
trained on a few thousand pictures from a backbone pretrained on ImageNet, it knows
{len(vocabulary())} words ({phrases} phrases for {len(CONCEPTS)} concepts: kinds of garment, colours, patterns,
sleeves),
and no language. It is tag search with a text interface: it ignores word order, negation, brands, fabrics, occasions and
taste. An unknown word is skipped and reported (`unknownTerms`); a text of unknown words has the zero vector.

- `{image["file"]}` (weights of the last stage int8, others fp16, computed in fp32; sha256 `{image["sha256"]}`):
  {INPUT_SIZE[0]} x {INPUT_SIZE[1]} input (stretched), EfficientNet-Lite0 without its last stage. {DIM} dimensions:
  {JOINT} joint with texts, and for pictures only {SHAPE} of shape (length {SHAPE_LENGTH} relative to 1), {KIND} of kind
  (length {KIND_LENGTH}; square roots of the ten categories' probabilities), padded with zeros; the whole vector has
  unit length. `image_map` is the joint part by place.
- `{written["file"]}` (fp32, sha256 `{written["sha256"]}`): weighted bag of at most {CONTEXT} words and two layers; its
  tokenizer is `fashion_text.tokenizer.json`.
- Raw cosines of a query with a random product: picture {near[0]:.3f} +- {near[1]:.3f}, text {wide[0]:.3f} +-
  {wide[1]:.3f}.

## Goals

{goals(run)}

Latencies are the best of sixty runs on a shared machine; that of the text tower includes the tokenizer.

## Search by picture: {counts["val"]} validation photos

kNN: vote of the ten nearest of {counts["real"]} training photos. mAP@10: same category among the other validation
photos, mean precision at the ranks of the relevant ones among the first ten; *full*: divided by min(10, relevant)
instead, which is stricter, as is P@10 (same divisor); all are macro averages over categories. instance@1: a copy with
80-93 % of either side, relit and saved at JPEG quality 70, finds its original first, among the validation photos and
among these and the training photos. The photos come from the same homes as the training photos: all figures are
in-domain.

The divisor of mAP@10 and the crop of copies were fixed so that HOG comes close to the figures relative to which the
goals were set (.42 and .93); the stricter definition (the *full* column) has a goal of its own.

{pictures_table(run)}

The most frequent category is correct for {figures["floors"]["most_frequent"]:.3f} of the photos.

{categories_table(run)}

## Search by text

Words: {queries} category words and synonyms on the validation photos, mAP@10 divided by min(10, relevant). Colour x
category: every pair that ten or more of {counts["drawn_test"]} drawings have (with another seed than the training
drawings), precision at ten, where a drawing is relevant if its colour and category match exactly. The drawings come
from the same program as the training drawings: this measures whether colours and kinds are distinguished, not the
quality on photos of a shop.

{text_table(run)}

Lowest: {lowest}.

![Twelve searches on drawn garments](fashion_embedding.sheet.jpg)

## How it was made

`python -m training.fashion_embedding`: {" + ".join(map(str, figures["steps"]))} steps (the last on views of 128 x 128,
from the averaged weights of the first, with little variation of light on drawings), seed {figures["seed"]},
{figures["threads"]} thread(s), no GPU. The first {figures["steps"][0]} steps of the shipped weights treated "blue
jeans" as a word for all jeans. The backbone starts from ImageNet's weights ({backbone.PACKAGE}, Apache-2.0, sha256
`{backbone.SHA256[:16]}`), everything else from random weights; the kNN figure of the photos therefore measures
transfer, not only these photos.

The input is larger than the views of the training, because garments fill less of a picture than of a view, which is
cropped. `python -m training.fashion_embedding --restore` exports the fp32 weights again and measures them; so these
files were made ([decision 85](../docs/decisions/0085-a-larger-input-and-smaller-weights.md)).

- {counts["real"]} garment photos ({counts["masks"]} with a mask that two GrabCut runs agree on),
  {counts["street"]} garments cropped from street photos by their masks, {counts["drawn"]} drawings.
- Three losses: category (cosine classifier), captions generated from the facts about a picture (all true captions of a
  batch are positives, unknown ones are excluded), and finding the other view of the same photo (shape part). Half the
  views of masked garments are placed on another background.
- **Colours of photos are measured** (Lab, inside the mask, exposure corrected), not labelled; patterns are known only
  for drawings; kinds finer than the ten labels come from street-photo tags and drawings.
- {counts["dev"]} training photos were used only to monitor the run; the lengths of the shape and the kind part were
  chosen on them. No checkpoint, weight or setting was chosen on the validation photos; the decision for a pretrained
  backbone was made after seeing the figures of a network without one. The weights are the average at the end of the
  schedule. The size of the input and how the weights are stored were chosen on the monitoring photos, too.
- Parity: fp32 within {checks["image_fp32_max_difference"]:.1e} of torch (image), {checks["text_max_difference"]:.1e}
  (text); int8 cosine with torch {checks["image_int8_mean_cosine"]:.5f} on average,
  {checks["image_int8_min_cosine"]:.5f} at worst.

## Known failures

{FAILURES}

## Data and licence

| pictures | source | licence |
|---|---|---|
| garments | [Clothing dataset (small)]({GARMENTS_SOURCE}), A. Grigorev and contributors | CC0 1.0 |
| street | {people} | {people_licence} |
| drawn | `wardrobe/` of this repository | as this repository |
| ImageNet, as weights | [EfficientNet-Lite0]({backbone.URL}), M. Tan, Q. Le and others | weights Apache-2.0 |

No photo is in this repository: the sheet above shows drawings, the golden pictures are drawn by
`training/fashion_embedding/golden.py` and are in the public domain (CC0 1.0). `data_manifest_sha256`
`{run.data_manifest_sha256}`.
"""
