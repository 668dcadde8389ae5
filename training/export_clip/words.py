"""Convert the model's tokenizer to one file of the `tokenizers` library and verify that it gives the same ids."""

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
"""Ordinary queries, and cases in which tokenizers differ: case, spaces, punctuation, accents, scripts, length."""


def longest(tokenizer, model) -> int:
    """Maximum number of tokens of the text tower, including special ones."""
    positions = int(model.config.text_config.max_position_embeddings)
    return min(positions, int(tokenizer.model_max_length))


def convert(tokenizer, context: int) -> Tokenizer:
    """Convert to a `tokenizers` tokenizer that truncates at the context's length and does not pad.

    Raises:
        Refused: it cannot be converted, or its ids differ from the original on one of `PROBES`.
    """
    made = getattr(tokenizer, "backend_tokenizer", None)
    made = Tokenizer.from_str(made.to_str()) if made is not None else _from_sentencepiece(tokenizer)
    made.no_padding()
    made.enable_truncation(context)
    compare(tokenizer, made, context, PROBES)
    return made


def compare(tokenizer, made: Tokenizer, context: int, texts: Sequence[str]) -> None:
    """Check that both give the same ids.

    Raises:
        Refused: they differ; the message names the first such text.
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
