"""The lite PaliGemma: an own small tokenizer, the stock processor, the stock model.

Sizes follow a probe on a CPU: most of the cost of a sample is the image, so the tower is shallow
and sees 112 pixels a side. The tokenizer is trained on the texts this project trains with; any
other text falls back to bytes.
"""

import random
from collections.abc import Iterator
from typing import Any

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import (
    GemmaConfig,
    PaliGemmaConfig,
    PaliGemmaForConditionalGeneration,
    PaliGemmaProcessor,
    PreTrainedTokenizerFast,
    SiglipVisionConfig,
)
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

from agent import prompts
from finetune.lite import tasks, wordings
from finetune.lite.initial import initialise
from tools.findings import BY_NAME, COUNTS, KINDS, PLURALS, QUESTIONS, RANGES, Kind

SIDE, PATCH = 192, 16
IMAGE_TOKENS = (SIDE // PATCH) ** 2
PIECES = 2500  # of the tokenizer, without locations and segments
_SPECIAL = ["<pad>", "<eos>", "<bos>", "<unk>"]


def _random_facts(kind: Kind, rng: random.Random) -> dict[str, str]:
    facts = {q.name: rng.choice(q.options) for q in QUESTIONS if kind in q.applies_to}
    things = ["nucleus"] if kind == "nuclei" else [t for t in RANGES if t != "nucleus"]
    counts = {f"count:{t}": str(rng.randrange(120)) for t in things} if kind != "cell" else {}
    return facts | counts


def texts(seed: int = 0) -> Iterator[str]:
    """The prompts and answers that training uses, from random facts: the tokenizer's corpus."""
    rng = random.Random(seed)
    for _ in range(400):
        for kind in KINDS:
            yield from tasks.describe(kind, _random_facts(kind, rng), rng)
    for question in QUESTIONS:
        for words in (question.prompt, *wordings.WORDINGS[question.name]):
            yield from [prompts.answer(words), prompts.answer(words[0].upper() + words[1:])] * 3
        yield from (f"is this {phrase}? do you see {phrase}?" for phrase in question.phrases)
        yield from [" ".join(question.options), " ".join(BY_NAME[question.name].options)] * 3
    for thing, asked in wordings.COUNT_WORDINGS.items():
        yield from [prompts.detect(thing), COUNTS[thing], PLURALS[thing], *asked, *asked]
    yield from ["yes", "no", tasks.NOT_APPLICABLE, "caption en", "none", " ; "] * 5
    for word in wordings.ORDINARY_WORDS:
        yield from [f"the {word} of", f"{word} {word}", f"{word.capitalize()} is"]


def examples(seed: int = 0, number: int = 60) -> list[str]:
    """Descriptions as the model writes them, from random facts: serving guesses ahead by them."""
    rng = random.Random(seed)
    cell: Kind = "cell"
    kinds = [*KINDS, *[cell] * len(KINDS)]  # most are asked of single cells
    drawn = (rng.choice(kinds) for _ in range(number))
    return list(dict.fromkeys(tasks.describe(k, _random_facts(k, rng), rng)[1] for k in drawn))


def tokenizer() -> PreTrainedTokenizerFast:
    """A byte-pair tokenizer with single digits and bytes for what it does not know."""
    pieces = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    pieces.normalizer = normalizers.Replace(" ", "▁")
    words = pre_tokenizers.Split(Regex("▁?[A-Za-z-]+|▁|[^A-Za-z▁]"), "isolated")
    digits = pre_tokenizers.Digits(individual_digits=True)
    pieces.pre_tokenizer = pre_tokenizers.Sequence([digits, words])
    byte_tokens = [f"<0x{value:02X}>" for value in range(256)]
    trainer = trainers.BpeTrainer(
        vocab_size=PIECES, special_tokens=[*_SPECIAL, *byte_tokens, "\n"], show_progress=False
    )
    pieces.train_from_iterator(texts(), trainer)
    pieces.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=pieces,
        pad_token="<pad>",
        eos_token="<eos>",
        bos_token="<bos>",
        unk_token="<unk>",
        padding_side="left",
    )


def processor() -> PaliGemmaProcessor:
    """The stock processor; it adds the location and segmentation tokens."""
    images: Any = SiglipImageProcessorPil(
        size={"height": SIDE, "width": SIDE},
        image_seq_length=IMAGE_TOKENS,
        image_mean=[0.5] * 3,
        image_std=[0.5] * 3,
    )
    images.image_seq_length = IMAGE_TOKENS
    return PaliGemmaProcessor(  # type: ignore[no-untyped-call]
        image_processor=images, tokenizer=tokenizer()
    )


def build(
    made: PaliGemmaProcessor, width: int = 256, layers: int = 6, decoder_layers: int = 3
) -> PaliGemmaForConditionalGeneration:
    """A new model with random weights for the vocabulary of a processor."""
    words = made.tokenizer
    vocabulary = -(-len(words) // 16) * 16
    special = {
        "pad_token_id": words.pad_token_id,
        "bos_token_id": words.bos_token_id,
        "eos_token_id": words.eos_token_id,
    }
    vision = SiglipVisionConfig(
        hidden_size=width,
        intermediate_size=width * 3,
        num_hidden_layers=layers,
        num_attention_heads=width // 64,
        image_size=SIDE,
        patch_size=PATCH,
        vision_use_head=False,
    )
    text = GemmaConfig(
        vocab_size=vocabulary,
        hidden_size=width,
        intermediate_size=width * 2,
        num_hidden_layers=decoder_layers,
        num_attention_heads=width // 64,
        num_key_value_heads=1,
        head_dim=64,
        max_position_embeddings=1024,
        **special,
    )
    config = PaliGemmaConfig(
        vision_config=vision,
        text_config=text,
        image_token_index=made.image_token_id,
        projection_dim=width,
        hidden_size=width,
        vocab_size=vocabulary,
        **special,
    )
    config.image_prefix = "isolated"  # image tokens see only the image: serving may reuse them
    model = PaliGemmaForConditionalGeneration(config)
    initialise(model.model.vision_tower)
    return model
