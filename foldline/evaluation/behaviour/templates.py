"""Templates with {slots} that the terms of lexicons fill."""

from collections.abc import Iterator

import numpy as np

from foldline.core.io.seeds import generator
from foldline.evaluation.behaviour.particles import choose_particles
from foldline.evaluation.behaviour.spec import SLOT, BehaviourTest, Pack


def fill_templates(
    test: BehaviourTest, pack: Pack, limit: int, seed: int
) -> Iterator[tuple[int, list[str]]]:
    """Yield texts, one or two of a pair, each with the number of its template.

    A slot that stands twice has the same term. Of more than `limit` combinations, each template
    has an equal share, drawn at random.
    """
    templates = test.list_texts()
    most = max(1, limit // len(templates))
    for number, template in enumerate(templates):
        slots = list(dict.fromkeys(name for text in template for name in SLOT.findall(text)))
        terms = [pack.list_terms(name) for name in slots]
        sizes = [len(own) for own in terms]
        total = int(np.prod(sizes, dtype=np.int64))
        random = generator(seed, "behaviour", test.name, *template)
        chosen = np.sort(random.choice(total, size=min(total, most), replace=False))
        for combination in chosen.tolist():
            positions = np.unravel_index(combination, sizes) if sizes else ()
            filled = {
                name: own[int(position)]
                for name, own, position in zip(slots, terms, positions, strict=True)
            }
            yield number, [_fill(text, filled) for text in template]


def _fill(text: str, terms: dict[str, str]) -> str:
    filled = SLOT.sub(lambda match: terms[match[1]], text)
    return choose_particles(filled[:1].upper() + filled[1:])
