"""Packs of behavioural tests: the shipped ones are sound, and mistakes in others are named."""

import re
from pathlib import Path

import pytest

from foldline.core.errors import FoldlineError
from foldline.evaluation.behaviour.particles import choose_particles
from foldline.evaluation.behaviour.selection import select_packs
from foldline.evaluation.behaviour.spec import SHIPPED, read_pack
from foldline.evaluation.behaviour.templates import fill_templates

TEST = "- {name: a, kind: minimum_functionality, group: g, templates: [x], expect: good}"
ROWS = "- {name: a, kind: invariance, group: g, "
FILM = "['a {fiml}']"
MISTAKES = {
    "tests: []": "tests  must be a list of at least 1",
    f"test:\n{TEST}": "test  is not a key: rename 'test' to 'tests'",
    f"tests:\n{TEST.replace('templates', 'template')}": "tests.a.template  is not a key; did you "
    "mean 'templates'?",
    f"tests:\n{TEST.replace('minimum_f', 'minimal_f')}": "tests.a.kind  must be",
    f"tests:\n{TEST.replace('[x]', FILM)}\nlexicons: {{film: [b]}}": "tests.a.templates  no "
    "lexicon is called 'fiml'; did you mean 'film'?",
    f"tests:\n{TEST}\n{TEST}": "tests.a.name  2 tests have this name",
    f"tests:\n{TEST.replace('expect: good', 'swap: b')}": "tests.a.swap  minimum_functionality "
    "does not read it",
    f"tests:\n{ROWS} perturb: nois, share: 0.1}}": "tests.a.perturb  unknown perturbation 'nois'; "
    "did you mean 'noise'?",
    f"tests:\n{ROWS} perturb: noise}}": "tests.a.share  noise needs it",
    f"tests:\n{ROWS} perturb: lowercase, share: 0.1}}": "tests.a.share  lowercase does not read it",
    f"tests:\n{ROWS} swap: b}}\nlexicons: {{b: [c]}}": "lexicons.b  a group of one term",
    f"tests:\n{ROWS} swap: b, add: [c]}}": "tests.a.kind  invariance needs add or perturb or swap "
    "(found add and swap)",
    f"tests:\n{TEST}\nlexicons: {{year: [2024]}}": "put it in quotes: '2024'",
    "- a": "must hold the key tests",
    f"tests:\n{TEST[:-1]}": "not valid YAML",
}


@pytest.mark.parametrize("content", MISTAKES, ids=range(len(MISTAKES)))
def test_mistakes_are_named_with_file_test_and_key(content, tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text(content, encoding="utf-8")

    with pytest.raises(FoldlineError) as caught:
        read_pack(str(path))
    message = str(caught.value)
    assert message.startswith(str(path))
    expected = MISTAKES[content]
    assert " ".join(expected.split()) in " ".join(message.split())


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_packs_are_filled_with_well_formed_sentences(name):
    pack = read_pack(name)

    for test in filter(lambda test: test.templates, pack.tests):
        texts = [text for _, own in fill_templates(test, pack, 200, 0) for text in own]
        assert len(set(texts)) == len(texts) <= 200
        assert not any("{" in text or "/" in text or "  " in text for text in texts)
        for role in [*test.list_roles(), *(test.requires or [])]:
            assert role in pack.labels


def test_the_packs_of_the_texts_languages_are_selected():
    english, korean = ["this is what they said"] * 8, ["정말 재미있다"] * 2

    assert list(select_packs("auto", english)[0]) == ["general", "en"]
    packs, skipped = select_packs("auto", english + korean)
    assert list(packs) == ["general", "en", "ko"]
    assert not skipped
    packs, skipped = select_packs("auto", ["das ist nicht gut"] * 9)
    assert list(packs) == ["general"]
    assert {(s["pack"], s["reason"]) for s in skipped} == {
        ("en", "0% of the texts look English, and 20% are needed"),
        ("ko", "0% of the texts look Korean, and 20% are needed"),
    }
    assert list(select_packs(["ko"], english)[0]) == ["ko"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("영화이/가 책이/가", "영화가 책이"),
        ("서울으로/로 부산으로/로 학교으로/로", "서울로 부산으로 학교로"),
        ("책이에요/예요, 영화이에요/예요", "책이에요, 영화예요"),
    ],
)
def test_particles_fit_the_word_before(text, expected):
    assert choose_particles(text) == expected


def test_a_template_has_every_combination_and_equal_slots_equal_terms(tmp_path):
    path = Path(tmp_path, "own.yaml")
    path.write_text(
        "lexicons: {a: [x, y], b: ['1', '2', '3']}\ntests:\n- name: t\n  kind: "
        "minimum_functionality\n  group: g\n  templates: ['{a} {b} {a}', no slot]\n  expect: c\n",
        encoding="utf-8",
    )
    pack = read_pack(str(path))
    filled = [(number, *own) for number, own in fill_templates(pack.tests[0], pack, 100, 0)]

    combinations = [(0, f"{a.upper()} {b} {a}") for a in "xy" for b in "123"]
    assert sorted(filled) == sorted([*combinations, (1, "No slot")])
    few = list(fill_templates(pack.tests[0], pack, 4, 0))
    assert [number for number, _ in few] == [0, 0, 1]


def test_the_example_of_the_documentation_is_a_pack(tmp_path):
    page = Path("docs/behaviour.md").read_text(encoding="utf-8")
    example = next(
        text for text in re.findall(r"```yaml\n(.*?)```", page, re.S) if "tests:" in text
    )
    path = tmp_path / "behaviour.yaml"
    path.write_text(example, encoding="utf-8")

    kinds = {test.kind for test in read_pack(str(path)).tests}
    assert kinds == {"minimum_functionality", "invariance", "directional"}
