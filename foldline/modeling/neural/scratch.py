"""A small transformer and its tokenizer, both made from the training rows alone."""

from collections import Counter
from typing import Any

from foldline.frame.labels import Labels
from foldline.frame.params import Recipe

UNKNOWN, PAD, START, END, MASK = "[UNK]", "[PAD]", "[CLS]", "[SEP]", "[MASK]"
SPECIAL = (PAD, UNKNOWN, START, END, MASK)


def tokenizer(texts: list[str], recipe: Recipe) -> Any:
    """Train a WordPiece tokenizer (Schuster and Nakajima, 2012) and wrap it for transformers."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    # Stripping accents would take Hangul syllables apart.
    normalizer = normalizers.BertNormalizer(strip_accents=False, lowercase=True)
    splitter = pre_tokenizers.BertPreTokenizer()
    vocabulary = _vocabulary(texts, recipe.scratch.vocabulary, normalizer, splitter)
    made = Tokenizer(
        models.WordPiece(vocab=vocabulary, unk_token=UNKNOWN, max_input_chars_per_word=100)
    )
    made.normalizer, made.pre_tokenizer = normalizer, splitter
    made.post_processor = processors.TemplateProcessing(
        single=f"{START} $A {END}",
        pair=f"{START} $A {END} $B:1 {END}:1",
        special_tokens=[(token, vocabulary[token]) for token in (START, END)],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        model_max_length=recipe.max_length,
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
        unk_token=UNKNOWN,
        pad_token=PAD,
        cls_token=START,
        sep_token=END,
        mask_token=MASK,
    )


def _vocabulary(texts: list[str], size: int, normalizer: Any, splitter: Any) -> dict[str, int]:
    """Learn the token ids, `size` at most, the same ones in every process.

    The trainer numbers the characters within words as it meets them in a hash table, in another
    order in each process, and breaks ties between merges by these numbers. So all characters,
    the most frequent ones as far as there is room, are given to it beforehand.
    """
    from tokenizers import Tokenizer, models, trainers

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


def model(vocabulary: int, labels: Labels, recipe: Recipe, names: dict[str, Any]) -> Any:
    """Build a BERT-shaped encoder (Devlin et al., 2019) with random weights."""
    from transformers import BertConfig, BertForSequenceClassification

    options = recipe.scratch
    build: Any = BertConfig  # its keyword arguments are not typed
    config = build(
        vocab_size=vocabulary,
        hidden_size=options.width,
        num_hidden_layers=options.layers,
        num_attention_heads=options.heads,
        intermediate_size=4 * options.width,
        max_position_embeddings=recipe.max_length,
        hidden_dropout_prob=options.dropout,
        attention_probs_dropout_prob=options.dropout,
        pad_token_id=0,
        num_labels=labels.outputs,
        **names,
    )
    return BertForSequenceClassification(config)
