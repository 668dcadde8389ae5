"""Random CLIP and SigLIP models of a few kilobytes, as `save_pretrained` writes them. Runs in the environment of the
export, which has transformers:

    python tests/cli/tiny_clip.py OUT

writes `OUT/clip` and `OUT/siglip`.
"""

import string
import sys
from itertools import product
from pathlib import Path

import sentencepiece
import torch
import transformers
from tokenizers.pre_tokenizers import ByteLevel
from transformers import CLIPConfig, CLIPModel, CLIPTokenizer, SiglipConfig, SiglipModel, SiglipTokenizer
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

COLOURS = ("red", "blue", "navy", "green", "black", "white")
GARMENTS = ("dress", "shirt", "skirt", "jeans", "coat", "hoodie")
LAYERS = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
VISION = LAYERS | {"image_size": 32, "patch_size": 8}
CONTEXT = 16


def clip(out: Path) -> None:
    """CLIP: byte-level BPE, padding and end are one token, shortest edge and crop."""
    letters = sorted(ByteLevel.alphabet())
    pieces = [*letters, *(letter + "</w>" for letter in letters)]
    merges = []
    for word in (*COLOURS, *GARMENTS):
        parts = [*word[:-1], word[-1] + "</w>"]
        while len(parts) > 1:
            merges += [] if (parts[0], parts[1]) in merges else [(parts[0], parts[1])]
            parts[:2] = [parts[0] + parts[1]]
            pieces += [] if parts[0] in pieces else [parts[0]]
    pieces += ["<|startoftext|>", "<|endoftext|>"]
    tokenizer = CLIPTokenizer(
        vocab={piece: at for at, piece in enumerate(pieces)}, merges=merges, model_max_length=CONTEXT
    )
    end = len(pieces) - 1
    text = LAYERS | {
        "vocab_size": len(pieces), "max_position_embeddings": CONTEXT, "bos_token_id": end - 1, "eos_token_id": end,
        "pad_token_id": end,
    }  # fmt: skip
    save(CLIPModel(CLIPConfig(text_config=text, vision_config=VISION, projection_dim=16)), tokenizer, out)
    CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}).save_pretrained(out)
    (out / "README.md").write_text("---\nlicense: cc-by-nc-4.0\n---\nRandom numbers.\n")


def siglip(out: Path) -> None:
    """SigLIP: SentencePiece, texts padded to one length, pictures stretched; a model card without a licence."""
    lines = [
        f"{colour} {garment} {letter}" for colour, garment, letter in product(COLOURS, GARMENTS, string.ascii_letters)
    ]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines), model_prefix=str(out.parent / "spiece"), vocab_size=90, unk_id=0, eos_id=1,
        bos_id=-1, pad_id=-1, hard_vocab_limit=False, minloglevel=2,
    )  # fmt: skip
    tokenizer = SiglipTokenizer(
        str(out.parent / "spiece.model"), model_max_length=CONTEXT, model_input_names=["input_ids"]
    )
    text = LAYERS | {
        "vocab_size": len(tokenizer), "max_position_embeddings": CONTEXT, "projection_size": 32, "eos_token_id": 1,
        "pad_token_id": 1, "bos_token_id": None,
    }  # fmt: skip
    save(SiglipModel(SiglipConfig(text_config=text, vision_config=VISION)), tokenizer, out)
    SiglipImageProcessorPil(size={"height": 32, "width": 32}).save_pretrained(out)


def save(model, tokenizer, out: Path) -> None:
    """Model and tokenizer in one folder."""
    model.eval().save_pretrained(out)
    tokenizer.save_pretrained(out)


if __name__ == "__main__":
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    torch.manual_seed(1)
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    clip(folder / "clip")
    siglip(folder / "siglip")
