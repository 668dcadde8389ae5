"""The closed vocabulary: concepts, their phrases, and when a concept is true for a photo.

A concept is a set of values on one axis (kind, colour, pattern, sleeve). Facts about a photo are, on each axis, the
values that are `sure` and those that are possible; a garment without sleeves has neither. A concept is true for a photo
if it covers the sure values, unknown if it only overlaps the possible ones, and false otherwise.
"""

from dataclasses import dataclass, field

import numpy as np

KIND, COLOUR, PATTERN, SLEEVE = AXES = ("kind", "colour", "pattern", "sleeve")
FALSE, TRUE, UNKNOWN = 0, 1, -1


@dataclass(frozen=True)
class Concept:
    """Values of one axis and the phrases for them, the most common one first."""

    axis: str
    values: frozenset[str]
    phrases: tuple[str, ...]


@dataclass(frozen=True)
class Known:
    """Facts about one photo on one axis."""

    sure: frozenset[str] = frozenset()
    maybe: frozenset[str] = frozenset()

    def truth(self, concept: Concept) -> int:
        """`TRUE`, `FALSE` or `UNKNOWN`."""
        if self.sure and self.sure <= concept.values:
            return TRUE
        return UNKNOWN if (self.sure | self.maybe) & concept.values else FALSE


Facts = dict[str, Known]
"""Facts about one photo by axis; a missing axis does not apply to the garment."""

TROUSERS = ("trousers", "slim trousers", "straight trousers", "wide trousers")
JACKETS = ("jacket", "bomber jacket", "trucker jacket", "blazer")
DRESSES = ("dress", "skater dress", "midi dress", "tiered dress")
SKIRTS = ("skirt", "flared skirt", "pleated skirt", "pencil skirt")
SHOES = ("shoes", "sneakers", "loafers", "boots", "sandals", "heels", "flats")
HATS = ("hat", "baseball cap", "beanie", "brimmed hat")
BAGS = ("bag", "tote bag", "handbag")
KNITS = ("sweater", "sweatshirt", "hoodie", "cardigan")
TOPS = ("t-shirt", "longsleeve", "shirt", "blouse", "top", *KNITS[:3])
BOTTOMS = (*TROUSERS, "jeans", "leggings", "shorts", *SKIRTS)

_KINDS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("t-shirt",), "t-shirt|tshirt|tee|t-shirts|tshirts|tees|tee shirt"),
    (("longsleeve",), "longsleeve|long-sleeved top|longsleeves|long sleeve tee|long sleeve t-shirt"),
    (("shirt",), "shirt|shirts|dress shirt|button-up shirt|button-down shirt|button-up|button-down|oxford shirt"),
    (("blouse",), "blouse|blouses"),
    (("sweater",), "sweater|jumper|pullover|knitwear|sweaters|jumpers|knit sweater|pullovers"),
    (("sweatshirt",), "sweatshirt|sweatshirts"),
    (("hoodie",), "hoodie|hooded sweatshirt|hoodies|hoody"),
    (("cardigan",), "cardigan|cardigans"),
    (JACKETS, "jacket|jackets"),
    (("bomber jacket",), "bomber jacket|bomber|bombers"),
    (("trucker jacket",), "trucker jacket|denim jacket|jean jacket"),
    (("blazer",), "blazer|suit jacket|blazers|sports coat"),
    (("coat",), "coat|overcoat|coats|wool coat|winter coat"),
    ((*JACKETS, "coat", "cardigan", "vest"), "outerwear|outwear"),
    (("vest",), "vest|waistcoat|gilet|vests"),
    (DRESSES, "dress|dresses|gown|frock"),
    (("skater dress",), "skater dress"),
    (("midi dress",), "midi dress"),
    (("tiered dress",), "tiered dress"),
    (SKIRTS, "skirt|skirts"),
    (("flared skirt",), "flared skirt|a-line skirt"),
    (("pleated skirt",), "pleated skirt"),
    (("pencil skirt",), "pencil skirt"),
    (TROUSERS, "trousers|slacks|chinos"),
    ((*TROUSERS, "jeans", "leggings"), "pants|pair of pants"),
    (("slim trousers",), "slim trousers|slim pants|skinny trousers|skinny pants"),
    (("straight trousers",), "straight trousers|straight pants"),
    (("wide trousers",), "wide trousers|wide-leg trousers|wide pants|wide-leg pants"),
    (("jeans",), "jeans|denim|denims|denim pants|denim trousers"),
    (("leggings",), "leggings|tights"),
    (("shorts",), "shorts|short pants|bermuda shorts|bermudas"),
    (SHOES, "shoes|footwear|shoe|pair of shoes"),
    (("sneakers",), "sneakers|trainers|sneaker|running shoes|sports shoes|trainer"),
    (("loafers",), "loafers|loafer|slip-on shoes"),
    (("boots",), "boots|ankle boots|boot|ankle boot"),
    (("sandals",), "sandals|sandal"),
    (("heels",), "heels|high heels|pumps"),
    (("flats",), "flats|ballet flats"),
    (HATS, "hat|headwear|hats|headgear"),
    (("baseball cap",), "baseball cap|cap|caps"),
    (("beanie",), "beanie|knit hat|beanies|wool hat|winter hat"),
    (("brimmed hat",), "brimmed hat|fedora|sun hat|panama hat"),
    (BAGS, "bag|bags"),
    (("tote bag",), "tote bag|tote|shopper|shopping bag"),
    (("handbag",), "handbag|purse|leather bag|handbags|purses"),
    (TOPS, "top|tops"),
    (BOTTOMS, "bottoms|bottom"),
    (KNITS, "knit|knitted top"),
)
_COLOURS: dict[str, str] = {
    "black": "black",
    "charcoal": "charcoal|dark grey|dark gray|anthracite",
    "grey": "grey|gray",
    "silver": "silver|light grey|light gray",
    "white": "white",
    "cream": "cream|ivory|off-white",
    "beige": "beige|sand|nude",
    "camel": "camel|tan|light brown",
    "brown": "brown|chocolate|dark brown",
    "burgundy": "burgundy|maroon|wine|dark red|bordeaux",
    "red": "red|scarlet",
    "coral": "coral|salmon",
    "orange": "orange|rust",
    "mustard": "mustard|ochre|gold",
    "yellow": "yellow",
    "olive": "olive|khaki|army green",
    "green": "green|emerald",
    "forest": "forest|forest green|dark green",
    "mint": "mint|light green|mint green",
    "teal": "teal|petrol|turquoise",
    "sky": "sky|light blue|sky blue|baby blue|pale blue",
    "blue": "blue|royal blue|cobalt",
    "navy": "navy|navy blue|dark blue|midnight blue",
    "lilac": "lilac|lavender|light purple|mauve",
    "purple": "purple|violet",
    "pink": "pink|light pink|rose|blush",
    "magenta": "magenta|fuchsia|hot pink",
}
_PATTERNS: dict[str, str] = {
    "plain": "plain|solid|unpatterned",
    "stripes": "striped|stripes|stripy|stripe",
    "checks": "checked|checks|plaid|tartan|gingham|checkered|check",
    "dots": "dotted|polka dot|dots|polka dots|spotted",
    "floral": "floral|flowers|flowery|flower print",
    "print": "printed|print|patterned",
    "graphic": "graphic|logo|graphic print",
}
_SLEEVES: dict[str, str] = {
    "short": "short-sleeved|short sleeve|short sleeves",
    "long": "long-sleeved|long sleeve|long sleeves",
    "none": "sleeveless|strapless",
}
FILLERS = ("a", "an", "the", "of", "in", "with", "and", "for", "photo", "picture", "image", "some", "pair")
"""Words without a meaning for garments."""


def _concepts() -> tuple[Concept, ...]:
    made = [Concept(KIND, frozenset(values), tuple(phrases.split("|"))) for values, phrases in _KINDS]
    for axis, words in ((COLOUR, _COLOURS), (PATTERN, _PATTERNS), (SLEEVE, _SLEEVES)):
        made += [Concept(axis, frozenset({value}), tuple(phrases.split("|"))) for value, phrases in words.items()]
    return tuple(made)


CONCEPTS = _concepts()
COLOURS = tuple(_COLOURS)
PATTERNS = tuple(_PATTERNS)
SLEEVES = tuple(_SLEEVES)
ANY_PATTERN = Known(maybe=frozenset(PATTERNS))
OF_AXIS = {axis: tuple(i for i, c in enumerate(CONCEPTS) if c.axis == axis) for axis in AXES}


def words_of(text: str) -> list[str]:
    """The words as the tokenizer sees them: lower case, split at everything except letters and digits."""
    return "".join(c if c.isalnum() else " " for c in text.lower()).split()


def vocabulary() -> tuple[str, ...]:
    """Every word of every phrase and the fillers, in a fixed order."""
    words = {word for concept in CONCEPTS for phrase in concept.phrases for word in words_of(phrase)}
    return tuple(sorted(words | set(FILLERS)))


def truths(facts: Facts) -> np.ndarray:
    """Truth of every concept for a photo: (concepts,) int8 of `TRUE`, `FALSE`, `UNKNOWN`."""
    nothing = Known()
    return np.array([facts.get(c.axis, nothing).truth(c) for c in CONCEPTS], np.int8)


@dataclass(frozen=True)
class Caption:
    """A text and its concepts."""

    text: str
    concepts: tuple[int, ...] = field(default=())


def caption(rng: np.random.Generator, truth: np.ndarray, sparse: bool) -> Caption:
    """A random true text about a photo: nearly always its kind, sometimes colour, pattern and sleeves.

    Args:
        truth: as `truths` returns.
        sparse: only one or two concepts, as in a query.
    """
    chosen: dict[str, int] = {}
    chance = {KIND: 0.85, COLOUR: 0.5, PATTERN: 0.25, SLEEVE: 0.15}
    if not sparse:
        chance = {KIND: 0.95, COLOUR: 0.8, PATTERN: 0.5, SLEEVE: 0.3}
    for axis in AXES:
        true = [i for i in OF_AXIS[axis] if truth[i] == TRUE]
        if true and rng.random() < chance[axis]:
            chosen[axis] = int(rng.choice(true))
    if not chosen:
        true = np.flatnonzero(truth == TRUE)
        if not len(true):
            return Caption("")
        first = int(rng.choice(true))
        chosen[CONCEPTS[first].axis] = first
    phrase_of: dict[str, str] = {}
    for axis, i in chosen.items():
        phrases = CONCEPTS[i].phrases
        phrase_of[axis] = phrases[0] if rng.random() < 0.4 else str(rng.choice(phrases))
    parts = [phrase_of[axis] for axis in (SLEEVE, PATTERN, COLOUR) if axis in phrase_of]
    rng.shuffle(parts)
    parts.append(phrase_of.get(KIND, ""))
    if rng.random() < 0.25:
        parts.insert(0, str(rng.choice(["a", "a photo of a", "picture of", "an", "some", "the", "pair of"])))
    if rng.random() < 0.15:
        parts.insert(-1, str(rng.choice(["with", "in", "and", "for"])))
    return Caption(" ".join(filter(None, parts)), tuple(chosen.values()))


def caption_truth(concepts: tuple[int, ...], truth: np.ndarray) -> np.ndarray:
    """Whether a caption is true for each photo: `truth` (n, concepts) -> (n,) int8."""
    parts = truth[:, list(concepts)]
    result = np.where((parts == UNKNOWN).any(1), UNKNOWN, TRUE)
    return np.where((parts == FALSE).any(1), FALSE, result).astype(np.int8)
