"""The landmarks and kinds that the network knows."""

NAMES = (
    "neck_left", "neck_right", "neck_front", "shoulder_left", "shoulder_right", "armpit_left", "armpit_right",
    "cuff_outer_left", "cuff_inner_left", "cuff_outer_right", "cuff_inner_right", "hem_left", "hem_right",
    "waist_left", "waist_right", "crotch", "leg_outer_left", "leg_inner_left", "leg_outer_right", "leg_inner_right",
)  # fmt: skip
"""Landmarks; left and right as seen in the photo. Of a strap, `shoulder` is the outer and `neck` the inner end."""
KINDS = ("t-shirt", "longsleeve", "shirt", "outwear", "dress", "pants", "shorts", "skirt", "other")
"""Kinds, as the labels of the data set name them; `other` are shoes and hats."""
TRUNK = NAMES[:7] + NAMES[11:13]
SLEEVES = NAMES[7:11]
LEGS = ("waist_left", "waist_right", *NAMES[15:])
EXPECTED = {
    "t-shirt": TRUNK + SLEEVES,
    "longsleeve": TRUNK + SLEEVES,
    "shirt": TRUNK + SLEEVES,
    "outwear": TRUNK,
    "dress": (*TRUNK, "waist_left", "waist_right"),
    "pants": LEGS,
    "shorts": LEGS,
    "skirt": ("waist_left", "waist_right", "hem_left", "hem_right"),
    "other": (),
}
"""Landmarks that every garment of a kind has; the kinds that may be sleeveless have more where they are not."""
OPTIONAL = {"outwear": SLEEVES, "dress": SLEEVES}


def mirrored(name: str) -> str:
    """The name of the landmark in the mirror image."""
    if name.endswith("_left"):
        return name.removesuffix("left") + "right"
    return name.removesuffix("right") + "left" if name.endswith("_right") else name
