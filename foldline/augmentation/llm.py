"""Texts put in other words by a language model, whose answers are recorded and replayed."""

import re
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Any

from foldline.augmentation import chat_client, llm_cache
from foldline.augmentation.requests import Ask, Texts
from foldline.core.errors import FoldlineError
from foldline.core.io.seeds import derive
from foldline.core.params import Llm
from foldline.data.normalization import normalize_text

AT_ONCE = 4  # requests on their way
_PLACES = re.compile(r"\{(text|text_pair|label)\}")
_THOUGHT = re.compile(r"^.*</think>", re.DOTALL)
_QUOTES = ('""', "''", "“”", "‘’", "「」", "『』")


@dataclass(frozen=True)
class Rewriting:
    """Puts the text of each row (the first of a pair) in other words.

    `replay` reads recorded answers alone, `record` asks for those that are missing and writes
    each down at once, `off` changes nothing. Equal texts with equal labels are asked for once.
    The key of an answer is the whole request (model, messages, temperature, max_tokens, seed) and
    the sample's number; not the address of the server.
    """

    options: Llm
    seed: int

    def __call__(self, asks: list[Ask], attempt: int) -> list[Texts]:
        """Give the rewritten texts; a refused, empty or cut answer leaves a text unchanged.

        Raises:
            FoldlineError: in replay, where answers are missing; in record, where the server fails.
        """
        if self.options.mode == "off":
            return [(ask.text, ask.text_pair) for ask in asks]
        requests = [self._request(ask, attempt) for ask in asks]
        keys = [llm_cache.key_of(request) for request in requests]
        known = llm_cache.opened()
        missing = {
            key: request
            for key, request, ask in zip(keys, requests, asks, strict=True)
            if key not in known and ask.text
        }
        if missing and self.options.mode == "replay":
            raise FoldlineError(_missing(len(missing), len(set(keys))))
        self._record(missing, known)
        return [
            (_cleaned(known[key], ask.text) if ask.text else ask.text, ask.text_pair)
            for key, ask in zip(keys, asks, strict=True)
        ]

    def _request(self, ask: Ask, attempt: int) -> dict[str, Any]:
        """Give what is sent, and the sample's number, which is not."""
        prompt = _PLACES.sub(lambda found: str(getattr(ask, found[1])), self.options.prompt)
        return {
            "model": self.options.model,
            "messages": [{"role": "user", "content": prompt}],
            "temperature": self.options.temperature,
            "max_tokens": self.options.max_tokens,
            "seed": derive(self.seed, "llm", ask.number, attempt) % 2**31,
            "sample": [ask.number, attempt],
        }

    def _record(self, missing: dict[str, dict[str, Any]], known: llm_cache.Answers) -> None:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            asked = {pool.submit(self._ask, request): key for key, request in missing.items()}
            try:
                for done in as_completed(asked):
                    known.add(asked[done], done.result())
            except BaseException:
                # What is on its way is paid for: it is waited for, and kept.
                pool.shutdown(wait=True, cancel_futures=True)
                for done, key in asked.items():
                    if not done.cancelled() and done.exception() is None:
                        known.add(key, done.result())
                raise

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        body = {name: value for name, value in request.items() if name != "sample"}
        return chat_client.ask(self.options, body) | {"sample": request["sample"]}


def _cleaned(answer: str | None, text: str) -> str:
    """Take thoughts, quotation marks and line breaks from around an answer."""
    new = normalize_text(_THOUGHT.sub("", answer or ""), "none")
    if len(new) > 1 and new[0] + new[-1] in _QUOTES and text[:1] != new[0]:
        new = new[1:-1].strip()
    return new or text


def _missing(count: int, of: int) -> str:
    return (
        f"augment.llm: {count} of {of} answers are not in {llm_cache.PATH.as_posix()}. Get "
        "the file (git pull, dvc pull), or ask a server for those that are missing: "
        "`dvc exp run -S augment.llm.mode=record`"
    )
