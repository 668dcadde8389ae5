"""The tokenizer: one id per word, `UNKNOWN` for words outside the vocabulary; written as a `tokenizers` file."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

from .network import CONTEXT, PAD, UNK
from .vocabulary import vocabulary

UNKNOWN = "[UNK]"


def make() -> Tokenizer:
    """Build the tokenizer: lower case, split at everything except letters and digits, whole words."""
    words = {"[PAD]": PAD, UNKNOWN: UNK} | {word: i for i, word in enumerate(vocabulary(), start=2)}
    made = Tokenizer(models.WordLevel(words, unk_token=UNKNOWN))
    made.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    made.pre_tokenizer = pre_tokenizers.Split(Regex(r"[^\p{L}\p{N}]+"), behavior="removed")
    return made


def write(path: Path) -> None:
    """Write the tokenizer's file."""
    make().save(path.as_posix(), pretty=False)


def encode(tokenizer: Tokenizer, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Word ids and mask, both (n, `CONTEXT`) int64."""
    ids = np.full((len(texts), CONTEXT), PAD, np.int64)
    for row, text in zip(ids, texts, strict=True):
        found = tokenizer.encode(text).ids[:CONTEXT]
        row[: len(found)] = found
    return ids, (ids != PAD).astype(np.int64)
