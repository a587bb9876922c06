"""The advice in messages about augmentation: each is followed, and copies or rows come out."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from foldline.augmentation import chat_client, llm_cache, sampling_plan
from foldline.augmentation.augment_rows import augment_rows
from foldline.augmentation.lexicon import read_tsv
from foldline.augmentation.llm import LlmRewriter
from foldline.augmentation.requests import CopyRequest
from foldline.augmentation.undersampling import select_rows
from foldline.core.errors import FoldlineError
from tests.helpers.advice import read_settings
from tests.helpers.chat_server import Stub, completion

REQUESTS = [CopyRequest(f"text {number}", "", "a", f"r{number}", 0) for number in range(2)]


@pytest.fixture
def server(monkeypatch, workplace):
    """Answer at /v1 alone, and only those who know the key."""
    monkeypatch.setattr(chat_client, "WAITS", [])
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    made = Stub()

    def reply(body: Any, count: int) -> Any:
        headers = made.headers[-1]
        if headers["path"] != "/v1/chat/completions":
            return 404, "no such address"
        return completion("new") if headers.get("Authorization") == "Bearer sk-good" else (401, "")

    made.reply = reply
    yield made
    made.close()


@pytest.fixture
def rewrite(server, augment):
    def run(**options: Any) -> Any:
        dotted = {"url": server.url, "mode": "record"} | options
        llm_cache._OPEN.clear()
        rewriter = LlmRewriter(augment({f"llm.{key}": v for key, v in dotted.items()}).llm, 1)
        return rewriter(REQUESTS, 0)

    return run


def refusal(run: Any, *arguments: Any, **options: Any) -> str:
    with pytest.raises(FoldlineError) as caught:
        run(*arguments, **options)
    return str(caught.value)


@pytest.mark.parametrize(
    ("key", "words"),
    [
        (None, "OPENAI_API_KEY is not set; set it"),
        ("sk-bad", "OPENAI_API_KEY was refused; correct it"),
        ("sk-good\n", "OPENAI_API_KEY holds a line break (character 8 of 8), which no key has"),
    ],
)
def test_the_key_that_is_asked_for_is_taken(key, words, rewrite, monkeypatch) -> None:
    if key:
        monkeypatch.setenv("OPENAI_API_KEY", key)
    message = refusal(rewrite)
    assert words in message
    position = re.search(r"character (\d+)", message)
    good = key[: int(position[1]) - 1] if position else "sk-good"
    monkeypatch.setenv(re.search(r"\b[A-Z_]{5,}\b", message)[0], good)
    assert rewrite() == [("new", "")] * 2


def test_the_address_of_the_server_is_corrected_as_the_messages_say(
    server, rewrite, monkeypatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-good")
    message = refusal(rewrite, url=server.url.removesuffix("/v1"))
    end = re.search(r"check augment.llm.url \(it mostly ends in (/v1)\)", message)[1]
    assert rewrite(url=server.url.removesuffix("/v1") + end)
    other = Stub()
    try:
        moved = ("Location", f"{server.url}/chat/completions")
        other.reply = lambda body, count: (307, "moved", moved)
        Path(llm_cache.PATH).unlink()
        message = refusal(rewrite, url=other.url)
        assert "If you trust it, set augment.llm.url to the address that it has there" in message
        assert rewrite(url=re.search(r"to (http\S+?),", message)[1] + "/v1")
    finally:
        other.close()


def test_recorded_answers_are_used_and_missing_ones_requested(server, rewrite, monkeypatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-good")
    (settings,) = read_settings(refusal(rewrite, mode="replay"))
    recorded = rewrite(mode=settings["augment.llm.mode"])
    Path("kept").write_bytes(llm_cache.PATH.read_bytes())
    llm_cache.PATH.unlink()
    server.close()
    message = refusal(rewrite)
    assert "start the server or correct the address" in message
    mode = re.search(r"augment\.llm\.mode=(\w+)", message)[1]
    llm_cache.PATH.write_bytes(Path("kept").read_bytes())
    assert rewrite(mode=mode) == recorded
    server.__init__()  # closed once more by the fixture


def test_a_line_that_is_no_answer_is_removed(rewrite, monkeypatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-good")
    recorded = rewrite()
    lines = llm_cache.PATH.read_text(encoding="utf-8").splitlines()
    llm_cache.PATH.write_text("\n".join([lines[0], "<<<<<<<", *lines[1:], ""]), encoding="utf-8")
    message = refusal(rewrite, mode="replay")
    assert "remove the line" in message
    number = int(re.search(r"line (\d+)", message)[1])
    kept = llm_cache.PATH.read_text(encoding="utf-8").splitlines()
    del kept[number - 1]
    llm_cache.PATH.write_text("\n".join([*kept, ""]), encoding="utf-8")
    assert rewrite(mode="replay") == recorded


@pytest.fixture
def single() -> pd.DataFrame:
    texts = [f"좋은 영화 a good film number {number}" for number in range(12)]
    table = pd.DataFrame({"id": [f"r{n}" for n in range(12)], "text": texts, "text_pair": ""})
    return table.assign(label=["a"] * 9 + ["b"] * 3, group="", dup_group=table["id"])


@pytest.mark.parametrize("source", ["tsv", "wordnet"])
def test_methods_that_are_named_need_no_synonyms(source, single, augment, workplace) -> None:
    null = {"synonym.source": source, "synonym.path": None}

    def run(method: str) -> int:
        made = augment(null | {"method": method, "strategy": "n_per_row", "copies": 1})
        return len(augment_rows(single, made, "classification", 1).rows) - len(single)

    message = refusal(run, "synonym")
    names = re.search(r"without synonyms \(([^)]*)\)", message)[1].split(", ")
    assert [run(name) > 0 for name in names] == [True] * 4


def test_pairs_are_exchanged_where_there_are_some(single, augment) -> None:
    def run(rows: pd.DataFrame, method: str = "pairswap") -> int:
        made = augment({"method": method, "strategy": "n_per_row", "copies": 1})
        return len(augment_rows(rows, made, "classification", 1).rows) - len(rows)

    assert "set data.text_pair to its column, or choose another method" in refusal(run, single)
    assert run(single.assign(text_pair=[f"둘째 {n}" for n in range(12)])) > 0
    assert run(single, "swap") > 0


@pytest.mark.parametrize(
    ("line", "fixed"), [("bad awful", "bad\tawful"), ("very good\tfine", "good\tfine")]
)
def test_synonyms_in_the_form_that_is_told_are_read(line, fixed, tmp_path) -> None:
    path = tmp_path / "s.tsv"
    path.write_text(f"film\tmovie\n{line}\n", encoding="utf-8")
    assert "line 2: must be one word, a tab, and its synonyms" in refusal(read_tsv, path)
    path.write_text(f"film\tmovie\n{fixed}\n", encoding="utf-8")
    assert len(read_tsv(path)) == 2
    path.write_text("영화\t작품\n", encoding="cp949")
    assert "save it as UTF-8" in refusal(read_tsv, path)
    path.write_text("영화\t작품\n", encoding="utf-8")
    assert read_tsv(path)


def mixed_rows(rows: Any, sizes: dict[str, int]) -> pd.DataFrame:
    table = rows(n=sum(sizes.values()))
    labels = [name for name, size in sizes.items() for _ in range(size)]
    return table.assign(label=np.random.default_rng(0).permutation(labels))


@pytest.mark.parametrize("method", ["enn", "ncr", "nearmiss3", "tomek", "nearmiss2"])
def test_another_undersampling_that_is_named_works(method, rows, augment) -> None:
    """Classes that overlap, too few neighbours, too little memory."""
    sizes = {"a": 20, "b": 20, "c": 20} if method in ("enn", "ncr") else {"a": 30, "b": 10}
    table = mixed_rows(rows, sizes)
    memory = {"undersample.memory_gb": 1e-6} if method in ("tomek", "nearmiss2") else {}
    few = {"undersample.neighbours": 1} if method == "nearmiss3" else {}
    ratio = {"undersample.max_ratio": 1.0}

    def select(**options: Any) -> int:
        own = {f"undersample.{key}": value for key, value in options.items()}
        made = augment(memory | few | ratio | own).undersample
        return int(select_rows(table, table["label"].to_numpy(), made, 1).sum())

    message = refusal(select, method=method)
    other = re.search(r"[Uu]se (\w+)", message)[1]
    assert select(method=other, memory_gb=4.0 if other == "nearmiss1" else 1e-6) > 0
    if ratio_named := re.search(r"raise max_ratio to ([\d.]+)", message):
        assert select(method=method, max_ratio=float(ratio_named[1])) > 0
    if "Raise augment.undersample.neighbours" in message:
        assert select(method=method, neighbours=9)
    if "raise memory_gb" in message:
        assert select(method=method, memory_gb=4.0)


def test_texts_that_are_all_empty_can_be_dropped_at_random(rows, augment) -> None:
    table = mixed_rows(rows, {"a": 20, "b": 10}).assign(text="")

    def select(method: str) -> int:
        made = augment({"undersample.method": method, "undersample.max_ratio": 1.0}).undersample
        return int(select_rows(table, table["label"].to_numpy(), made, 1).sum())

    for settings in read_settings(refusal(select, "tomek")):
        assert select(settings["augment.undersample.method"]) > 0


def test_the_class_that_is_meant_exists(augment) -> None:
    def check(name: str) -> None:
        sampling_plan.check_classes(augment(per_class={name: "none"}), ["ham", "spam"])

    check(re.search(r"did you mean '(\w+)'", refusal(check, "spma"))[1])
