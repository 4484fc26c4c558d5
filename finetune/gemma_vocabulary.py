"""Gemma's tokenizer from its SentencePiece file (tokenizer.model), with PaliGemma's tokens added.

These stand behind Gemma's 256,000: <loc0000> is 256000, <seg000> 257024, <image> 257152. The file
is a protocol buffer whose pieces are read here, so no SentencePiece library is needed; the merges
of its byte-pair encoding follow from the pieces and their order.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tokenizers import AddedToken
from transformers import AutoTokenizer, GemmaTokenizer

from tools.errors import BadInputError

PALIGEMMA = [f"<loc{n:04}>" for n in range(1024)] + [f"<seg{n:03}>" for n in range(128)]
_NORMAL, _USER_DEFINED = 1, 4
_LENGTH_DELIMITED = 2


def gemma_tokenizer(path: Path) -> Any:
    """A tokenizer from a SentencePiece file or from a folder of Hugging Face's form.

    Raises:
        BadInputError: neither of them.
    """
    if path.is_dir():
        found: Any = AutoTokenizer
        return found.from_pretrained(path, local_files_only=True)
    try:
        listed = list(pieces(path.read_bytes()))
    except (OSError, IndexError, UnicodeDecodeError) as error:
        raise BadInputError(f"{path} is no SentencePiece model ({error})") from error
    if not listed:
        raise BadInputError(f"{path} is no SentencePiece model: there is no piece in it")
    vocabulary = {piece: place for place, (piece, _) in enumerate(listed)}
    gemma: Any = GemmaTokenizer
    words = gemma(vocab=vocabulary, merges=merges(vocabulary), padding_side="left")
    whole = [piece for piece, kind in listed if kind == _USER_DEFINED]
    words.add_tokens([AddedToken(text, normalized=False) for text in [*whole, *PALIGEMMA]])
    words.add_tokens([AddedToken("<image>", normalized=False, special=True)], special_tokens=True)
    return words


def pieces(model: bytes) -> Iterator[tuple[str, int]]:
    """Text and type of each piece, in the order of their ids (ModelProto.pieces, field 1)."""
    for number, value in _fields(model):
        if number == 1 and isinstance(value, bytes):
            parts = dict(_fields(value))
            text = parts.get(1, b"")
            kind = parts.get(3, _NORMAL)
            if isinstance(text, bytes) and isinstance(kind, int):
                yield text.decode(), kind


def merges(vocabulary: dict[str, int]) -> list[tuple[str, str]]:
    """Pairs that join into a piece, the earlier piece first: the order in which they are tried."""
    found = []
    for piece, place in vocabulary.items():
        for cut in range(1, len(piece)):
            left, right = piece[:cut], piece[cut:]
            if left in vocabulary and right in vocabulary:
                found.append((place, vocabulary[left], vocabulary[right], left, right))
    return [(left, right) for _, _, _, left, right in sorted(found)]


def _fields(data: bytes) -> Iterator[tuple[int, bytes | int]]:
    """Number and value of each field of a message (protocol buffers' encoding)."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, kind = key >> 3, key & 7
        if kind == _LENGTH_DELIMITED:
            length, at = _varint(data, at)
            yield number, data[at : at + length]
            at += length
        elif kind == 0:
            value, at = _varint(data, at)
            yield number, value
        else:
            at += {1: 8, 5: 4}[kind]


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
