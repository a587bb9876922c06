"""Which packs are run: those that params.yaml names, or those of the texts' languages."""

from collections.abc import Callable, Sequence
from typing import Any

from foldline.augmentation.hangul import is_hangul
from foldline.evaluation.behaviour.spec import SHIPPED, BehaviourTest, Pack, read_pack

AUTO, NONE = "auto", "none"
ALL = "all tests"  # the name under which a whole pack is skipped
LEAST_SHARE = 0.2  # of texts that must be written in the language of a pack
_ENGLISH = frozenset(["the", "and", "this", "that", "with", "they", "have", "from", "what", "your"])
LANGUAGES: dict[str, tuple[str, Callable[[str], bool]]] = {
    "en": ("English", lambda text: not _ENGLISH.isdisjoint(text.lower().split())),
    "ko": ("Korean", is_hangul),
}


def select_packs(
    chosen: str | Sequence[str], texts: Sequence[str]
) -> tuple[dict[str, Pack], list[dict[str, Any]]]:
    """Return the packs by name, and entries of the shipped ones that `auto` leaves out."""
    if chosen != AUTO:
        return {name: read_pack(name) for name in chosen}, []
    packs, skipped = {}, []
    for name in sorted(SHIPPED, key=lambda name: (name in LANGUAGES, name)):
        pack = read_pack(name)
        if reason := _explain_absence(pack, texts):
            skipped.append({"name": ALL, "pack": name, "reason": reason, "required": None})
        else:
            packs[name] = pack
    return packs, skipped


def skip_test(test: BehaviourTest, pack: str, reason: str) -> dict[str, Any]:
    """Return the entry of a test that is not run; one with a pass rate of its own is required."""
    entry: dict[str, Any] = {"name": test.name, "pack": pack, "reason": reason}
    return entry | {"required": test.min_pass_rate}


def _explain_absence(pack: Pack, texts: Sequence[str]) -> str | None:
    if pack.language is None:
        return None
    name, is_written_in = LANGUAGES[pack.language]
    share = sum(map(is_written_in, texts)) / max(1, len(texts))
    if share >= LEAST_SHARE:
        return None
    return f"{share:.0%} of the texts look {name}, and {LEAST_SHARE:.0%} are needed"
