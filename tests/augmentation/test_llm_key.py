"""The key goes to the server that params name, and into nothing that is shown or kept."""

import json
import re
import traceback
from itertools import product
from urllib.parse import quote

import pytest

from foldline.augmentation import chat_client, llm_cache
from foldline.augmentation.llm import LlmRewriter
from foldline.augmentation.requests import CopyRequest
from foldline.core.errors import FoldlineError
from tests.helpers.chat_server import Stub, completion

KEY = "sk-Sec+ret/0123456789"
REQUEST = [CopyRequest("the text", "", "food", "r", 0)]


@pytest.fixture
def servers(monkeypatch):
    """Start the server that is named, and another one; set the key."""
    monkeypatch.setattr(chat_client, "WAITS", [0.0])
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    made = Stub(), Stub()
    yield made
    for server in made:
        server.close()


@pytest.fixture
def rewrite(servers, augment, workplace):
    def run(**options: object) -> list:
        dotted = {f"llm.{k}": v for k, v in ({"url": servers[0].url} | options).items()}
        return LlmRewriter(augment(dotted | {"llm.mode": "record"}).llm, 1)(REQUEST, 0)

    return run


def error_of(rewrite, **options: object) -> str:
    """Return the message; the traceback must not hold the key either."""
    with pytest.raises(FoldlineError) as told:
        rewrite(**options)
    whole = "".join(traceback.format_exception(told.value))
    assert KEY not in whole and "Sec" not in whole
    assert not llm_cache.PATH.exists()
    return str(told.value)


@pytest.mark.parametrize("code", [300, 301, 302, 303, 307, 308])
@pytest.mark.parametrize("place", ["other", "same", "user", "relative", "none", "key as host"])
def test_no_redirect_is_followed(code, place, servers, rewrite) -> None:
    first, other = servers
    target = {
        "other": f"{other.url}/chat/completions?key={KEY}",
        "same": f"{first.url}/elsewhere",
        "user": f"http://user:{quote(KEY, safe='')}@127.0.0.1:{other.server.server_port}/",
        "relative": "/v2/chat/completions",
        "none": "http://[",
        "key as host": f"http://user:{KEY}@127.0.0.1/",
    }[place]
    first.reply = lambda body, count: (code, "moved", ("Location", target))
    message = error_of(rewrite)
    assert f"{first.url.removesuffix('/v1')} redirects ({code}) to" in message
    if place in ("other", "user"):
        assert f"to {other.url.removesuffix('/v1')}, which was not asked" in message
    assert other.requests == [] and len(first.requests) == 1


@pytest.mark.parametrize(
    "echo",
    [
        (401, f"wrong key: Bearer {KEY}"),
        (400, json.dumps({"error": {"message": f"Incorrect API key: {KEY}", "headers": [KEY]}})),
        (400, json.dumps({"error": KEY}).replace("/", "\\/").replace("-", "\\u002d")),
        (400, f"https://x/?api_key={KEY.replace('+', '%2B').replace('/', '%2F')}"),
        (500, KEY * 3),
        (400, "x" * 290 + KEY),  # a cut would leave half of it
        (400, "no", ("reason", f"Bad {KEY}")),
        (200, f"<html>{KEY}"),
        (200, json.dumps({"choices": [], "key": KEY})),
    ],
)
def test_what_a_server_repeats_is_masked(echo, servers, rewrite) -> None:
    servers[0].reply = lambda body, count: echo
    assert len(error_of(rewrite)) < 1000


def test_an_answer_that_holds_the_key_is_kept_without_it(servers, rewrite) -> None:
    servers[0].reply = lambda body, count: completion(f"your key is {KEY}", note=KEY)
    assert rewrite() == [("your key is ***", "")]
    assert "Sec" not in llm_cache.PATH.read_text(encoding="utf-8")


def test_a_placeholder_changes_no_answer(servers, rewrite, monkeypatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "EMPTY")
    servers[0].reply = lambda body, count: completion("an EMPTY plate")
    assert rewrite() == [("an EMPTY plate", "")]


@pytest.mark.parametrize(
    ("key", "what"),
    [
        (f"{KEY}\n", "a line break .character 22 of 22"),
        (f"{KEY}\r\nX-Other: 1", "a line break"),
        (f" {KEY}", "white space .character 1 of 22"),
        (f"{KEY}\t", "white space"),
        (f"{KEY}\x1b[0m", "a control character"),
        (f"{KEY}…", "a character that is not ASCII"),
    ],
)
def test_a_key_that_no_header_can_hold_is_refused_unsent(
    key, what, servers, rewrite, monkeypatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", key)
    assert re.search(f"OPENAI_API_KEY holds {what}", error_of(rewrite))
    assert servers[0].requests == []


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"url": f"https://user:{KEY}@host/v1"}, "must be the"),
        ({"url": f"https://user:{KEY[3:10]}@host/v1"}, "must hold no user, password"),
        ({"url": f"https://host/v1?api_key={KEY}"}, "must hold no user, password"),
        ({"url": f"https://host/v1#{KEY}"}, "must hold no user, password"),
        ({"url": f"user:{KEY}@host/v1"}, "must be the address of a server"),
        ({"url": f"http://host:{KEY}/v1"}, "must be the address of a server"),
        ({"key_variable": KEY}, "must be the name of an environment variable"),
        ({"key_variable": "gsk_0123456789abcdef"}, "must be the name of an environment variable"),
    ],
)
def test_params_hold_no_key(options, what, tmp_path) -> None:
    from tests.helpers.edited_params import params_error, write_edited_params

    ((key, value),) = options.items()
    message = params_error(write_edited_params(tmp_path, **{key: f"{key}: '{value}'"}))
    assert what in message and value not in message and "Sec" not in message


def test_a_proxy_is_named_without_its_password(servers, rewrite, monkeypatch) -> None:
    passwords = quote(KEY[3:], safe=""), KEY[3:]
    for scheme, password in product(("http", "odd"), passwords):
        proxy = f"{scheme}://me:{password}@127.0.0.1:9"
        monkeypatch.setenv("HTTP_PROXY", proxy)
        monkeypatch.delenv("NO_PROXY", raising=False)
        message = error_of(rewrite, url="http://example.invalid/v1")
        assert "no answer from http://example.invalid/v1" in message


def test_a_server_on_this_machine_is_reached_past_a_proxy(servers, rewrite, monkeypatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert rewrite() == [("other e text", "")]
