"""A cross-encoder by folder: a tiny one with random weights."""

from pathlib import Path

import pytest
from agent_fakes import ListLibrary, passage
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

from tools.cross_encoder import load_cross_encoder
from tools.errors import ModelUnavailableError
from tools.literature_search import Candidates

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "neutrophil", "nucleus", "kidney", "lobes"]
LIBRARY = ListLibrary(passages=[passage("1", "kidney"), passage("2", "neutrophil nucleus lobes")])
NONE = Candidates({}, {})


def saved(folder: Path, outputs: int = 1) -> str:
    config = BertConfig(
        vocab_size=len(WORDS), hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=16, num_labels=outputs,
    )  # fmt: skip
    BertForSequenceClassification(config).save_pretrained(folder)
    words = Tokenizer(WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]"))
    words.pre_tokenizer = Whitespace()
    PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]",
        sep_token="[SEP]",
    ).save_pretrained(folder)  # fmt: skip
    return str(folder)


def test_passages_come_in_the_order_of_their_scores(tmp_path):
    encoder = load_cross_encoder(saved(tmp_path), LIBRARY)
    scores = encoder.scores([("nucleus", e.passage) for e in LIBRARY.passages])
    expected = [0, 1] if scores[0] >= scores[1] else [1, 0]
    assert encoder("nucleus", NONE, [0, 1], "words") == expected
    assert encoder("nucleus", NONE, [1, 0], "words") == expected
    assert encoder("nucleus", NONE, [], "words") == []


def test_a_score_does_not_depend_on_what_is_scored_with_it(tmp_path):
    encoder = load_cross_encoder(saved(tmp_path), LIBRARY)
    pairs = [("nucleus", "kidney"), ("nucleus", "neutrophil nucleus lobes " * 300)] * 10
    together = encoder.scores(pairs)
    assert together[:2] == pytest.approx(
        [encoder.scores([pair])[0] for pair in pairs[:2]], abs=1e-5
    )


def test_what_cannot_rank_is_refused_with_what_to_do(tmp_path):
    with pytest.raises(ModelUnavailableError, match="CYTOSCRIBE_RERANKER=linear"):
        load_cross_encoder(str(tmp_path / "nothing"), LIBRARY)
    with pytest.raises(ModelUnavailableError, match="tells 3 classes apart"):
        load_cross_encoder(saved(tmp_path, 3), LIBRARY)
