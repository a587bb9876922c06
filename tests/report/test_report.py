"""The page and the model card of an evaluation: what stands in them, and what never does."""

import pytest

from foldline.cli import run as run_verb
from foldline.core.errors import FoldlineError
from foldline.core.io import schemas
from foldline.core.io.labels import Labels
from foldline.report.command import CARD, PAGE
from tests.helpers.report_files import CLASSIFICATION, HARM, MULTILABEL, REGRESSION, write_reports
from tests.helpers.viewer_tables import unpack_page

TASKS = [CLASSIFICATION, MULTILABEL, REGRESSION]


def write_page(*arguments: str) -> str:
    run_verb(["report", *arguments])
    return PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("labels", TASKS, ids=lambda labels: labels.task)
def test_the_same_reports_give_the_same_page_and_card(workplace, labels: Labels):
    rows = write_reports(labels)

    html, card = write_page(), CARD.read_bytes()
    summary, shown = unpack_page(html)

    assert (write_page(), CARD.read_bytes()) == (html, card)
    assert HARM not in html
    assert shown["id"] == rows["id"].tolist()
    counted = summary["outcomes"].get("cells", [[0, 0, len(rows)]])
    assert sum(count for *_, count in counted) == len(rows)


def test_the_matrix_counts_labels_and_predictions(workplace):
    rows = write_reports(CLASSIFICATION)

    summary, shown = unpack_page(write_page())

    wrong = [k for k in range(len(rows)) if k % 7 == 0]
    cells = summary["outcomes"]["cells"]
    assert sum(count for label, predicted, count in cells if label != predicted) == len(wrong)
    errors = [k for k, label in enumerate(shown["label"]) if label != shown["predicted"][k]]
    assert errors == wrong


def test_decisions_of_each_label_are_counted(workplace):
    rows = write_reports(MULTILABEL)

    summary, _ = unpack_page(write_page())

    wrong = [k for k in range(len(rows)) if k % 7 == 0]
    first = [(k & 1) == 1 for k in range(len(rows))]
    right, extra, missed = summary["outcomes"]["decisions"][0]
    assert right == sum(own and k not in wrong for k, own in enumerate(first))
    assert (extra, missed) == (sum(not first[k] for k in wrong), sum(first[k] for k in wrong))


def test_five_thousand_long_rows_stay_below_two_megabytes(workplace):
    rows = write_reports(CLASSIFICATION, 5200)
    letters = [
        chr(0xAC00 + (k * 7919 + i * i * 31) % 11000) for k in range(500) for i in range(600)
    ]
    rows["text"] = ["".join(letters[(k * 577) % 200_000 :][:600]) for k in range(len(rows))]
    schemas.TEST.write(rows)

    html = write_page()
    summary, shown = unpack_page(html)

    assert len(html.encode()) < 2_000_000
    assert summary["rows"]["all"] == 5200
    assert summary["rows"]["shown"] == len(shown["id"]) == 5000
    assert max(map(len, shown["text"])) <= summary["rows"]["characters"] < 600
    wrong = {f"r{k}" for k in range(0, 5200, 7)}
    assert wrong <= set(shown["id"]), "errors come first"


def test_a_page_without_texts_has_none(workplace):
    write_reports(CLASSIFICATION)

    summary, shown = unpack_page(write_page("--texts", "no"))

    assert shown["text"] == []
    assert "Row number" not in str(summary)
    assert summary["evaluation"]["errors"]["highest_loss"] == []
    assert summary["outcomes"]["cells"]


def test_flips_of_other_predictions_are_left_out(workplace):
    rows = write_reports(CLASSIFICATION)
    assert unpack_page(write_page())[0]["comparison"]["parent"]["flips"]["fixed"]["count"]
    own = schemas.TEST_PREDICTIONS.read()
    schemas.TEST_PREDICTIONS.write(own.assign(predicted=rows["label"].to_numpy()))

    assert unpack_page(write_page())[0]["comparison"] == {}


def test_without_an_evaluation_the_next_step_is_named(workplace):
    CLASSIFICATION.save()

    with pytest.raises(FoldlineError, match=r"evaluation\.json is missing: run `dvc repro evalua"):
        run_verb(["report"])


def test_the_hub_reads_the_model_card(workplace):
    from huggingface_hub import ModelCard

    write_reports(CLASSIFICATION)
    write_page()

    card = ModelCard.load(CARD)
    scores = {own.metric_name: own.metric_value for own in card.data.eval_results}
    assert card.data.library_name == "foldline"
    assert scores["accuracy"] == round(51 / 60, 4)
    assert HARM not in card.text
    for sentence in (
        "passes 70% of 10 cases",
        "error 0.400 where",
        "`tfidf <b>` (baseline): better",
    ):
        assert sentence in card.text
