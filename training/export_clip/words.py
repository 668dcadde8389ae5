"""The model's tokenizer as one file of the `tokenizers` library, proved to give the same ids as the original."""

from collections.abc import Sequence
from pathlib import Path

from tokenizers import Regex, Tokenizer, normalizers
from transformers.convert_slow_tokenizer import SpmConverter

from .refusal import Refused

PROBES = (
    "red dress",
    "Red  DRESS, long-sleeved!",
    "a photo of a navy blue skirt",
    "women's T-shirt (size 38) -- 100% cotton",
    "  robe d'été à fleurs  ",
    "größe 42 hose; schwarz/weiß",
    "着物 кимоно",
    "ﬁne ½ price™ café",
    "tab\tand\nline",
    "x",
    "",
    "it's the shop's “best” hoodie… ★★★★★",
    "dress " * 90,
)
"""Ordinary queries, and what tokenizers like to disagree on: case, spaces, punctuation, accents, scripts, length."""


def longest(tokenizer, model) -> int:
    """How many tokens the text tower takes, special ones included."""
    positions = int(model.config.text_config.max_position_embeddings)
    return min(positions, int(tokenizer.model_max_length))


def convert(tokenizer, context: int) -> Tokenizer:
    """A `tokenizers` tokenizer that cuts at the context's length and pads nothing.

    Raises:
        Refused: there is no such form of it, or it gives other ids than the original on one of `PROBES`.
    """
    made = getattr(tokenizer, "backend_tokenizer", None)
    made = Tokenizer.from_str(made.to_str()) if made is not None else _from_sentencepiece(tokenizer)
    made.no_padding()
    made.enable_truncation(context)
    compare(tokenizer, made, context, PROBES)
    return made


def compare(tokenizer, made: Tokenizer, context: int, texts: Sequence[str]) -> None:
    """See that both give the same ids.

    Raises:
        Refused: they do not, with the first text at fault.
    """
    for text in texts:
        expected = tokenizer(text, truncation=True, max_length=context)["input_ids"]
        found = made.encode(text).ids
        if list(expected) != found:
            raise Refused(f"its tokenizer can't be converted: {text[:40]!r} gives {found[:8]}, not {expected[:8]}")


class _Siglip(SpmConverter):
    """SigLIP's cleaning (lower case, no ASCII punctuation, single spaces) before its SentencePiece model."""

    def normalizer(self, proto):
        lower = [normalizers.Lowercase()] if self.original_tokenizer.do_lower_case else []
        charsmap = proto.normalizer_spec.precompiled_charsmap
        return normalizers.Sequence(
            [
                *lower,
                normalizers.Replace(Regex(r"[!-/:-@\[-`{-~]"), ""),
                normalizers.Replace(Regex(r"\s+"), " "),
                *([normalizers.Precompiled(charsmap)] if charsmap else []),
                normalizers.Replace(Regex(" {2,}"), " "),
                normalizers.Strip(left=True, right=True),
            ]
        )

    def post_processor(self):
        from tokenizers import processors

        eos = self.original_tokenizer.eos_token
        return processors.TemplateProcessing(
            single=["$A", eos], special_tokens=[(eos, self.original_tokenizer.eos_token_id)]
        )


def _from_sentencepiece(tokenizer) -> Tokenizer:
    if type(tokenizer).__name__ != "SiglipTokenizer" or not Path(tokenizer.vocab_file or "").is_file():
        raise Refused(f"its tokenizer ({type(tokenizer).__name__}) has no form that the product can read")
    return _Siglip(tokenizer).converted()
