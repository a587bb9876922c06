"""One request to a server that speaks OpenAI's chat completions, with patience."""

import http.client
import json
import os
import time
from datetime import UTC, datetime
from typing import Any
from urllib import error, parse, request

from foldline.core.errors import FoldlineError
from foldline.core.params import Llm

TIMEOUT = 120.0  # seconds for one answer
WAITS = [1.0, 2.0, 4.0, 8.0, 16.0]  # seconds before each further try
_LONGEST_WAIT = 60.0
_BUSY = {408, 409, 425, 429, 500, 502, 503, 504, 529}


def ask(options: Llm, body: dict[str, Any]) -> dict[str, Any]:
    """Post a request and give what is recorded: the request, the answer and how it came about.

    `answer` is None where the model refused, said nothing or was cut off. A server that is busy,
    slow or stumbling is asked again. The key stands in the header alone.

    Raises:
        FoldlineError: where there is no server, it refuses the key or the request, or its answer
            is none.
    """
    key = os.environ.get(options.key_variable, "").strip()
    for wait in [*WAITS, None]:
        try:
            return {"request": body} | _read(_posted(options, body, key))
        except error.HTTPError as failed:
            problem, patience = _refused(options, failed, key), _after(failed)
            if failed.code not in _BUSY:
                break
        except (OSError, http.client.HTTPException) as failed:
            problem, patience = _unheard(options, failed), 0.0
            if _final(failed):
                break
        if wait is not None:
            time.sleep(max(wait, patience))
    raise FoldlineError(problem)


def _posted(options: Llm, body: dict[str, Any], key: str) -> bytes:
    url = f"{options.url.rstrip('/')}/chat/completions"
    headers = {"Content-Type": "application/json"}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    post = request.Request(url, json.dumps(body).encode(), headers)
    # A proxy knows nothing of a server on this machine.
    near = parse.urlsplit(url).hostname in ("localhost", "127.0.0.1", "::1")
    opener = request.build_opener(*([request.ProxyHandler({})] if near else []))
    with opener.open(post, timeout=TIMEOUT) as answer:
        return bytes(answer.read())


def _read(content: bytes) -> dict[str, Any]:
    """Take the answer out of a completion."""
    try:
        completion = json.loads(content)
        choice = completion["choices"][0]
        message, finish = choice["message"], choice.get("finish_reason")
        text = message.get("content")
        useless = message.get("refusal") or finish in ("content_filter", "length")
        answer = text if isinstance(text, str) and text.strip() and not useless else None
    except (ValueError, LookupError, TypeError, AttributeError) as failed:
        shown = content[:200].decode("utf-8", "replace")
        raise FoldlineError(
            f"augment.llm.url: the server's answer is no chat completion (found {shown!r}); is it "
            "OpenAI-compatible, and does the address end in /v1?"
        ) from failed
    return {
        "answer": answer,
        "finish": finish,
        "served_by": completion.get("model"),
        "fingerprint": completion.get("system_fingerprint"),
        "usage": completion.get("usage"),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _refused(options: Llm, failed: error.HTTPError, key: str) -> str:
    said = failed.read(500).decode("utf-8", "replace").strip()
    said = said.replace(key, "***") if key else said
    what = f"augment.llm: {options.url} answers {failed.code} {failed.reason}: {said!r}"
    if failed.code in (401, 403):
        state = "was refused" if key else "is not set"
        return f"{what}; the key in the environment variable {options.key_variable} {state}"
    if failed.code == 404:
        return f"{what}; check augment.llm.url (it mostly ends in /v1) and augment.llm.model"
    if failed.code in _BUSY:
        return f"{what}, after {len(WAITS) + 1} tries; run it again later: answers so far are kept"
    return f"{what}; check the model's name and the options under augment.llm"


def _unheard(options: Llm, failed: Exception) -> str:
    reason = getattr(failed, "reason", None) or failed
    return (
        f"augment.llm.url: no answer from {options.url} ({reason}); start the server or correct "
        "the address, or use recorded answers with augment.llm.mode=replay. Answers so far are kept"
    )


def _final(failed: Exception) -> bool:
    """Tell whether asking again is in vain: nobody listens, or the name is unknown."""
    reason = getattr(failed, "reason", failed)
    return isinstance(failed, error.URLError) and not isinstance(
        reason, TimeoutError | ConnectionResetError | BrokenPipeError
    )


def _after(failed: error.HTTPError) -> float:
    """Give the seconds that the server asks to wait."""
    try:
        return min(_LONGEST_WAIT, float(failed.headers.get("Retry-After", 0)))
    except ValueError:
        return 0.0
