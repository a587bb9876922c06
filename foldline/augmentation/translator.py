"""A translation model: loaded when needed, its translations kept on disk."""

import hashlib
import json
import os
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Self

from foldline.core.environment import version
from foldline.core.errors import FoldlineError
from foldline.core.io.files import digest
from foldline.core.params import Backtranslation
from foldline.encoders import hub

_LOADED: dict[str, tuple[Any, Any]] = {}
_TABLE = "CREATE TABLE IF NOT EXISTS translations (key TEXT PRIMARY KEY, found TEXT NOT NULL)"


class Job(NamedTuple):
    """A text to translate, and the seed to sample by; None: search by beams."""

    text: str
    seed: int | None


@dataclass(frozen=True)
class Translator:
    """A sequence-to-sequence model by its folder or id; `identity` says its content."""

    name: str
    identity: str
    languages: tuple[str, str] | None
    options: Backtranslation

    @classmethod
    def of(cls, key: str, name: str, options: Backtranslation) -> Self:
        """Find the model that a params key names.

        Raises:
            FoldlineError: where neither a folder nor the hub gives it.
        """
        there = options.languages
        languages = (there[0], there[1]) if there else None
        if there and key == "back":
            languages = (there[1], there[0])
        if Path(name).is_dir():
            return cls(name, digest(Path(name)), languages, options)
        try:
            from transformers import AutoConfig

            local = hub.use_local_files(name)
            commit = AutoConfig.from_pretrained(name, local_files_only=local)._commit_hash
        except Exception as error:  # each library beneath has errors of its own
            raise FoldlineError(
                _not_found(f"augment.backtranslation.{key}", name, error)
            ) from error
        return cls(name, f"{name}@{commit}", languages, options)

    def translate(self, jobs: list[Job], best: int) -> list[list[str]]:
        """Give the `best` translations of each text, the best one first.

        None of an empty text, nor of one that is longer than `max_length` tokens, or than the
        model reads, nor one that comes to no end within them (models stutter at texts such as
        ㅋㅋㅋ). Texts share a batch only with texts of as many tokens, so that no
        padding stands in any; what remains of a neighbour's influence is the rounding of sums.
        """
        keys = {job: self._key(job, best) for job in jobs if job.text.strip()}
        with _kept() as store:
            known = dict(_read(store, keys.values()))
            missing = [job for job, key in keys.items() if key not in known]
            for batch in self._batches(missing) if missing else ():
                found = {keys[job]: texts for job, texts in self._computed(batch, best)}
                _write(store, found)
                known |= found
        return [known[keys[job]] if job in keys else [] for job in jobs]

    def _key(self, job: Job, best: int) -> str:
        options = self.options.model_dump(exclude={"there", "back", "languages", "batch_size"})
        made_by = [version(name) for name in ("transformers", "tokenizers", "torch")]
        what = [self.identity, self.languages, *job, best, sorted(options.items()), made_by]
        return hashlib.sha256(json.dumps(what).encode()).hexdigest()

    def _batches(self, jobs: list[Job]) -> Iterator[list[Job]]:
        """Part jobs by their number of tokens; sampled ones stand alone."""
        tokenizer, _ = self._loaded()
        by_length: defaultdict[int, list[Job]] = defaultdict(list)
        for job in sorted(jobs, key=lambda job: (job.text, job.seed or 0)):
            by_length[len(tokenizer(job.text, verbose=False)["input_ids"])].append(job)
        for _, group in sorted(by_length.items()):
            size = 1 if group[0].seed is not None else self.options.batch_size
            yield from (group[start : start + size] for start in range(0, len(group), size))

    def _computed(self, batch: list[Job], best: int) -> Iterator[tuple[Job, list[str]]]:
        import torch

        tokenizer, model = self._loaded()
        inputs = tokenizer([job.text for job in batch], return_tensors="pt", verbose=False)
        if inputs["input_ids"].shape[1] > self._longest(model):
            yield from ((job, []) for job in batch)
            return
        seed, drawn = batch[0].seed, {"do_sample": True, "temperature": self.options.temperature}
        devices = [model.device] if model.device.type == "cuda" else []
        with torch.inference_mode(), torch.random.fork_rng(devices):
            if seed is not None:
                torch.manual_seed(seed)
            tokens = model.generate(
                input_ids=inputs["input_ids"].to(model.device),
                attention_mask=inputs["attention_mask"].to(model.device),
                max_new_tokens=self.options.max_length,
                num_beams=self.options.beams,
                num_return_sequences=best,
                **self._forced(tokenizer),
                **(drawn if seed is not None else {"do_sample": False}),
            )
        ended = (tokens[:, 1:] != model.config.pad_token_id).sum(dim=1) < self.options.max_length
        decoded = tokenizer.batch_decode(tokens, skip_special_tokens=True)
        texts = [
            " ".join(text.split()) if end else "" for text, end in zip(decoded, ended, strict=True)
        ]
        for place, job in enumerate(batch):
            yield job, [text for text in texts[place * best : (place + 1) * best] if text]

    def _longest(self, model: Any) -> int:
        reads = getattr(model.config, "max_position_embeddings", None)
        return min(self.options.max_length, reads or self.options.max_length)

    def _loaded(self) -> tuple[Any, Any]:
        """Load the model, once in a process, and tell it the texts' language."""
        if self.identity not in _LOADED:
            _LOADED[self.identity] = _load(self.name)
        tokenizer, model = _LOADED[self.identity]
        if self.languages:
            tokenizer.src_lang = self.languages[0]
        return tokenizer, model

    def _forced(self, tokenizer: Any) -> dict[str, int]:
        """Name the token that has a model of many languages (NLLB, M2M100, mBART) write one."""
        if not self.languages:
            return {}
        code = self.languages[1]
        known = getattr(tokenizer, "lang_code_to_id", None) or {}
        token = known.get(code, tokenizer.convert_tokens_to_ids(code))
        if token is None or token == tokenizer.unk_token_id:
            raise FoldlineError(
                f"augment.backtranslation.languages: {self.name} does not know {code!r}; its "
                "model card lists its codes, such as kor_Hang (NLLB), ko (M2M100), ko_KR (mBART)"
            )
        return {"forced_bos_token_id": int(token)}


def _load(name: str) -> tuple[Any, Any]:
    import torch
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()
    local = hub.use_local_files(name)
    try:
        tokenizer = AutoTokenizer.from_pretrained(name, local_files_only=local)
        model = AutoModelForSeq2SeqLM.from_pretrained(name, local_files_only=local, dtype="float32")
    except Exception as error:
        raise FoldlineError(_not_found("augment.backtranslation", name, error)) from error
    model.generation_config.max_length = None  # max_new_tokens says it
    return tokenizer, model.eval().to("cuda" if torch.cuda.is_available() else "cpu")


def _not_found(key: str, name: str, error: Exception) -> str:
    reason = f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]
    pieces = "sentencepiece" in reason.lower()
    hint = (
        "; one whose tokenizer is a .spm file needs `pip install sentencepiece`" if pieces else ""
    )
    return (
        f"{key}: {name} is no translation model that transformers can load: it must be a folder "
        f"under models/pretrained/ with tokenizer and weights, or a Hugging Face id{hint} "
        f"({reason})"
    )


@contextmanager
def _kept() -> Iterator[sqlite3.Connection]:
    """Open the translations on disk: the parent project's, if this is a copy of it."""
    path = Path(os.environ.get("DVC_ROOT") or ".").resolve() / ".foldline" / "translations.sqlite"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(path, timeout=60)) as store:
            with store:
                store.execute(_TABLE)
            yield store
    except (OSError, sqlite3.Error) as error:
        raise FoldlineError(
            f"{path} cannot be used ({error}): it holds translations made before. Check free disk "
            "space and permissions, or remove the file"
        ) from error


def _read(store: sqlite3.Connection, keys: Iterable[str]) -> Iterator[tuple[str, list[str]]]:
    for key in keys:
        for (found,) in store.execute("SELECT found FROM translations WHERE key = ?", (key,)):
            yield key, json.loads(found)


def _write(store: sqlite3.Connection, found: dict[str, list[str]]) -> None:
    rows = [(key, json.dumps(texts)) for key, texts in found.items()]
    with store:
        store.executemany("INSERT OR IGNORE INTO translations VALUES (?, ?)", rows)
