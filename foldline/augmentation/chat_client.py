"""Requests to a server with OpenAI's chat completions API, with retries.

The key goes to the server of `augment.llm.url` alone, and into no message, file or traceback.
"""

import json
import os
import time
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from foldline.augmentation.api_keys import check_key, mask, mask_addresses
from foldline.core.errors import FoldlineError
from foldline.core.params import Llm

if TYPE_CHECKING:
    import httpx2

TIMEOUT = 120.0  # seconds for one answer
WAITS = [1.0, 2.0, 4.0, 8.0, 16.0]  # seconds before each retry
MAX_BYTES = 10_000_000  # of an answer
_LONGEST_WAIT = 60.0
_EXCERPT = 300  # characters of an answer in a message
# Errors of a proxy or a certificate file that the environment names.
_SETTINGS = (OSError, ValueError, ImportError)
_RETRY_CODES = {408, 409, 425, 429, 500, 502, 503, 504, 529}


def request_completion(options: Llm, body: dict[str, Any]) -> dict[str, Any]:
    """Post a request and return the record to keep: request, answer and metadata.

    `answer` is None if the model refused, answered nothing or was truncated. Busy servers, timeouts
    and server errors are retried. The key is sent in the header alone, and masked in the record.

    Raises:
        FoldlineError: if there is no server, it refuses the key or the request, redirects, or its
            answer is no completion.
    """
    import httpx2

    key = check_key(options.key_variable, os.environ.get(options.key_variable, ""))
    for wait in [*WAITS, None]:
        delay = 0.0
        try:
            answer, content = _post(options, body, key)
            if answer.is_success:
                return {"request": body} | _parse_completion(content, key)
            problem, delay = _describe_answer(options, answer, content, key), _retry_delay(answer)
            is_final = answer.status_code not in _RETRY_CODES
        except (httpx2.RequestError, httpx2.InvalidURL, *_SETTINGS) as failed:
            problem = _describe_connection_error(options, failed)
            is_final = isinstance(failed, (httpx2.ConnectError, httpx2.InvalidURL, *_SETTINGS))
        if is_final:
            break
        if wait is not None:
            time.sleep(max(wait, delay))
    raise FoldlineError(mask(problem, key))


def _post(options: Llm, body: dict[str, Any], key: str) -> tuple["httpx2.Response", bytes]:
    """Return a response and its content. Redirects are not followed: they would take the key."""
    import httpx2

    headers = {"Content-Type": "application/json"}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    data = json.dumps(body).encode()
    # A proxy cannot reach a server on this machine.
    is_local = urlsplit(options.url).hostname in ("localhost", "127.0.0.1", "::1")
    with (
        httpx2.Client(
            follow_redirects=False,
            event_hooks={"response": [partial(_refuse_redirect, options, key)]},
            timeout=TIMEOUT,
            trust_env=not is_local,
        ) as client,
        client.stream("POST", _address(options), content=data, headers=headers) as answer,
    ):
        content = b""
        for block in answer.iter_bytes():
            content += block
            if len(content) > MAX_BYTES:
                raise FoldlineError(
                    f"augment.llm.url: the answer of {options.url} is longer than "
                    f"{MAX_BYTES // 1_000_000} MB, which no completion is; check the address"
                )
        return answer, content


def _address(options: Llm) -> str:
    return f"{options.url.rstrip('/')}/chat/completions"


def _parse_completion(content: bytes, key: str) -> dict[str, Any]:
    """Return the answer and metadata of a completion, without the key."""
    try:
        completion = mask(json.loads(content), key)
        choice = completion["choices"][0]
        message, finish = choice["message"], choice.get("finish_reason")
        text = message.get("content")
        unusable = message.get("refusal") or finish in ("content_filter", "length")
        answer = text if isinstance(text, str) and text.strip() and not unusable else None
    except (ValueError, LookupError, TypeError, AttributeError):
        found = _excerpt(content, key)
        raise FoldlineError(
            f"augment.llm.url: the server's answer is no chat completion (found {found!r}); is it "
            "OpenAI-compatible, and does the address end in /v1?"
        ) from None
    return {
        "answer": answer,
        "finish": finish,
        "served_by": completion.get("model"),
        "fingerprint": completion.get("system_fingerprint"),
        "usage": completion.get("usage"),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _describe_answer(options: Llm, answer: "httpx2.Response", content: bytes, key: str) -> str:
    code = answer.status_code
    said = _excerpt(content, key)
    what = f"augment.llm: {options.url} answers {code} {answer.reason_phrase}: {said!r}"
    if code in (401, 403):
        state = "was refused; correct it" if key else "is not set; set it"
        return f"{what}; the key in the environment variable {options.key_variable} {state}"
    if code == 404:
        return f"{what}; check augment.llm.url (it mostly ends in /v1) and augment.llm.model"
    if code in _RETRY_CODES:
        return (
            f"{what}, after {len(WAITS) + 1} tries; run it again later: recorded answers are kept"
        )
    return f"{what}; check the model's name and the options under augment.llm"


def _refuse_redirect(options: Llm, key: str, answer: "httpx2.Response") -> None:
    """Refuse a redirect before the client reads where it leads.

    Raises:
        FoldlineError: naming both servers, without the rest of the addresses, as `?token=`.
    """
    if not 300 <= answer.status_code < 400:
        return
    asked = _address(options)
    try:
        target = _name_server(urljoin(asked, answer.headers.get("Location", "")))
    except ValueError:
        target = "an address that cannot be read"
    raise FoldlineError(
        f"augment.llm.url: {_name_server(asked)} redirects ({answer.status_code}) to "
        f"{mask(target, key)}, which was not asked: it would get your key. If you trust it, set "
        "augment.llm.url to the address that it has there"
    )


def _name_server(address: str) -> str:
    """Return scheme, host and port of an address."""
    parts = urlsplit(address)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname}{port}"


def _describe_connection_error(options: Llm, failed: Exception) -> str:
    reason = mask_addresses(str(failed)) or type(failed).__name__
    if isinstance(failed, ValueError) or type(failed).__name__ == "InvalidURL":
        # It repeats parts of the address, of a proxy even its password.
        reason = "the address is none, or that of a proxy in HTTP_PROXY, HTTPS_PROXY or ALL_PROXY"
    return (
        f"augment.llm.url: no answer from {options.url} ({reason}); start the server or correct "
        "the address, or use recorded answers with augment.llm.mode=replay. What is recorded stays"
    )


def _excerpt(content: bytes, key: str) -> str:
    """Return the beginning of an answer; the key is masked before a cut could halve it."""
    text = content.decode("utf-8", "replace").strip()
    with suppress(ValueError):
        text = json.dumps(mask(json.loads(text), key), ensure_ascii=False)
    return str(mask(text, key))[:_EXCERPT]


def _retry_delay(answer: "httpx2.Response") -> float:
    """Return the seconds that the server asks to wait."""
    try:
        return min(_LONGEST_WAIT, float(answer.headers.get("Retry-After", 0)))
    except ValueError:
        return 0.0
