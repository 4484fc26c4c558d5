"""Tiny random PaliGemmas for tests: the real classes, a hundred thousand parameters, no download.

Generation 1 has a Gemma decoder, generation 2 a Gemma 2 decoder (sliding window shorter than the
prompt, soft-capped logits). Weights are drawn wide, so that what is decoded depends on the image.
"""

import json
from pathlib import Path
from typing import Literal

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import (
    Gemma2Config,
    GemmaConfig,
    PaliGemmaConfig,
    PaliGemmaForConditionalGeneration,
    PaliGemmaProcessor,
    PreTrainedTokenizerFast,
    SiglipVisionConfig,
)
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

Generation = Literal[1, 2]

SIDE, PATCH, WIDTH, LAYERS = 32, 8, 32, 2
CONTEXT = 96  # tokens; 16 of them are the image's
SPECIAL = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"]
CORPUS = [
    "answer en what is the cell type",
    "answer en how many red blood cells are shown",
    "describe en",
    "a neutrophil with a segmented nucleus and pale cytoplasm",
    "a lymphocyte with a round nucleus",
    "monocyte eosinophil basophil platelets none few many",
]


def tokenizer() -> PreTrainedTokenizerFast:
    """A byte-fallback BPE in the form of Gemma's: spaces as U+2581, <pad> <eos> <bos> first."""
    bpe = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    bpe.normalizer = normalizers.Replace(" ", "▁")
    bpe.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    byte_pieces = [f"<0x{i:02X}>" for i in range(256)]
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=[*SPECIAL, *byte_pieces, "\n"], show_progress=False
    )
    bpe.train_from_iterator(CORPUS * 5, trainer)
    raw = json.loads(bpe.to_str())  # trained as special, so that they exist; bytes are no controls
    raw["added_tokens"] = [t for t in raw["added_tokens"] if t["content"] in SPECIAL]
    bpe = Tokenizer.from_str(json.dumps(raw))
    bpe.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    names = {f"{name}_token": f"<{name}>" for name in ("pad", "eos", "bos", "unk", "mask")}
    return PreTrainedTokenizerFast(tokenizer_object=bpe, padding_side="left", **names)


def processor() -> PaliGemmaProcessor:
    images = SiglipImageProcessorPil(
        size={"height": SIDE, "width": SIDE}, image_mean=[0.5] * 3, image_std=[0.5] * 3
    )
    images.image_seq_length = (SIDE // PATCH) ** 2
    return PaliGemmaProcessor(image_processor=images, tokenizer=tokenizer())


def model(
    generation: Generation,
    words: PaliGemmaProcessor,
    context: int = CONTEXT,
    image_prefix: str | None = None,
) -> PaliGemmaForConditionalGeneration:
    torch.manual_seed(generation)
    config = _config(generation, words, context)
    if image_prefix:
        config.image_prefix = image_prefix
    tiny = PaliGemmaForConditionalGeneration(config)
    for parameter in tiny.parameters():
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter.data, std=2 * parameter.shape[-1] ** -0.5)
    torch.nn.init.normal_(tiny.get_input_embeddings().weight, std=0.05)
    return tiny.eval()


def save(folder: Path, generation: Generation = 1, dtype: torch.dtype = torch.float32) -> Path:
    """Write a checkpoint (safetensors, processor, tokenizer) as `load_paligemma` reads it."""
    words = processor()
    model(generation, words).to(dtype).save_pretrained(folder)
    words.save_pretrained(folder)
    return folder


def _config(generation: Generation, words: PaliGemmaProcessor, context: int) -> PaliGemmaConfig:
    ids = {f"{name}_token_id": getattr(words.tokenizer, f"{name}_token_id") for name in
           ("pad", "bos", "eos")}  # fmt: skip
    text = {
        "vocab_size": len(words.tokenizer), "hidden_size": WIDTH, "intermediate_size": 64,
        "num_hidden_layers": LAYERS, "num_attention_heads": 4, "num_key_value_heads": 1,
        "head_dim": 16, "max_position_embeddings": context, **ids,
    }  # fmt: skip
    gemma = (
        GemmaConfig(**text)
        if generation == 1
        else Gemma2Config(**text, sliding_window=12, query_pre_attn_scalar=16)
    )
    siglip = SiglipVisionConfig(
        hidden_size=24, intermediate_size=48, num_hidden_layers=2, num_attention_heads=2,
        image_size=SIDE, patch_size=PATCH, vision_use_head=False,
    )  # fmt: skip
    return PaliGemmaConfig(
        vision_config=siglip, text_config=gemma, image_token_index=words.image_token_id,
        projection_dim=WIDTH, hidden_size=WIDTH, vocab_size=len(words.tokenizer), **ids,
    )  # fmt: skip
