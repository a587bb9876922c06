"""Texts translated to another language and back (Sennrich et al., 2016)."""

from dataclasses import dataclass
from typing import Self

from foldline.augmentation.requests import Ask, Texts
from foldline.augmentation.translator import Job, Translator
from foldline.core.errors import FoldlineError
from foldline.core.io.seeds import derive
from foldline.core.params import Backtranslation


@dataclass(frozen=True)
class Backtranslating:
    """Translates each text by one model there and by another one back.

    Without a temperature nothing is drawn: the best translation is translated back, and copy
    number k takes the k-th best of the `beams` translations back; there are no more copies than
    beams. With a temperature every text is sampled by its own seed, alone in its batch.
    Translations are kept on disk, by model, text and options.
    """

    options: Backtranslation
    seed: int
    there: Translator
    back: Translator

    @classmethod
    def of(cls, options: Backtranslation, seed: int) -> Self:
        """Find the models, which are loaded when first needed.

        Raises:
            FoldlineError: where one is not named or not found.
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
            models[key] = Translator.of(key, name, options)
        return cls(options, seed, **models)

    def __call__(self, asks: list[Ask], attempt: int) -> list[Texts]:
        """Give the texts that came back; those too long for a model stay unchanged.

        Raises:
            FoldlineError: where a model cannot be loaded.
        """
        ones = self._back_again([ask.text for ask in asks], asks, attempt)
        others = self._back_again([ask.text_pair for ask in asks], asks, attempt)
        return list(zip(ones, others, strict=True))

    def _back_again(self, texts: list[str], asks: list[Ask], attempt: int) -> list[str]:
        seeds = [self._seed(ask, attempt) for ask in asks]
        foreign = self.there.translate([Job(*job) for job in zip(texts, seeds, strict=True)], 1)
        jobs = [Job(f[0] if f else "", s) for f, s in zip(foreign, seeds, strict=True)]
        returned = self.back.translate(jobs, self.options.beams)
        ranks = [0 if self._sampled else ask.number + attempt for ask in asks]
        return [
            found[rank] if rank < len(found) else text
            for text, found, rank in zip(texts, returned, ranks, strict=True)
        ]

    @property
    def _sampled(self) -> bool:
        return self.options.temperature > 0

    def _seed(self, ask: Ask, attempt: int) -> int | None:
        if not self._sampled:
            return None
        return derive(self.seed, "augment", ask.name, "backtranslation", ask.number, attempt)
