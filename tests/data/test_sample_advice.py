"""Advice on sample submissions is tried by following it."""

import pytest

from tests.data.test_advice import PLAIN, name, table
from tests.helpers.advised_projects import Files, case, follow

pytestmark = pytest.mark.usefixtures("workplace")


def sample(cells: str = "a", ids: str = "t{}", head: str = "id,label", rows: int = 6) -> str:
    return "\n".join([head, *(f"{ids.format(n)},{cells}" for n in range(rows)), ""])


def files(submission: str, train: str = PLAIN) -> Files:
    """Return files with a sample of six rows to predict."""
    predict = table(6, id=lambda n: f"t{n}", label=lambda n: "")
    return {"train.csv": train, "predict.csv": predict, "sample.csv": submission}


GOOD = {"sample.csv": sample()}
OWN_FILE = "take the competition's own file"
THREE = table(label=lambda n: "abc"[n % 3])
DIGITS = table(label=lambda n: n % 3)

CASES = [
    case(files(sample(rows=5)), "Both must be from the same competition", edits=GOOD),
    case(files(sample(ids="x{}")), "Both must be from the same competition", edits=GOOD),
    case(files(sample(ids="T{}")), "write the ids in one way", edits=GOOD),
    case(files(sample(ids="1.2e+{}7")), f"rounded the ids of the sample: {OWN_FILE}", edits=GOOD),
    case(files(sample(rows=5) + ",a\n"), "Fill in the ids", edits=GOOD),
    case(files(sample() + "t1,a\n"), "Keep one line an id", edits=GOOD),
    case(files(sample()), "Set data.id", {"data.id": None}, {"data.id": "id"}),
    case(files(sample()), "set predict.sample_submission=null", {"data.id": None}),
    case(files(sample("0,0,0", head="id,a,b,c")), "set predict.sample_submission=null"),
    *(
        case(files(sample(cells, head=head)), "Add, remove or rename columns", edits=GOOD)
        for cells, head in [("0,0,0", "id,a,b,c"), ("", "id"), ("0,0", "id,x,y")]
    ),
    case(
        files(sample("0.5")),
        "For labels, write a class in its cells",
        edits=GOOD,
    ),
    case(
        files(sample("a", head="id,probability")),
        "For labels, rename the column",
        edits=GOOD,
    ),
    case(
        files(sample("0.5", head="id,probability")),
        "For labels, write a class in its cells and rename the column",
        edits=GOOD,
    ),
    case(
        files(sample("0.5"), THREE),
        "Give the sample a column for each class",
        edits={"sample.csv": sample("0.3,0.3,0.4", head="id,a,b,c")},
    ),
    case(files(sample("0.5"), THREE), "to get labels, write a class in its cells", edits=GOOD),
    case(files(sample("0.5"), DIGITS), "if it wants numbers, set task=regression"),
    case(
        files(sample("a", head="id,probability")),
        "to get labels, rename the column",
        {"task": "multilabel"},
        edits=GOOD,
    ),
    case(
        files(sample("0.0"), table(label=lambda n: n % 2)),
        "If it wants probabilities, write 0.5 in its cells",
        edits={"sample.csv": sample("0.5")},
    ),
    case(
        files(sample("z")),
        "replace the labels of the files",
        edits={"train.csv": table(label=lambda n: "zy"[n % 2])},
    ),
]


@pytest.mark.parametrize("own", CASES, ids=name)
def test_advice_on_sample_submissions(own):
    follow(own)
