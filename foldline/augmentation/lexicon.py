"""Read synonyms: from a table of the user, or from WordNet's own files."""

from collections import defaultdict
from functools import lru_cache
from pathlib import Path

from foldline.core.errors import FoldlineError
from foldline.data.reading import find_file

Lexicon = dict[str, tuple[str, ...]]
_WORDNET = ("noun", "verb", "adj", "adv")
# Function words that WordNet lists as nouns: "a" is a vitamin there, "at" a coin.
_FUNCTION_WORD_LIST = (
    "a about above after again all also always am an and another any are as at back be been before "
    "being below between both but by can could did do does doing done down each either else even "
    "ever every few for from get give go got had has have he her here him his how i if in into is "
    "it its just least less let like lot many may me might mine more most much must my neither "
    "never no none nor not now of off on once one only or other our out over own same shall she "
    "should since so some still such than that the their them then there these they this those "
    "though through to too two under until up us very was way we well were what when where which "
    "while who whom whose why will with within without would yes yet you your"
)
_FUNCTION_WORDS = frozenset(_FUNCTION_WORD_LIST.split())


def read_tsv(path: Path) -> Lexicon:
    """Read a word and its synonyms from each line: word, tab, synonyms separated by tabs or commas.

    Case does not count in the first column; a word may have several lines. UTF-8.

    Raises:
        FoldlineError: if the file is missing or malformed, with the line.
    """
    try:
        lines = find_file(path).read_text(encoding="utf-8-sig").split("\n")
    except FoldlineError as error:
        raise FoldlineError(f"augment.synonym.path: {error}") from error
    except OSError as error:
        raise FoldlineError(
            f"augment.synonym.path: {path} cannot be read: {error.strerror}. Each of its lines is "
            "a word, a tab, and synonyms separated by commas"
        ) from error
    except ValueError as error:
        raise FoldlineError(f"{path} is not UTF-8 ({error}): save it as UTF-8") from error
    words: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        head, *rest = line.replace(",", "\t").split("\t")
        word, synonyms = head.strip(), [s.strip() for s in rest if s.strip()]
        if not word or not synonyms or len(word.split()) > 1 or "\t" not in line:
            raise FoldlineError(
                f"{path}, line {number}: must be one word, a tab, and its synonyms separated by "
                f"tabs or commas (found {line.rstrip()!r})"
            )
        words[word.lower()].update((s, None) for s in synonyms if s.lower() != word.lower())
    return {word: tuple(synonyms) for word, synonyms in words.items() if synonyms}


@lru_cache(maxsize=2)
def read_wordnet(folder: Path) -> Lexicon:
    """Read single words and their synonyms from WordNet's files, once in a process.

    Part of speech and sense are not inferred from the text. So a word counts only if one part of
    speech has most of its senses, with the first, most frequent sense of it (the order in
    `index.*`). Function words and rare words are left out. Both `data.*` and `index.*` are needed.
    WordNet: Miller (1995). About 2 s.

    Raises:
        FoldlineError: if a file is missing or is not WordNet's.
    """
    senses: defaultdict[str, list[tuple[int, str, str]]] = defaultdict(list)
    common: set[tuple[str, str]] = set()
    for kind in _WORDNET:
        for line in _read_lines(folder / f"index.{kind}"):
            word, _, count, *rest = line.split()
            *_, tagged, first = rest[: len(rest) - int(count) + 1]
            if word.isalpha():
                senses[word].append((int(count), kind, first))
            if tagged != "0":  # a sense occurs in tagged texts; other words are rare
                common.add((word, kind))
    groups = {kind: _read_groups(folder / f"data.{kind}") for kind in _WORDNET}
    lexicon: Lexicon = {}
    for word, kinds in senses.items():
        most, kind, first = max(kinds)
        main = most > sum(count for count, _, _ in kinds) / 2 and (word, kind) in common
        if main and len(word) > 2 and word not in _FUNCTION_WORDS:
            group = groups[kind].get(first, ())
            lexicon[word] = tuple(w for w in group if w != word and (w, kind) in common)
    return {word: synonyms for word, synonyms in lexicon.items() if synonyms}


def _read_groups(path: Path) -> dict[str, tuple[str, ...]]:
    """Return the single words of each group of synonyms, by its offset in the file."""
    groups = {}
    for line in _read_lines(path):
        offset, _, _, count, *rest = line.split(" ")
        words = [word.partition("(")[0] for word in rest[0 : 2 * int(count, 16) : 2]]
        groups[offset] = tuple(w for w in words if w.isalpha() and w.islower() and len(w) > 1)
    return groups


def _read_lines(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise FoldlineError(
            f"augment.synonym.path: {path} cannot be read ({error}): it must lie in a folder with "
            "WordNet's data.noun, data.verb, data.adj, data.adv and the index file of each "
            "(wordnet.princeton.edu, or Debian's wordnet-base)"
        ) from error
    return [line for line in lines if line and not line.startswith("  ")]
