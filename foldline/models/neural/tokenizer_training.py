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
    made = Tokenizer(
        models.WordPiece(vocab=vocabulary, unk_token=UNKNOWN, max_input_chars_per_word=100)
    )
    made.normalizer, made.pre_tokenizer = normalizer, splitter
    return made


def train_bpe(texts: list[str], size: int) -> Any:
    """Train byte-pair encoding, starting from characters (Sennrich et al., 2016)."""
    made = _metaspace_tokenizer(models.BPE(unk_token=UNKNOWN), _normalizer())
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=SPECIAL,
        initial_alphabet=sorted(_frequent_characters(texts, made, (size - len(SPECIAL)) // 2)),
        limit_alphabet=(size - len(SPECIAL)) // 2,
        min_frequency=2,
        show_progress=False,
    )
    made.train_from_iterator(texts, trainer)
    return made


def train_unigram(texts: list[str], size: int) -> Any:
    """Train a unigram language model (Kudo, 2018).

    The trainer of `tokenizers` returns other pieces in each process. Instead the pieces of a larger
    BPE are counted in the best segmentation of the words and the rarest dropped, in a few rounds:
    Kudo's algorithm with the best segmentation in place of the expectation.
    """
    larger = train_bpe(texts, SEED_FACTOR * size)
    words = _count_words(texts, larger)
    characters = _frequent_characters(texts, larger, (size - len(SPECIAL)) // 2)
    pieces = larger.get_vocab().keys() - set(SPECIAL)
    scores = dict.fromkeys(pieces, -math.log(len(pieces) + 1))
    for most in (SEED_FACTOR * size, 2 * size, 3 * size // 2, size, size):
        counts = dict.fromkeys(characters, 1) | _count_pieces(words, _unigram_model(scores))
        ranked = sorted(counts, key=lambda piece: (piece not in characters, -counts[piece], piece))
        kept = ranked[: most - len(SPECIAL)]
        total = sum(counts[piece] for piece in kept)
        scores = {piece: math.log(counts[piece] / total) for piece in kept}
    return _metaspace_tokenizer(_unigram_model(scores), _normalizer())


def _unigram_model(scores: dict[str, float]) -> Any:
    learnt = sorted(scores.items(), key=lambda one: (-one[1], one[0]))
    return models.Unigram([(piece, 0.0) for piece in SPECIAL] + learnt, SPECIAL.index(UNKNOWN))


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
    made = Tokenizer(model)
    made.normalizer, made.pre_tokenizer = normalizer, pre_tokenizers.Metaspace()
    return made


def _character_tokenizer(texts: list[str], size: int, normalizer: Any) -> Any:
    made = _metaspace_tokenizer(models.WordLevel({}, UNKNOWN), normalizer)
    known = [*SPECIAL, *_frequent_characters(texts, made, size - len(SPECIAL))]
    made.model = models.WordLevel({token: code for code, token in enumerate(known)}, UNKNOWN)
    one = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    made.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Metaspace(), one])
    return made


def _count_words(texts: list[str], made: Any) -> Counter[str]:
    """Count the words as the tokenizer splits them."""
    counts: Counter[str] = Counter()
    for text in texts:
        plain = made.normalizer.normalize_str(text)
        counts.update(word for word, _ in made.pre_tokenizer.pre_tokenize_str(plain))
    return counts


def _frequent_characters(texts: list[str], made: Any, most: int) -> list[str]:
    """Return the most frequent characters as the tokenizer sees them, ties by code point."""
    counts: Counter[str] = Counter()
    for word, count in _count_words(texts, made).items():
        for letter in word:
            counts[letter] += count
    return sorted(counts, key=lambda letter: (-counts[letter], letter))[:most]


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
    known = [c for c, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]
    room = (size - len(SPECIAL)) // 2
    characters = [c for c in known if not c.isspace()][:room]
    made = Tokenizer(models.WordPiece(unk_token=UNKNOWN))
    made.normalizer, made.pre_tokenizer = normalizer, splitter
    trainer = trainers.WordPieceTrainer(
        vocab_size=size,
        special_tokens=[*SPECIAL, *characters, *(f"##{c}" for c in characters)],
        limit_alphabet=0,
        show_progress=False,
        min_frequency=2,
    )
    made.train_from_iterator(texts, trainer)
    return dict(made.get_vocab())


TOKENIZERS: dict[str, Callable[[list[str], int], Any]] = {
    "wordpiece": train_wordpiece,
    "bpe": train_bpe,
    "unigram": train_unigram,
    "character": train_characters,
    "jamo": train_jamo,
}
