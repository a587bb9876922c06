"""The template's questions: the same by both ways in, and what answers are refused or recorded."""

import json
import re
import tomllib

import pytest
import yaml

from tests.helpers.template import ANSWERS, ROOT

REASON = "this is a project made from the template, not the template"
bake_answers = pytest.importorskip("tools.bake_answers", reason=REASON)
jinja2 = pytest.importorskip("jinja2", reason="comes with cookiecutter")


def test_each_package_is_refused_as_a_name():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for requirement in project["dependencies"]:
        package = re.match(r"[\w.-]+", requirement)[0].lower()
        with pytest.raises(bake_answers.AnswerError):
            bake_answers.check_slug(ROOT, re.sub(r"[.-]", "_", package))


@pytest.fixture
def questions():
    return json.loads((ROOT / "cookiecutter.json").read_text(encoding="utf-8"))


@pytest.fixture
def copier_questions():
    content = yaml.safe_load((ROOT / "copier.yml").read_text(encoding="utf-8"))
    return {key: question for key, question in content.items() if not key.startswith("_")}


def test_copier_asks_the_same_questions(questions, copier_questions):
    prompts = questions["__prompts__"]
    public_questions = {
        key: default for key, default in questions.items() if not key.startswith("_")
    }

    assert list(copier_questions) == list(public_questions) == list(prompts) == list(ANSWERS)
    for key, question in copier_questions.items():
        if isinstance(public_questions[key], list):
            labels = {value: label for label, value in question["choices"].items()}
            assert (
                question["default"] == public_questions[key][0]
                and list(labels) == public_questions[key]
            )
            assert {"__prompt__": question["help"], **labels} == prompts[key]
        else:
            assert question["default"] == public_questions[key].replace("cookiecutter.", "")
            assert question["help"] == prompts[key]


def test_questions_are_few_bilingual_and_ask_no_secret(questions):
    public_questions = {
        key: default for key, default in questions.items() if not key.startswith("_")
    }

    assert len(public_questions) <= 7 and all(public_questions.values())
    for key, prompt in questions["__prompts__"].items():
        text = prompt["__prompt__"] if isinstance(prompt, dict) else prompt
        assert re.search("[A-Za-z]{3}.* / .*[가-힣]", text) and "[" not in text
        assert not re.search("password|secret|token|key", key)
        str(prompt).encode("cp949")


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("My Text Project", "my_text_project"),
        ("영화 리뷰 감성", "text_project"),
        ("영화 Review 감성 2", "review_2"),
        ("🎬", "text_project"),
        ("", "text_project"),
        ("2024 News!", "news"),
        ("a", "text_project"),
        ("x" * 200, "x" * 40),
        ("y" * 39 + " z", "y" * 39),
        ("İstanbul's ﬁle_v1.0", "i_stanbul_s_le_v1_0"),
    ],
)
def test_slug_is_derived_the_same_by_both(questions, copier_questions, name, slug):
    environment = jinja2.Environment()
    default = environment.from_string(questions["project_slug"])
    copier_default = environment.from_string(copier_questions["project_slug"]["default"])

    assert default.render(cookiecutter={"project_name": name}) == slug
    assert copier_default.render(project_name=name) == slug


@pytest.mark.parametrize("prefix", ["https://", "git+http://"])
def test_copier_records_no_user_and_token(prefix):
    (stub,) = (ROOT / "copier").iterdir()
    extensions = ["jinja2_ansible_filters.AnsibleCoreFiltersExtension"]
    answers = {
        "_commit": "v1",
        "_src_path": f"{prefix}user:to@ken@example.org/a@b.git",
        "author": "김",
    }

    text = jinja2.Environment(extensions=extensions).from_string(stub.read_text(encoding="utf-8"))

    recorded = yaml.safe_load(text.render(_copier_answers=answers))
    assert recorded == {**answers, "_src_path": f"{prefix}example.org/a@b.git"}
