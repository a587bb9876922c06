"""Back-translation: texts to another language and back (Sennrich et al., 2016)."""

from dataclasses import dataclass
from typing import Self

from foldline.augmentation.requests import CopyRequest, TextPair
from foldline.augmentation.translator import TranslationJob, Translator
from foldline.core.errors import FoldlineError
from foldline.core.io.seeds import derive_seed
from foldline.core.params import Backtranslation


@dataclass(frozen=True)
class BackTranslator:
    """Translates each text by one model to another language, and by another model back.

    Without a temperature nothing is random: the best translation is translated back, and copy
    number k is the k-th best of the `beams` translations back, so there are no more copies than
    beams. With a temperature each text is sampled by its own seed, alone in its batch.
    Translations are cached on disk, by model, text and options.
    """

    options: Backtranslation
    seed: int
    there: Translator
    back: Translator

    @classmethod
    def from_options(cls, options: Backtranslation, seed: int) -> Self:
        """Find the models; they are loaded when first needed.

        Raises:
            FoldlineError: if one is not named or not found.
        """
        models = {}
        for key in ("there", "back"):
            name = getattr(options, key)
            if name is None:
                raise FoldlineError(
                    f"augment.backtranslation.{key}: is null, but the method needs a translation "
                    "model: a folder under models/pretrained/, or a Hugging Face id such as "
                    "Helsinki-NLP/opus-mt-ko-en"
                )
            models[key] = Translator.find(key, name, options)
        return cls(options, seed, **models)

    def __call__(self, requests: list[CopyRequest], attempt: int) -> list[TextPair]:
        """Return the back-translated texts; texts too long for a model stay unchanged.

        Raises:
            FoldlineError: if a model cannot be loaded.
        """
        texts = self._translate_round_trip(
            [request.text for request in requests], requests, attempt
        )
        pairs = self._translate_round_trip(
            [request.text_pair for request in requests], requests, attempt
        )
        return list(zip(texts, pairs, strict=True))

    def _translate_round_trip(
        self, texts: list[str], requests: list[CopyRequest], attempt: int
    ) -> list[str]:
        seeds = [self._derive_seed(request, attempt) for request in requests]
        foreign = self.there.translate(
            [TranslationJob(*job) for job in zip(texts, seeds, strict=True)], 1
        )
        jobs = [TranslationJob(f[0] if f else "", s) for f, s in zip(foreign, seeds, strict=True)]
        returned = self.back.translate(jobs, self.options.beams)
        ranks = [0 if self._sampled else request.number + attempt for request in requests]
        return [
            candidates[rank] if rank < len(candidates) else text
            for text, candidates, rank in zip(texts, returned, ranks, strict=True)
        ]

    @property
    def _sampled(self) -> bool:
        return self.options.temperature > 0

    def _derive_seed(self, request: CopyRequest, attempt: int) -> int | None:
        if not self._sampled:
            return None
        return derive_seed(
            self.seed, "augment", request.source_id, "backtranslation", request.number, attempt
        )
