"""Requests to a server with OpenAI's chat completions API, with retries."""

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
WAITS = [1.0, 2.0, 4.0, 8.0, 16.0]  # seconds before each retry
_LONGEST_WAIT = 60.0
_RETRY_CODES = {408, 409, 425, 429, 500, 502, 503, 504, 529}


def request_completion(options: Llm, body: dict[str, Any]) -> dict[str, Any]:
    """Post a request and return the record to keep: request, answer and metadata.

    `answer` is None if the model refused, answered nothing or was truncated. Busy servers, timeouts
    and server errors are retried. The key is sent in the header alone.

    Raises:
        FoldlineError: if there is no server, it refuses the key or the request, or its answer is
            no completion.
    """
    key = os.environ.get(options.key_variable, "").strip()
    for wait in [*WAITS, None]:
        try:
            return {"request": body} | _parse_completion(_post(options, body, key))
        except error.HTTPError as failed:
            problem, delay = _describe_http_error(options, failed, key), _read_retry_after(failed)
            if failed.code not in _RETRY_CODES:
                break
        except (OSError, http.client.HTTPException) as failed:
            problem, delay = _describe_connection_error(options, failed), 0.0
            if _is_permanent(failed):
                break
        if wait is not None:
            time.sleep(max(wait, delay))
    raise FoldlineError(problem)


def _post(options: Llm, body: dict[str, Any], key: str) -> bytes:
    url = f"{options.url.rstrip('/')}/chat/completions"
    headers = {"Content-Type": "application/json"}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    post = request.Request(url, json.dumps(body).encode(), headers)
    # A proxy cannot reach a server on this machine.
    local = parse.urlsplit(url).hostname in ("localhost", "127.0.0.1", "::1")
    opener = request.build_opener(*([request.ProxyHandler({})] if local else []))
    with opener.open(post, timeout=TIMEOUT) as answer:
        return bytes(answer.read())


def _parse_completion(content: bytes) -> dict[str, Any]:
    """Return the answer and metadata of a completion."""
    try:
        completion = json.loads(content)
        choice = completion["choices"][0]
        message, finish = choice["message"], choice.get("finish_reason")
        text = message.get("content")
        unusable = message.get("refusal") or finish in ("content_filter", "length")
        answer = text if isinstance(text, str) and text.strip() and not unusable else None
    except (ValueError, LookupError, TypeError, AttributeError) as failed:
        excerpt = content[:200].decode("utf-8", "replace")
        raise FoldlineError(
            f"augment.llm.url: the server's answer is no chat completion (found {excerpt!r}); is "
            "it OpenAI-compatible, and does the address end in /v1?"
        ) from failed
    return {
        "answer": answer,
        "finish": finish,
        "served_by": completion.get("model"),
        "fingerprint": completion.get("system_fingerprint"),
        "usage": completion.get("usage"),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _describe_http_error(options: Llm, failed: error.HTTPError, key: str) -> str:
    said = failed.read(500).decode("utf-8", "replace").strip()
    said = said.replace(key, "***") if key else said
    what = f"augment.llm: {options.url} answers {failed.code} {failed.reason}: {said!r}"
    if failed.code in (401, 403):
        state = "was refused" if key else "is not set"
        return f"{what}; the key in the environment variable {options.key_variable} {state}"
    if failed.code == 404:
        return f"{what}; check augment.llm.url (it mostly ends in /v1) and augment.llm.model"
    if failed.code in _RETRY_CODES:
        return (
            f"{what}, after {len(WAITS) + 1} tries; run it again later: recorded answers are kept"
        )
    return f"{what}; check the model's name and the options under augment.llm"


def _describe_connection_error(options: Llm, failed: Exception) -> str:
    reason = getattr(failed, "reason", None) or failed
    return (
        f"augment.llm.url: no answer from {options.url} ({reason}); start the server or correct "
        "the address, or use recorded answers with augment.llm.mode=replay. What is recorded stays"
    )


def _is_permanent(failed: Exception) -> bool:
    """Return whether a retry is pointless: nothing listens, or the name is unknown."""
    reason = getattr(failed, "reason", failed)
    return isinstance(failed, error.URLError) and not isinstance(
        reason, TimeoutError | ConnectionResetError | BrokenPipeError
    )


def _read_retry_after(failed: error.HTTPError) -> float:
    """Return the seconds that the server asks to wait."""
    try:
        return min(_LONGEST_WAIT, float(failed.headers.get("Retry-After", 0)))
    except ValueError:
        return 0.0
