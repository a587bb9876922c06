"""There and back by tiny models with random weights, made here; no network."""

import pickle
from pathlib import Path

import pandas as pd
import pytest

from foldline.augmentation import translator
from foldline.augmentation.augmenters import TextAugmenter
from foldline.augmentation.requests import CopyRequest
from foldline.core.errors import FoldlineError

pytestmark = pytest.mark.slow

LETTERS = "abcdefghijklmnopqrstuvwxyz .가나다라마바사"
CODES = ("ko", "en")
TEXTS = (
    "abc def",
    "가나다",
    "a",
    "",
    "   ",
    "🙂",
    "the way",
    "z" * 100,
    "fed cba",
    "xyz",
    "나라 사다",
)
FOLDERS = {"there": "models/pretrained/there", "back": "models/pretrained/back"}


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[str, Path]:
    """Make two models that write some letters for others."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
    from transformers import MarianConfig, MarianMTModel, PreTrainedTokenizerFast, set_seed

    words = ["<pad>", "</s>", "<unk>", *CODES, *LETTERS]
    spelling = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="<unk>"))
    spelling.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    spelling.decoder = decoders.Fuse()
    spelling.post_processor = processors.TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", 1)]
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=spelling, pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
    )
    made = {}
    for seed, name in enumerate(FOLDERS):
        set_seed(seed)
        half = {"layers": 1, "attention_heads": 2, "ffn_dim": 32}
        sides = {f"{side}_{k}": v for side in ("encoder", "decoder") for k, v in half.items()}
        config = MarianConfig(
            vocab_size=len(words),
            d_model=16,
            max_position_embeddings=64,
            init_std=1.0,
            pad_token_id=0,
            eos_token_id=1,
            decoder_start_token_id=0,
            forced_eos_token_id=None,
            **sides,
        )
        made[name] = tmp_path_factory.mktemp(name)
        model = MarianMTModel(config)
        # Random weights come to no end by themselves.
        model.generation_config.exponential_decay_length_penalty = (3, 1.5)
        model.save_pretrained(made[name])
        tokenizer.save_pretrained(made[name])
    return made


@pytest.fixture
def augmenter(folders, augment, workplace):
    """Make a augmenter in an empty folder, with the models linked into it."""

    def make(**options: object) -> TextAugmenter:
        Path("models/pretrained").mkdir(parents=True, exist_ok=True)
        for name, path in FOLDERS.items():
            if not Path(path).exists():
                Path(path).symlink_to(folders[name])
        own = {"beams": 3, "temperature": 0.0, "max_length": 24} | FOLDERS | options
        dotted = {f"backtranslation.{name}": value for name, value in own.items()}
        rows = pd.DataFrame({"text": TEXTS, "text_pair": "", "label": "x"})
        return TextAugmenter(rows, augment(dotted, method="backtranslation"), "classification", 1)

    return make


def make_requests(number: int = 0) -> list[CopyRequest]:
    return [CopyRequest(text, text[:3], "x", f"r{n}", number) for n, text in enumerate(TEXTS)]


def run(
    augmenter: TextAugmenter, wanted: list[CopyRequest], attempt: int = 0
) -> list[tuple[str, str]]:
    return augmenter.augment("backtranslation", wanted, attempt)


def forget() -> None:
    Path(".foldline/translations.sqlite").unlink()


@pytest.mark.parametrize("options", [{}, {"beams": 1, "temperature": 1.0}])
def test_contract(options, augmenter) -> None:
    made = augmenter(**options)
    found = run(made, make_requests())

    for request, texts in zip(make_requests(), found, strict=True):
        assert bool(texts[0].strip()) == bool(request.text.strip())
        assert bool(texts[1].strip()) == bool(request.text_pair.strip())
    changed = [
        a.text != one for a, (one, _) in zip(make_requests(), found, strict=True) if a.text.strip()
    ]
    assert sum(changed) >= len(changed) / 2
    assert found[TEXTS.index("z" * 100)][0] == "z" * 100  # longer than a model may read
    forget()
    other = pickle.loads(pickle.dumps(made))
    alone = [run(other, [request])[0] for request in reversed(make_requests())]
    assert alone[::-1] == found


def test_copies_are_the_beams(augmenter) -> None:
    made = augmenter()
    copies = [run(made, make_requests(number))[0] for number in range(5)]
    assert len(set(copies[:3])) == 3
    assert copies[3:] == [("abc def", "abc")] * 2
    assert run(made, make_requests(1), attempt=1)[0] == copies[2]


def test_sampled_copies_differ(augmenter) -> None:
    made = augmenter(beams=1, temperature=1.5)
    assert (
        len(
            {
                run(made, make_requests(number), attempt)[0]
                for number in (0, 1)
                for attempt in (0, 1)
            }
        )
        == 4
    )


def test_translations_are_kept(augmenter, monkeypatch) -> None:
    found = run(augmenter(), make_requests())

    def never(name: str) -> None:
        raise AssertionError("it was translated already")

    monkeypatch.setattr(translator, "_load_model", never)
    translator._LOADED.clear()
    assert run(augmenter(), make_requests()[::-1]) == found[::-1]
    for options in ({"max_length": 11}, {"beams": 2}, {"beams": 1, "temperature": 1.0}):
        with pytest.raises(AssertionError):
            run(augmenter(**options), make_requests())


def test_another_model_in_the_folder_is_another_model(augmenter, folders) -> None:
    found = run(augmenter(), make_requests())
    Path(FOLDERS["there"]).unlink()
    Path(FOLDERS["there"]).symlink_to(folders["back"])
    assert run(augmenter(), make_requests()) != found


def test_models_of_many_languages_are_reported_which(augmenter) -> None:
    plain = run(augmenter(), make_requests())
    assert run(augmenter(languages=["ko", "en"]), make_requests()) != plain
    with pytest.raises(FoldlineError, match=r"does not know 'xx'.*kor_Hang"):
        run(augmenter(languages=["ko", "xx"]), make_requests())


def test_what_is_missing_is_reported_at_once(augmenter, workplace) -> None:
    with pytest.raises(FoldlineError, match=r"backtranslation.back: is null.*models/pretrained/"):
        augmenter(back=None)
    with pytest.raises(FoldlineError, match=r"there: no-such/model is no translation model"):
        augmenter(there="no-such/model")
    Path("models/pretrained/empty").mkdir(parents=True)
    with pytest.raises(ValueError, match="empty holds no model that transformers can load"):
        augmenter(there="models/pretrained/empty")
    with pytest.raises(ValueError, match="must lie under models/pretrained/"):
        augmenter(there="./models")
    with pytest.raises(ValueError, match="must be 0 where beams is above 1"):
        augmenter(beams=2, temperature=0.5)
