"""Paraphrases by a language model, whose answers are recorded and replayed."""

import re
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Any

from foldline.augmentation import chat_client, llm_cache
from foldline.augmentation.requests import CopyRequest, TextPair
from foldline.core.errors import FoldlineError
from foldline.core.io.seeds import derive_seed
from foldline.core.params import Llm
from foldline.core.progress import show_progress
from foldline.data.normalization import normalize_text

MAX_CONCURRENT = 4  # requests
_FIELDS = re.compile(r"\{(text|text_pair|label)\}")
_REASONING = re.compile(r"^.*</think>", re.DOTALL)
_QUOTES = ('""', "''", "“”", "‘’", "「」", "『』")


@dataclass(frozen=True)
class LlmRewriter:
    """Paraphrases the text of each row (the first of a pair).

    `replay` only reads recorded answers, `record` requests missing ones and records each at once,
    `off` changes nothing. Equal texts with equal labels are requested once. The key of an answer
    is the whole request (model, messages, temperature, max_tokens, seed) and the sample's number,
    without the address of the server.
    """

    options: Llm
    seed: int

    def __call__(self, requests: list[CopyRequest], attempt: int) -> list[TextPair]:
        """Return the rewritten texts; a refused, empty or truncated answer changes nothing.

        Raises:
            FoldlineError: in replay, if answers are missing; in record, if the server fails.
        """
        if self.options.mode == "off":
            return [(request.text, request.text_pair) for request in requests]
        prompts = [self._make_prompt(request, attempt) for request in requests]
        keys = [llm_cache.hash_prompt(prompt) for prompt in prompts]
        cache = llm_cache.open_cache()
        missing = {
            key: prompt
            for key, prompt, request in zip(keys, prompts, requests, strict=True)
            if key not in cache and request.text
        }
        if missing and self.options.mode == "replay":
            raise FoldlineError(_explain_missing(len(missing), len(set(keys))))
        self._record(missing, cache)
        return [
            (_clean(cache[key], request.text) if request.text else "", request.text_pair)
            for key, request in zip(keys, requests, strict=True)
        ]

    def _make_prompt(self, request: CopyRequest, attempt: int) -> dict[str, Any]:
        """Return the body of the server request, and `sample`, which is not sent."""
        prompt = _FIELDS.sub(lambda match: str(getattr(request, match[1])), self.options.prompt)
        return {
            "model": self.options.model,
            "messages": [{"role": "user", "content": prompt}],
            "temperature": self.options.temperature,
            "max_tokens": self.options.max_tokens,
            "seed": derive_seed(self.seed, "llm", request.number, attempt) % 2**31,
            "sample": [request.number, attempt],
        }

    def _record(self, missing: dict[str, dict[str, Any]], cache: llm_cache.AnswerCache) -> None:
        with ThreadPoolExecutor(MAX_CONCURRENT) as pool:
            keys = {pool.submit(self._request, prompt): key for key, prompt in missing.items()}
            try:
                for done in show_progress(as_completed(keys), "answers", "answer", len(keys)):
                    cache.add(keys[done], done.result())
            except BaseException:
                # Running requests are paid for: wait for them, and keep their answers.
                pool.shutdown(wait=True, cancel_futures=True)
                for done, key in keys.items():
                    if not done.cancelled() and done.exception() is None:
                        cache.add(key, done.result())
                raise

    def _request(self, prompt: dict[str, Any]) -> dict[str, Any]:
        body = {name: value for name, value in prompt.items() if name != "sample"}
        answer = chat_client.request_completion(self.options, body)
        return answer | {"sample": prompt["sample"]}


def _clean(answer: str | None, text: str) -> str:
    """Return an answer without reasoning, quotation marks and line breaks around it."""
    new = normalize_text(_REASONING.sub("", answer or ""), "none")
    if len(new) > 1 and new[0] + new[-1] in _QUOTES and text[:1] != new[0]:
        new = new[1:-1].strip()
    return new or text


def _explain_missing(count: int, total: int) -> str:
    return (
        f"augment.llm: {count} of {total} answers are not in {llm_cache.PATH.as_posix()}. Get "
        "the file (git pull, dvc pull), or request the missing ones from a server: "
        "`dvc exp run -S augment.llm.mode=record`"
    )
