"""A translation model, loaded when needed, with its translations cached on disk."""

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

from foldline.core.environment import package_version
from foldline.core.errors import FoldlineError
from foldline.core.io.files import digest
from foldline.core.params import Backtranslation
from foldline.core.progress import show_progress
from foldline.encoders import hub, model_sizes

_LOADED: dict[str, tuple[Any, Any]] = {}
_TABLE = "CREATE TABLE IF NOT EXISTS translations (key TEXT PRIMARY KEY, found TEXT NOT NULL)"


class TranslationJob(NamedTuple):
    """A text to translate, and the seed for sampling; None means beam search."""

    text: str
    seed: int | None


@dataclass(frozen=True)
class Translator:
    """A sequence-to-sequence model; `identity` is the hash of its folder, or its commit."""

    name: str
    identity: str
    languages: tuple[str, str] | None
    options: Backtranslation

    @classmethod
    def find(cls, key: str, name: str, options: Backtranslation) -> Self:
        """Find the model that a params key names.

        Raises:
            FoldlineError: if it is neither a folder nor on the hub.
        """
        codes = options.languages
        languages = (codes[0], codes[1]) if codes else None
        if codes and key == "back":
            languages = (codes[1], codes[0])
        if Path(name).is_dir():
            return cls(name, digest(Path(name)), languages, options)
        try:
            commit = hub.read_commit(name, hub.use_local_files(name))
            if commit is None:
                raise OSError("it has no config.json, or the hub cannot be reached")
        except Exception as error:  # each underlying library has its own errors
            raise FoldlineError(
                _explain_load_error(f"augment.backtranslation.{key}", name, error)
            ) from error
        return cls(name, f"{name}@{commit}", languages, options)

    def translate(self, jobs: list[TranslationJob], best: int) -> list[list[str]]:
        """Return the `best` translations of each text, the best one first.

        There is none for an empty text, for one longer than `max_length` tokens or than the model
        reads, and none that does not end within `max_length` (models repeat themselves at texts
        such as ㅋㅋㅋ). The texts of a batch have the same number of tokens, so nothing is padded,
        and other texts in the batch affect only the rounding of sums.
        """
        keys = {job: self._hash_job(job, best) for job in jobs if job.text.strip()}
        with _open_cache() as store:
            translations = dict(_read_translations(store, keys.values()))
            missing = [job for job, key in keys.items() if key not in translations]
            batches = list(self._make_batches(missing)) if missing else []
            for batch in show_progress(batches, "translations", "batch", len(batches)):
                new = {keys[job]: texts for job, texts in self._translate_batch(batch, best)}
                _write_translations(store, new)
                translations |= new
        return [translations[keys[job]] if job in keys else [] for job in jobs]

    def _hash_job(self, job: TranslationJob, best: int) -> str:
        options = self.options.model_dump(exclude={"there", "back", "languages", "batch_size"})
        versions = [package_version(name) for name in ("transformers", "tokenizers", "torch")]
        parts = [self.identity, self.languages, *job, best, sorted(options.items()), versions]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def _make_batches(self, jobs: list[TranslationJob]) -> Iterator[list[TranslationJob]]:
        """Yield batches of jobs with the same number of tokens; a sampled job is alone."""
        tokenizer, _ = self._load()
        by_length: defaultdict[int, list[TranslationJob]] = defaultdict(list)
        for job in sorted(jobs, key=lambda job: (job.text, job.seed or 0)):
            by_length[len(tokenizer(job.text, verbose=False)["input_ids"])].append(job)
        for _, group in sorted(by_length.items()):
            size = 1 if group[0].seed is not None else self.options.batch_size
            yield from (group[start : start + size] for start in range(0, len(group), size))

    def _translate_batch(
        self, batch: list[TranslationJob], best: int
    ) -> Iterator[tuple[TranslationJob, list[str]]]:
        import torch

        tokenizer, model = self._load()
        inputs = tokenizer([job.text for job in batch], return_tensors="pt", verbose=False)
        if inputs["input_ids"].shape[1] > self._max_tokens(model):
            yield from ((job, []) for job in batch)
            return
        seed, sampling = batch[0].seed, {"do_sample": True, "temperature": self.options.temperature}
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
                **self._force_language(tokenizer),
                **(sampling if seed is not None else {"do_sample": False}),
            )
        ended = (tokens[:, 1:] != model.config.pad_token_id).sum(dim=1) < self.options.max_length
        decoded = tokenizer.batch_decode(tokens, skip_special_tokens=True)
        texts = [
            " ".join(text.split()) if end else "" for text, end in zip(decoded, ended, strict=True)
        ]
        for index, job in enumerate(batch):
            yield job, [text for text in texts[index * best : (index + 1) * best] if text]

    def _max_tokens(self, model: Any) -> int:
        positions = getattr(model.config, "max_position_embeddings", None)
        return min(self.options.max_length, positions or self.options.max_length)

    def _load(self) -> tuple[Any, Any]:
        """Return tokenizer and model, loaded once in a process, for the language of the texts."""
        if self.identity not in _LOADED:
            _LOADED[self.identity] = _load_model(self.name)
        tokenizer, model = _LOADED[self.identity]
        if self.languages:
            tokenizer.src_lang = self.languages[0]
        return tokenizer, model

    def _force_language(self, tokenizer: Any) -> dict[str, int]:
        """Return the option that sets the target language (NLLB, M2M100, mBART)."""
        if not self.languages:
            return {}
        code = self.languages[1]
        codes = getattr(tokenizer, "lang_code_to_id", None) or {}
        token = codes.get(code, tokenizer.convert_tokens_to_ids(code))
        if token is None or token == tokenizer.unk_token_id:
            raise FoldlineError(
                f"augment.backtranslation.languages: {self.name} does not know {code!r}; its "
                "model card lists its codes, such as kor_Hang (NLLB), ko (M2M100), ko_KR (mBART)"
            )
        return {"forced_bos_token_id": int(token)}


def _load_model(name: str) -> tuple[Any, Any]:
    import torch
    from transformers.utils import logging

    logging.disable_progress_bar()
    key = "augment.backtranslation"
    hub.check_folder(key, name)
    try:
        tokenizer = hub.load_tokenizer(name)
        model = hub.load_model(name, "AutoModelForSeq2SeqLM")
    except FoldlineError as error:
        raise FoldlineError(f"{key}: {error}") from error
    except Exception as error:
        raise FoldlineError(_explain_load_error(key, name, error)) from error
    model_sizes.check_vocabulary(key, name, tokenizer, model)
    model.generation_config.max_length = None  # max_new_tokens replaces it
    return tokenizer, model.eval().to("cuda" if torch.cuda.is_available() else "cpu")


def _explain_load_error(key: str, name: str, error: Exception) -> str:
    return (
        f"{key}: {name} is no translation model that transformers can load: it must be a folder "
        f"under models/pretrained/ with tokenizer and weights, or a Hugging Face id "
        f"({hub.explain_error(name, error)})"
    )


@contextmanager
def _open_cache() -> Iterator[sqlite3.Connection]:
    """Open the cache on disk: that of the parent project in a copy made by DVC."""
    path = Path(os.environ.get("DVC_ROOT") or ".").resolve() / ".foldline" / "translations.sqlite"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(path, timeout=60)) as store:
            with store:
                store.execute(_TABLE)
            yield store
    except (OSError, sqlite3.Error) as error:
        raise FoldlineError(
            f"{path} cannot be used ({error}): it caches translations. Check free disk "
            "space and permissions, or remove the file"
        ) from error


def _read_translations(
    store: sqlite3.Connection, keys: Iterable[str]
) -> Iterator[tuple[str, list[str]]]:
    for key in keys:
        for (texts,) in store.execute("SELECT found FROM translations WHERE key = ?", (key,)):
            yield key, json.loads(texts)


def _write_translations(store: sqlite3.Connection, translations: dict[str, list[str]]) -> None:
    rows = [(key, json.dumps(texts)) for key, texts in translations.items()]
    with store:
        store.executemany("INSERT OR IGNORE INTO translations VALUES (?, ?)", rows)
