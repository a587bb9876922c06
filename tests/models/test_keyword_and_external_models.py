"""Models that learn little or nothing: lengths, keywords, foreign predictions, entailment."""

from pathlib import Path

import numpy as np
import pytest

from foldline.core.errors import FoldlineError
from foldline.core.io.labels import Labels
from foldline.core.io.prediction_files import read_predictions
from foldline.core.params import Settings
from foldline.core.params.loading import load_params
from foldline.models import registry, zero_shot
from foldline.models.keywords import KeywordModel, read_rules
from foldline.models.length import length_features
from tests.helpers import projects
from tests.helpers.distinct_outputs import are_distinct

KEY = "external.file"
TOPICS = Labels("classification", ("food", "sport"))
SEVERAL = Labels("multilabel", ("food", "sport"))
NUMBERS = Labels("regression")


def write_file(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def predict_texts(rows, *texts: str):
    return rows(n=len(texts)).assign(text=list(texts))


def test_lengths_by_hand(rows):
    found = length_features(predict_texts(rows, "ab c", "").assign(text_pair=["abcdefg h i", ""]))
    first, second = np.log1p([4, 2]), np.log1p([11, 3])

    assert found[0] == pytest.approx([*first, *second, *(second - first)])
    assert found[1].tolist() == [0] * 6


def test_length_alone_tells_what_it_can(fit, rows, labels):
    table = rows(n=60)
    codes = labels("classification").encode(table["label"])
    table["text"] = ["x " * (1 + 4**code) for code in codes]
    found = fit("length", table.iloc[:40], table.iloc[:0], "classification").model
    assert (found.predict(table.iloc[40:]).argmax(axis=1) == codes[40:]).all()
    numbers = table.assign(label=[str(np.log1p(len(text))) for text in table["text"]])
    found = fit("length", numbers.iloc[:40], numbers.iloc[:0], "regression").model
    assert found.predict(numbers) == pytest.approx(numbers["label"].astype(float), abs=0.01)


def test_keywords_by_hand(rows):
    rules = {"food": ["soup", "/kim.?chi/", "밥"], "sport": ["goal"]}
    table = predict_texts(rows, "김밥을 먹었다", "KIMCHI soup and a GOAL", "goal goal", "nothing")
    found = KeywordModel(TOPICS, rules, (0.25, 0.75)).predict(table)

    assert found[:, 0] == pytest.approx([1, 2.125 / (2.125 + 1.375), 0, 0.25])
    assert found.sum(axis=1) == pytest.approx(np.ones(4))
    several = KeywordModel(SEVERAL, rules, (0.25, 0.75)).predict(table)
    assert several.tolist() == [[1, 0], [1, 1], [0, 1], [0, 0]]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("foot: [soup]", r"'foot' is not a class; did you mean 'food'\? Classes: food, sport"),
        ("food: soup", r"food must be a list of non-empty words \(found 'soup'\)"),
        ("food: []", r"food must be a list of non-empty words"),
        ("food: [soup, '']", r"food must be a list of non-empty words"),
        ("food: [null]", r"food must be a list of non-empty words \(found \[None\]\)"),
        ('food: ["/(/"]', r"food: '\(' is not a regular expression"),
        ("- soup", r"must map classes to lists of words"),
        ("food: [soup", r"rules.yaml, line 1: not valid YAML: expected ',' or '\]'"),
        ("food:\n\t- soup", r"rules.yaml, line 2: not valid YAML: .*Indent with spaces"),
        ("food: [soup]\nfood: [rice]", r"rules.yaml, line 2: not valid YAML: .*duplicate key"),
    ],
)
def test_rules_that_are_wrong_are_told(content, message, tmp_path):
    with pytest.raises(FoldlineError, match=message):
        read_rules(write_file(tmp_path / "rules.yaml", content), TOPICS)


def test_predictions_from_elsewhere_are_taken_by_id(fit, rows, beside):
    table = rows()
    found = fit("external", table.iloc[:5], table.iloc[:0], "classification")
    turned = found.model.predict(table.iloc[::-1])

    assert turned[-2].tolist() == pytest.approx([0.7, 0.3, 0.0])
    assert found.summary == {"predictions": 40}
    numbers = fit("external", rows("regression"), table.iloc[:0], "regression").model
    assert numbers.predict(table.iloc[[12]]) == pytest.approx([1.2])
    strange = table.assign(id=[f"x{i}" for i in range(40)])
    with pytest.raises(FoldlineError, match=r"has no prediction of 40 of 40 rows \(id x0, x1, "):
        found.model.predict(strange)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("id,p_food\n1,0.5", r"has no column p_sport; it has id, p_food"),
        ("id,p_food,p_sport\n1,0.5,x", r"line 2: column p_sport must hold a number \(found 'x'\)"),
        ("id,p_food,p_sport\n1,0.5,", r"line 2: column p_sport must hold a number"),
        ("id,p_food,p_sport\n1,0,1,0,9", r"line 2: more cells than columns"),
        ("id,p_food,p_sport\n1,0.5,0.6", r"line 2: the probabilities of a row must sum to 1"),
        ("id,p_food,p_sport\n1,1.5,-0.5", r"line 2: probabilities must be from 0 to 1"),
        ("id,p_food,p_sport\n1,1,0\n1,1,0", r"line 3: id '1' is already in line 2"),
    ],
)
def test_predictions_that_are_wrong_are_told(content, message, tmp_path):
    with pytest.raises(FoldlineError, match=message):
        read_predictions(write_file(tmp_path / "p.csv", content), TOPICS, KEY)


def test_predictions_of_every_task_are_read(tmp_path):
    path = write_file(
        tmp_path / "p.csv", "p_sport,id,p_food,predicted\n0.333,a,0.666,-2\n0,b,1,3e2\n"
    )
    ids, values = read_predictions(path, TOPICS, KEY)

    assert ids == ("a", "b")
    assert values[0] == pytest.approx([0.666 / 0.999, 0.333 / 0.999])
    assert read_predictions(path, SEVERAL, KEY)[1][0].tolist() == [0.666, 0.333]
    assert read_predictions(path, NUMBERS, KEY)[1].tolist() == [-2, 300]
    with pytest.raises(FoldlineError, match=r"external.file=.*none.csv cannot be read"):
        read_predictions(tmp_path / "none.csv", TOPICS, KEY)


def test_entailment_is_asked_for_each_description(fit, rows, tiny_nli, labels, tmp_path):
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    table = rows()  # more than are read together, of many lengths
    files = {"zero_shot.descriptions": {"food 음식": "맛있는 soup"}}
    found = fit("zero-shot", table, table.iloc[:0], "classification", files=files).model
    tokenizer = AutoTokenizer.from_pretrained(tiny_nli)
    model = AutoModelForSequenceClassification.from_pretrained(tiny_nli)
    asked = ["about 맛있는 soup", "about sport 운동", "about weather 날씨"]
    entails = []
    for text in table["text"]:
        inputs = tokenizer([text] * 3, asked, padding=True, return_tensors="pt")
        with torch.inference_mode():
            entails.append(model(**inputs).logits[:, 2].double())
    expected = torch.stack(entails).softmax(1).numpy()

    assert are_distinct(found.predict(table))
    assert found.predict(table) == pytest.approx(expected, abs=1e-6)
    registry.save(found, "zero-shot", labels("classification"), tmp_path / "m")
    np.testing.assert_array_equal(
        registry.load(tmp_path / "m").predict(table), found.predict(table)
    )


def test_what_entailment_needs_is_told(fit, rows, tiny_bert):
    table = rows()

    def message(**files) -> str:
        given = {f"zero_shot.{name}": value for name, value in files.items()}
        with pytest.raises(FoldlineError) as caught:
            fit("zero-shot", table, table.iloc[:0], "classification", files=given)
        return str(caught.value)

    assert "is not an NLI model: its labels are LABEL_0, LABEL_1" in message(model=tiny_bert)
    assert "'politics' is not a class" in message(descriptions={"politics": "x"})
    assert "leaves no room for texts" in message(hypothesis="가나다라 " * 30 + "{label}")
    assert "zero_shot.model=nowhere cannot be loaded" in message(model="nowhere")
    assert zero_shot.find_outputs("m", {0: "entailment", 1: "not-entailment"}) == (0, 1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": "keywords"}, r"keywords.file\s+is null, but model=keywords needs it"),
        ({"model": "embed"}, r"embed.encoder\s+is null, but model=embed needs it"),
        ({"model": "external"}, r"external.file\s+is null, but model=external needs it"),
        ({"model": "zero-shot"}, r"zero_shot.model\s+is null, but model=zero-shot needs it"),
        (
            {"model": "keywords", "task": "regression", "keywords.file": "data/raw/k.yaml"},
            r"model\s+keywords supports only classification",
        ),
        ({"task": "regression", "tfidf.head": "svm"}, r"tfidf.head\s+svm needs classes"),
        ({"zero_shot.hypothesis": "about"}, r"zero_shot.hypothesis\s+must hold \{label\}"),
        ({"static.vectors": "v.txt"}, r"static.vectors\s+must lie under data/raw/"),
        ({"static.chars": [3, 2]}, r"static.chars\s+must go from the smaller to the larger"),
        ({"embed.encoder": "./x"}, r"embed.encoder\s+a local model must lie under"),
    ],
)
def test_params_refuse_at_the_first_stage(changes, message, tmp_path):
    path = tmp_path / "params.yaml"
    path.write_bytes(projects.PARAMS.read_bytes())
    projects.set_params(path, changes)
    with pytest.raises(FoldlineError, match=message):
        load_params(Settings, path)


def test_files_beside_the_tables_are_watched(workplace):
    from foldline.data.preparation import hash_auxiliary_files

    settings = load_params(Settings, projects.PARAMS)
    Path("data/raw").mkdir(parents=True)
    for name in ("topics.csv", "topics_unlabelled.csv", "words.yaml", ".hidden"):
        write_file(Path("data/raw") / name, name)
    first = hash_auxiliary_files(settings.data)
    write_file(Path("data/raw/topics_unlabelled.csv"), "changed")

    assert list(first) == ["data/raw/words.yaml"]
    assert hash_auxiliary_files(settings.data) == first
    write_file(Path("data/raw/words.yaml"), "changed")
    assert hash_auxiliary_files(settings.data) != first


def test_a_changed_file_is_another_fit(recipe, tmp_path):
    path = write_file(tmp_path / "p.csv", "1")
    own = recipe(model="external")
    own = own.model_copy(update={"external": own.external.model_copy(update={"file": str(path)})})
    first = registry.list_dependencies(own, TOPICS)
    write_file(path, "2")

    assert registry.list_dependencies(own, TOPICS) != first
    assert registry.list_dependencies(recipe(model="tfidf"), TOPICS)[-1] is None
