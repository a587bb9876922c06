"""LlmRewriter by a language model: recorded once, replayed by everybody; a stub on this machine."""

import json
import os
import pickle
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from foldline.augmentation import chat_client, llm_cache
from foldline.augmentation.llm import LlmRewriter
from foldline.augmentation.requests import CopyRequest
from foldline.core.errors import FoldlineError
from tests.helpers.chat_server import Stub, completion

ROOT = Path(__file__).resolve().parents[2]
REQUESTS = [CopyRequest(f"text {n}", "", "food", f"r{n}", 0) for n in range(6)]


@pytest.fixture
def stub(monkeypatch):
    monkeypatch.setattr(chat_client, "WAITS", [0.0, 0.0])
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    made = Stub()
    yield made
    made.close()


@pytest.fixture
def rewriter(stub, augment, workplace):
    def make(mode: str = "record", **options: object) -> LlmRewriter:
        dotted = {f"llm.{k}": v for k, v in ({"url": stub.url} | options).items()}
        return LlmRewriter(augment(dotted | {"llm.mode": mode}).llm, 1)

    return make


def recorded() -> list[dict]:
    return [json.loads(line) for line in llm_cache.PATH.read_text(encoding="utf-8").splitlines()]


def test_equal_requests_are_sent_once(rewriter, stub) -> None:
    request = CopyRequest("the text", "", "food", "r", 0)
    same = [request._replace(source_id=f"r{n}") for n in range(5)]

    found = rewriter().__call__(same, 0)

    assert found == [("other e text", "")] * 5
    assert len(stub.requests) == len(recorded()) == 1
    assert stub.headers[0]["path"] == "/v1/chat/completions"
    assert stub.requests[0]["messages"][0]["content"].endswith("\n\nthe text")
    assert "'food'" in stub.requests[0]["messages"][0]["content"]
    rewriter()([request], 1)  # another attempt is another sample
    rewriter()([request._replace(number=1)], 0)
    assert len({body["seed"] for body in stub.requests}) == len(stub.requests) == 3


def test_a_teammate_replays_the_same_rows_without_a_server(rewriter, stub) -> None:
    found = rewriter()(REQUESTS, 0)
    stub.close()
    llm_cache._OPEN.clear()  # as in a new process

    assert rewriter("replay")(REQUESTS[::-1], 0) == found[::-1]
    assert (
        pickle.loads(pickle.dumps(rewriter("replay", url="http://else:1/v1")))(REQUESTS, 0) == found
    )


def test_replay_says_how_many_are_missing(rewriter) -> None:
    rewriter()(REQUESTS[:4], 0)
    with pytest.raises(FoldlineError, match=r"2 of 6 answers are not in data/llm.*mode=record"):
        rewriter("replay")(REQUESTS, 0)
    # Every option of the request is part of its key.
    for change in ({"temperature": 0.1}, {"max_tokens": 9}, {"model": "b"}, {"prompt": "{text}"}):
        with pytest.raises(FoldlineError, match="4 of 4 answers"):
            rewriter("replay", **change)(REQUESTS[:4], 0)


def test_only_what_is_missing_is_asked_for(rewriter, stub) -> None:
    rewriter()(REQUESTS[:4], 0)
    first = llm_cache.PATH.read_bytes()
    rewriter()(REQUESTS, 0)
    assert len(stub.requests) == 6
    assert llm_cache.PATH.read_bytes().startswith(first)


def test_off_changes_nothing_and_empty_texts_are_not_asked_for(rewriter, stub) -> None:
    assert rewriter("off")(REQUESTS, 0) == [(request.text, "") for request in REQUESTS]
    assert rewriter()([CopyRequest("", "b", "x", "r", 0)], 0) == [("", "b")]
    assert stub.requests == []


def test_places_in_the_prompt_are_filled_once(rewriter, stub) -> None:
    odd = "{label} {text_pair} {x} \\1"
    rewriter(prompt="{text}|{text_pair}|{label}|{other}")([CopyRequest(odd, "b", "c", "r", 0)], 0)
    assert stub.requests[0]["messages"][0]["content"] == f"{odd}|b|c|{{other}}"


@pytest.mark.parametrize(
    ("content", "finish", "message", "text"),
    [
        (' "Another\n text" ', "stop", {}, "Another text"),
        ("“다른 글”", "stop", {}, "다른 글"),
        ("<think>which\none?</think>\nthis", "stop", {}, "this"),
        ("", "stop", {}, "text 0"),
        ("  ", "stop", {}, "text 0"),
        (None, "stop", {"refusal": "I cannot"}, "text 0"),
        ("I cannot", "stop", {"refusal": "I cannot"}, "text 0"),
        ("half a se", "length", {}, "text 0"),
        ("x", "content_filter", {}, "text 0"),
    ],
)
def test_answers_are_taken_clean_or_not_at_all(content, finish, message, text, rewriter, stub):
    stub.reply = lambda body, count: completion(content, finish, **message)
    assert rewriter()(REQUESTS[:1], 0) == [(text, "")]
    assert rewriter("replay")(REQUESTS[:1], 0) == [(text, "")]


def test_a_busy_server_is_asked_again(rewriter, stub) -> None:
    replies = [(429, "slow down", ("Retry-After", "0")), (503, "starting"), completion("new")]
    stub.reply = lambda body, count: replies[count - 1]
    assert rewriter()(REQUESTS[:1], 0) == [("new", "")]
    assert len(stub.requests) == 3


@pytest.mark.parametrize(
    ("reply", "message", "tries"),
    [
        ((500, "oops"), "answers 500.*after 3 tries", 3),
        ((401, "bad key"), "answers 401.*OPENAI_API_KEY is not set", 1),
        ((404, "none"), "answers 404.*ends in /v1", 1),
        ((400, "no model x"), "no model x", 1),
        ((200, "<html>"), "is no chat completion .found '<html>'", 1),
        ((200, "{}"), "is no chat completion", 1),
        ((200, '{"choices": [null]}'), "is no chat completion", 1),
    ],
)
def test_what_the_server_does_wrong_is_reported(reply, message, tries, rewriter, stub) -> None:
    stub.reply = lambda body, count: reply
    with pytest.raises(FoldlineError, match=message):
        rewriter()(REQUESTS[:1], 0)
    assert len(stub.requests) == tries


def test_no_server_is_reported(rewriter, stub) -> None:
    stub.close()
    with pytest.raises(FoldlineError, match=r"no answer from http://127.0.0.1.*start the server"):
        rewriter()(REQUESTS, 0)


def test_the_key_is_sent_and_never_written(rewriter, stub, monkeypatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    rewriter()(REQUESTS[:1], 0)
    assert stub.headers[0]["Authorization"] == "Bearer sk-secret"
    assert "secret" not in llm_cache.PATH.read_text(encoding="utf-8")
    stub.reply = lambda body, count: (401, "wrong: sk-secret")
    with pytest.raises(FoldlineError, match=r"wrong: \*\*\*.*OPENAI_API_KEY was refused"):
        rewriter()(REQUESTS, 0)


def test_what_was_answered_before_a_failure_is_kept(rewriter, stub) -> None:
    good = stub.reply
    stub.reply = lambda body, count: good(body, count) if count < 4 else (400, "enough")
    with pytest.raises(FoldlineError, match="enough"):
        rewriter()(REQUESTS, 0)
    # Whatever came first, the failure or an answer that was on its way beside it.
    assert len(recorded()) == 3
    stub.reply, before = good, len(stub.requests)
    rewriter()(REQUESTS, 0)
    assert len(stub.requests) - before == 3


def test_a_torn_line_is_asked_for_again(rewriter, stub) -> None:
    found = rewriter()(REQUESTS, 0)
    whole = llm_cache.PATH.read_bytes()
    lines = whole.splitlines(keepends=True)
    llm_cache.PATH.write_bytes(b"".join(lines[:-1]) + lines[-1][:40])
    llm_cache._OPEN.clear()

    with pytest.raises(FoldlineError, match="1 of 6 answers"):
        rewriter("replay")(REQUESTS, 0)
    assert rewriter()(REQUESTS, 0) == found
    assert len(stub.requests) == 7
    assert len(recorded()) == 6  # the torn line is gone


def test_a_line_that_is_none_is_reported(rewriter) -> None:
    rewriter()(REQUESTS[:1], 0)
    with llm_cache.PATH.open("a") as stream:
        stream.write("<<<<<<< HEAD\n")
    with pytest.raises(FoldlineError, match=r"answers.jsonl, line 2: is no recorded answer"):
        rewriter("replay")(REQUESTS[:1], 0)


def test_the_first_answer_counts_whoever_wrote_it(workplace) -> None:
    """Two processes that ask for the same must go on with the same text."""
    mine, other = llm_cache.AnswerCache(llm_cache.PATH), llm_cache.AnswerCache(llm_cache.PATH)
    other.add("k", {"answer": "first"})
    mine.add("k", {"answer": "second"})
    assert mine["k"] == other["k"] == "first"
    assert len(recorded()) == 1


def test_writers_do_not_mix_their_lines(workplace) -> None:
    def write(name: str) -> None:
        own = llm_cache.AnswerCache(llm_cache.PATH)
        for n in range(20):
            own.add(f"{name}{n}", {"answer": name * 3000})

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, "abcd"))
    assert sorted(line["key"] for line in recorded()) == sorted(
        f"{name}{n}" for name in "abcd" for n in range(20)
    )


@pytest.mark.slow
def test_a_killed_recording_goes_on(rewriter, stub) -> None:
    good = stub.reply
    gate = threading.Event()

    def slow(body: dict, count: int) -> tuple:
        if count > 3:
            gate.wait(30)
        return good(body, count)

    stub.reply = slow
    code = "import pickle, sys; own, requests = pickle.load(sys.stdin.buffer); own(requests, 0)"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, env=environment)
    process.stdin.write(pickle.dumps((rewriter(), REQUESTS)))
    process.stdin.close()
    # The server must have read all six, or it would count late ones with those asked for again.
    while not (llm_cache.PATH.exists() and llm_cache.PATH.read_bytes().count(b"\n") >= 3):
        assert process.poll() is None
        time.sleep(0.01)
    while len(stub.requests) < 6:
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()
    process.wait()
    gate.set()

    stub.reply = good
    found = rewriter()(REQUESTS, 0)
    assert len(stub.requests) - 6 == 3
    assert found == [(f"other {request.text[-6:]}", "") for request in REQUESTS]


@pytest.mark.parametrize(
    ("options", "message"),
    [({"prompt": "Rewrite it."}, "must hold {text}"), ({"url": "file:///etc/passwd"}, "https?")],
)
def test_options_that_cannot_work_are_refused(options, message, rewriter) -> None:
    with pytest.raises(ValueError, match=message):
        rewriter(**options)
