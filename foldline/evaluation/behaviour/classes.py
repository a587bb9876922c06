"""Which classes of a project are meant by the labels that a pack names."""

import re
from collections.abc import Iterator, Mapping, Sequence

from foldline.core.errors import FoldlineError, closest_name, listing, unknown_name
from foldline.core.io.labels import Labels
from foldline.evaluation.behaviour.spec import VALUE, BehaviourTest, Pack

KEY = "evaluate.behaviour.labels"


class ClassNames:
    """The classes of a project by the names of a pack's labels, params.yaml's own first."""

    def __init__(self, labels: Labels, own: Mapping[str, str]) -> None:
        self._labels, self._own = labels, own

    def find_codes(self, role: str, pack: Pack) -> list[int]:
        """Return the codes of the classes that a label of a pack stands for; none without one."""
        classes = self._labels.classes
        if role in self._own:
            names = {self._own[role]}
        else:
            wanted = {_normalize(name) for name in pack.labels.get(role, [role])}
            names = {name for name in classes if _normalize(name) in wanted}
        return [code for code, name in enumerate(classes) if name in names]

    def explain_absence(self, test: BehaviourTest, pack: Pack) -> str | None:
        """Return why the project lacks what a test is about, None if it has all."""
        task = self._labels.task
        if task == "regression":
            if test.list_roles() or test.requires:
                return "the task is regression, which has no classes"
        elif test.between or VALUE in (test.raises, test.lowers):
            return f"the test is about numbers, and the task is {task}"
        optional = not isinstance(test.expect, str)  # one of several is enough
        found = {role: self.find_codes(role, pack) for role in test.list_roles()}
        absent = [role for role, codes in found.items() if not codes]
        if optional and len(absent) < len(found):
            absent = []
        absent += [role for role in test.requires or [] if not self.find_codes(role, pack)]
        if not absent:
            return None
        close = closest_name(absent[0], self._labels.classes)
        hint = f" (did you mean '{close}'?)" if close else ""
        return (
            f"no class stands for {listing(sorted(set(absent)))}{hint}; the classes are "
            f"{listing(self._labels.classes)}. {KEY} can name one"
        )


def check_own_names(own: Mapping[str, str], labels: Labels, packs: Sequence[Pack]) -> None:
    """Raise for names in params.yaml of labels that no pack has, or of classes that do not exist.

    Raises:
        FoldlineError: naming the key, with the closest name.
    """
    known = list(dict.fromkeys(role for pack in packs for role in _list_roles(pack)))
    for role, name in own.items():
        if role not in known:
            raise FoldlineError(f"{KEY}: {unknown_name('label', role, known or ['none'])}")
        if name not in labels.classes:
            classes = labels.classes or ["none: regression has no classes"]
            raise FoldlineError(f"{KEY}.{role}: {unknown_name('class', name, classes)}")


def _list_roles(pack: Pack) -> Iterator[str]:
    yield from pack.labels
    for test in pack.tests:
        yield from test.list_roles()


def _normalize(name: str) -> str:
    return re.sub(r"[\W_]+", " ", name).strip().casefold()
