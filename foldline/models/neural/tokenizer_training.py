"""Training of tokenizers.

Each function takes the training texts and the vocabulary size, special tokens included, and returns
a tokenizer of `tokenizers` that is the same in every process.
"""

import math
from collections import Counter
from collections.abc import Callable
from typing import Any

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

UNKNOWN, PAD, START, END, MASK = "[UNK]", "[PAD]", "[CLS]", "[SEP]", "[MASK]"
SPECIAL = [PAD, UNKNOWN, START, END, MASK]
SEED_FACTOR = 4  # times the vocabulary size: candidates of the unigram model


def train_wordpiece(texts: list[str], size: int) -> Any:
    """Train WordPiece; pieces within a word start with ## (Schuster and Nakajima, 2012)."""
    normalizer, splitter = _normalizer(), pre_tokenizers.BertPreTokenizer()
    vocabulary = _learn_wordpieces(texts, size, normalizer, splitter)
    tokenizer = Tokenizer(
        models.WordPiece(vocab=vocabulary, unk_token=UNKNOWN, max_input_chars_per_word=100)
    )
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizer, splitter
    return tokenizer


def train_bpe(texts: list[str], size: int) -> Any:
    """Train byte-pair encoding, starting from characters (Sennrich et al., 2016)."""
    tokenizer = _metaspace_tokenizer(models.BPE(unk_token=UNKNOWN), _normalizer())
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=SPECIAL,
        initial_alphabet=sorted(_frequent_characters(texts, tokenizer, (size - len(SPECIAL)) // 2)),
        limit_alphabet=(size - len(SPECIAL)) // 2,
        min_frequency=2,
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def train_unigram(texts: list[str], size: int) -> Any:
    """Train a unigram language model (Kudo, 2018).

    The trainer of `tokenizers` returns other pieces in each process. Instead the pieces of a larger
    BPE are counted in the best segmentation of the words and the rarest dropped, in a few rounds:
    Kudo's algorithm with the best segmentation in place of the expectation.
    """
    candidates = train_bpe(texts, SEED_FACTOR * size)
    words = _count_words(texts, candidates)
    characters = _frequent_characters(texts, candidates, (size - len(SPECIAL)) // 2)
    pieces = candidates.get_vocab().keys() - set(SPECIAL)
    scores = dict.fromkeys(pieces, -math.log(len(pieces) + 1))
    for limit in (SEED_FACTOR * size, 2 * size, 3 * size // 2, size, size):
        counts = dict.fromkeys(characters, 1) | _count_pieces(words, _unigram_model(scores))
        ranked = sorted(counts, key=lambda piece: (piece not in characters, -counts[piece], piece))
        best = ranked[: limit - len(SPECIAL)]
        total = sum(counts[piece] for piece in best)
        scores = {piece: math.log(counts[piece] / total) for piece in best}
    return _metaspace_tokenizer(_unigram_model(scores), _normalizer())


def _unigram_model(scores: dict[str, float]) -> Any:
    ranked = sorted(scores.items(), key=lambda one: (-one[1], one[0]))
    return models.Unigram([(piece, 0.0) for piece in SPECIAL] + ranked, SPECIAL.index(UNKNOWN))


def _count_pieces(words: Counter[str], model: Any) -> dict[str, int]:
    """Return how often each piece occurs in the words, without unknown tokens."""
    counts: Counter[str] = Counter()
    for word, count in words.items():
        for token in model.tokenize(word):
            if token.id != SPECIAL.index(UNKNOWN):
                counts[token.value] += count
    return dict(counts)


def train_characters(texts: list[str], size: int) -> Any:
    """Make a token of each of the most frequent characters."""
    return _character_tokenizer(texts, size, _normalizer())


def train_jamo(texts: list[str], size: int) -> Any:
    """Make tokens of characters, Hangul decomposed into jamo (Park et al., 2020)."""
    return _character_tokenizer(
        texts, size, normalizers.Sequence([_normalizer(), normalizers.NFD()])
    )


def _normalizer() -> Any:
    # Stripping accents would take Hangul syllables apart.
    return normalizers.BertNormalizer(strip_accents=False, lowercase=True)


def _metaspace_tokenizer(model: Any, normalizer: Any) -> Any:
    """Return a tokenizer whose words begin with a mark in place of the space before them."""
    tokenizer = Tokenizer(model)
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizer, pre_tokenizers.Metaspace()
    return tokenizer


def _character_tokenizer(texts: list[str], size: int, normalizer: Any) -> Any:
    tokenizer = _metaspace_tokenizer(models.WordLevel({}, UNKNOWN), normalizer)
    vocabulary = [*SPECIAL, *_frequent_characters(texts, tokenizer, size - len(SPECIAL))]
    tokenizer.model = models.WordLevel(
        {token: code for code, token in enumerate(vocabulary)}, UNKNOWN
    )
    split_characters = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Metaspace(), split_characters]
    )
    return tokenizer


def _count_words(texts: list[str], tokenizer: Any) -> Counter[str]:
    """Count the words as the tokenizer splits them."""
    counts: Counter[str] = Counter()
    for text in texts:
        plain = tokenizer.normalizer.normalize_str(text)
        counts.update(word for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(plain))
    return counts


def _frequent_characters(texts: list[str], tokenizer: Any, limit: int) -> list[str]:
    """Return the most frequent characters as the tokenizer sees them, ties by code point."""
    counts: Counter[str] = Counter()
    for word, count in _count_words(texts, tokenizer).items():
        for letter in word:
            counts[letter] += count
    return sorted(counts, key=lambda letter: (-counts[letter], letter))[:limit]


def _learn_wordpieces(
    texts: list[str], size: int, normalizer: Any, splitter: Any
) -> dict[str, int]:
    """Learn at most `size` WordPiece token ids, the same ones in every process.

    The trainer numbers the characters within words in the order of a hash table, which differs
    between processes, and breaks ties between merges by these numbers. So it is given all
    characters beforehand, the most frequent ones as far as there is room.
    """
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(normalizer.normalize_str(text))
    ranked = [c for c, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]
    limit = (size - len(SPECIAL)) // 2
    characters = [c for c in ranked if not c.isspace()][:limit]
    tokenizer = Tokenizer(models.WordPiece(unk_token=UNKNOWN))
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizer, splitter
    trainer = trainers.WordPieceTrainer(
        vocab_size=size,
        special_tokens=[*SPECIAL, *characters, *(f"##{c}" for c in characters)],
        limit_alphabet=0,
        show_progress=False,
        min_frequency=2,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return dict(tokenizer.get_vocab())


TOKENIZERS: dict[str, Callable[[list[str], int], Any]] = {
    "wordpiece": train_wordpiece,
    "bpe": train_bpe,
    "unigram": train_unigram,
    "character": train_characters,
    "jamo": train_jamo,
}
