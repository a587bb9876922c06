"""A frozen encoder: one text, one vector, to the last bit; what its files say is honoured."""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from foldline.core.errors import FoldlineError
from foldline.encoders import sentence_encoder, vector_cache
from foldline.encoders.pooling import POOLINGS
from foldline.models import registry
from tests.helpers.marks import mark_slow_except

TEXTS = ["김치 찌개 soup", "goal", "비가 흐린 rain 기온 태풍 cloud 맑은 바람", "", "축구 " * 40]


@pytest.fixture
def opened(workplace, tiny_bert):
    return sentence_encoder.open_encoder("embed.encoder", tiny_bert, 24, 1)


@pytest.fixture
def kept(workplace, tiny_bert) -> Path:
    """Return the tiny BERT as sentence-transformers would have kept it, to be changed."""
    folder = workplace / "kept"
    shutil.copytree(tiny_bert, folder)
    parts = ["Transformer", "Pooling", "Normalize"]
    paths = ["", "1_Pooling", "2_Normalize"]
    modules = [
        {"idx": i, "path": path, "type": f"sentence_transformers.models.{part}"}
        for i, (part, path) in enumerate(zip(parts, paths, strict=True))
    ]
    write_json(folder / "modules.json", modules)
    write_json(folder / "1_Pooling/config.json", {"pooling_mode_cls_token": True})
    return folder


def write_json(path: Path, content: object) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")


def hidden_states(folder, text: str, longest: int = 24) -> np.ndarray:
    from transformers import AutoModel, AutoTokenizer

    ids = AutoTokenizer.from_pretrained(folder)(
        text, return_tensors="pt", truncation=True, max_length=longest
    )
    return AutoModel.from_pretrained(folder)(**ids).last_hidden_state[0].detach().numpy()


def test_a_text_has_the_same_bits_alone_and_among_others(opened):
    texts = [f"{text} {number}" for number in range(40) for text in TEXTS]
    together = opened._encode_new(texts)
    order = np.random.default_rng(0).permutation(len(texts))

    np.testing.assert_array_equal(opened._encode_new([texts[i] for i in order]), together[order])
    for place in (0, 3, 4, 7, 199):
        np.testing.assert_array_equal(opened._encode_new([texts[place]])[0], together[place])


def test_without_other_files_tokens_are_averaged(opened, tiny_bert):
    found = opened.encode(TEXTS)

    assert found.shape == (5, 16)
    assert found.dtype == np.float32
    for place, text in enumerate(TEXTS):
        np.testing.assert_allclose(found[place], hidden_states(tiny_bert, text).mean(0), atol=1e-6)


def test_files_of_sentence_transformers_are_honoured(kept):
    write_json(kept / "sentence_bert_config.json", {"max_seq_length": 4})
    prompts = {"prompts": {"query": "the "}, "default_prompt_name": "query"}
    write_json(kept / "config_sentence_transformers.json", prompts)
    own = sentence_encoder.open_encoder("embed.encoder", str(kept), 24, 1)
    first = hidden_states(kept, "the 축구 경기 goal", 4)[0]

    assert own.max_tokens == 4
    np.testing.assert_allclose(
        own.encode(["축구 경기 goal"])[0], first / np.linalg.norm(first), atol=1e-6
    )


@pytest.mark.parametrize("name", POOLINGS)
def test_poolings_by_hand(name):
    import torch

    given = torch.tensor([[[1.0, 9.0], [3.0, -1.0], [50.0, 50.0]]])
    mask = torch.tensor([[[1.0], [1.0], [0.0]]])
    expected = {
        "cls": [1, 9],
        "max": [3, 9],
        "mean": [2, 4],
        "mean_sqrt": [4 / 2**0.5, 8 / 2**0.5],
        "last": [3, -1],
    }
    assert POOLINGS[name](given, mask)[0].tolist() == pytest.approx(expected[name])


def test_parts_that_are_not_known_are_told(kept):
    write_json(kept / "1_Pooling/config.json", {"pooling_mode_weightedmean_tokens": True})
    with pytest.raises(FoldlineError, match="its pooling is weightedmean_tokens; known are cls"):
        sentence_encoder.open_encoder("embed.encoder", str(kept), 24, 1)
    write_json(
        kept / "modules.json",
        [{"path": "", "type": "x.Transformer"}, {"path": "2", "type": "x.Dense"}],
    )
    with pytest.raises(FoldlineError, match=r"modules.json names Dense; known are Transformer"):
        sentence_encoder.open_encoder("embed.encoder", str(kept), 24, 1)
    with pytest.raises(FoldlineError, match=r"embed.encoder=nowhere cannot be loaded"):
        sentence_encoder.open_encoder("embed.encoder", "nowhere", 24, 1)
    empty = kept.parent / "empty"
    empty.mkdir()
    with pytest.raises(FoldlineError, match=r"the folder holds no model .* it is empty"):
        sentence_encoder.open_encoder("embed.encoder", str(empty), 24, 1)
    with pytest.raises(FoldlineError, match=r"there is no such folder; in models/pretrained/ is"):
        sentence_encoder.open_encoder("embed.encoder", "models/pretrained/none", 24, 1)
    with pytest.raises(FoldlineError, match=r"embed.encoder is null"):
        sentence_encoder.open_encoder("embed.encoder", None, 24, 1)


@pytest.mark.parametrize("family", ["t5", "bart"])
def test_of_a_model_that_writes_the_part_that_reads_is_taken(family, workplace, tiny_bert):
    import torch
    from transformers import AutoTokenizer, BartConfig, BartModel, T5Config, T5EncoderModel, T5Model

    tokenizer = AutoTokenizer.from_pretrained(tiny_bert)
    tokenizer.init_kwargs["model_input_names"] = ["input_ids", "attention_mask"]
    sizes = {"d_model": 16, "vocab_size": len(tokenizer)}
    t5 = T5Config(d_kv=8, d_ff=32, num_layers=1, num_heads=2, **sizes)
    heads = {"encoder_attention_heads": 2, "decoder_attention_heads": 2}
    bart = BartConfig(encoder_layers=1, decoder_layers=1, encoder_ffn_dim=32, **heads, **sizes)
    model = (T5Model(t5) if family == "t5" else BartModel(bart)).eval()
    for where in (tokenizer, model):
        where.save_pretrained("writer")
    found = sentence_encoder.open_encoder("embed.encoder", "writer", 24, 1).encode(TEXTS)
    reader = T5EncoderModel.from_pretrained("writer") if family == "t5" else model.encoder
    for place, text in enumerate(TEXTS):
        ids = torch.tensor([tokenizer(text, truncation=True, max_length=24)["input_ids"]])
        with torch.no_grad():
            mean = reader(input_ids=ids).last_hidden_state[0].mean(0)
        np.testing.assert_allclose(found[place], mean, atol=1e-5)
    assert float(np.ptp(found, axis=0).max()) > 0.1


def test_vectors_are_made_once(opened, monkeypatch):
    first = opened.encode(TEXTS)
    made = []
    monkeypatch.setattr(
        sentence_encoder.SentenceEncoder,
        "_encode_new",
        lambda self, texts: made.extend(texts) or first[: len(texts)],
    )

    np.testing.assert_array_equal(opened.encode(TEXTS[::-1] + TEXTS[:1]), first[[4, 3, 2, 1, 0, 0]])
    assert made == []
    opened.encode(["new", "goal", "new"])
    assert made == ["new"]


def test_a_broken_store_of_vectors_costs_time_alone(opened):
    first = opened.encode(TEXTS)
    (path,) = Path(".foldline", vector_cache.FOLDER).glob("*.sqlite")
    path.write_bytes(b"not a database" * 100)

    np.testing.assert_array_equal(opened.encode(TEXTS), first)
    path.unlink()
    sqlite3.connect(path).close()  # empty, as after a kill
    np.testing.assert_array_equal(opened.encode(TEXTS), first)


def test_a_damaged_vector_is_made_anew(opened):
    first = opened.encode(TEXTS)
    (path,) = Path(".foldline", vector_cache.FOLDER).glob("*.sqlite")
    for damage in ("substr(vector, 1, 7)", "substr(vector, 1, 20) || x'00000000'", "'text'"):
        with closing(sqlite3.connect(path)) as store, store:
            store.execute(f"UPDATE vectors SET vector = {damage} WHERE rowid = 2")
        np.testing.assert_array_equal(opened.encode(TEXTS), first)


def test_another_length_or_model_has_other_vectors(opened, tiny_bert, tiny_nli):
    short = sentence_encoder.open_encoder("embed.encoder", tiny_bert, 4, 1)
    other = sentence_encoder.open_encoder("embed.encoder", tiny_nli, 24, 1)

    assert len({opened.identity, short.identity, other.identity}) == 3
    assert not np.allclose(opened.encode(TEXTS)[4], short.encode(TEXTS)[4])


def test_an_encoder_that_changed_is_refused(kept, fit, rows, labels):
    table = rows()
    found = fit(
        "embed", table[:20], table[:0], "classification", files={"embed.encoder": str(kept)}
    )
    registry.save(found.model, "embed", labels("classification"), Path("m"))
    write_json(kept / "1_Pooling/config.json", {"pooling_mode_mean_tokens": True})
    with pytest.raises(FoldlineError, match="has changed since its vectors were learnt from"):
        registry.load(Path("m"))


@pytest.mark.parametrize("head", ["linear", "knn", "mlp"])
@pytest.mark.parametrize("pairs", mark_slow_except([False, True], [True]))
def test_every_head_stands_on_vectors(head, pairs, workplace, fit, rows, labels):
    for task in ("classification", "regression"):
        table = rows(task, pairs)
        how = {"embed.head": head}
        found = fit("embed", table.iloc[:28], table.iloc[:0], task, dotted=how)
        registry.save(found.model, "embed", labels(task), Path("m"))
        own = found.model.predict(table.iloc[28:])

        assert found.summary["features"] == (65 if pairs else 16)
        np.testing.assert_array_equal(registry.load(Path("m")).predict(table.iloc[28:]), own)
