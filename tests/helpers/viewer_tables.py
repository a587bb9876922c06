"""Small tables as the stages leave them, with everything that the data viewer shows."""

import json
import zlib
from base64 import b64decode
from typing import Any

import pandas as pd

from foldline.core.io import schemas
from foldline.core.io.labels import Labels

HOSTILE = (
    "</script><img src=x onerror=\"window.pwned = 'img'\"><script>window.pwned = 1</script>",
    "<!--<script> @rows@ @script@ &lt;b&gt; <style>*{display:none}</style>",
    "right to left \u202e gnp.exe \u2066 isolate, zero\u200bwidth, \x01 and \x1f",
    "family 👨\u200d👩\u200d👧 flag 🇰🇷 e\u0301 한글 ㅋㅋ \ue000",
    "long " + "글자 word " * 12_500,
)
CLASSES = ("bad", "good <i>", "그저 그런")


def prepared_rows(count: int = 40) -> pd.DataFrame:
    """Return rows of three classes; rows 0 and 1 are duplicates in conflict, 2 and 3 agree."""
    texts = [*HOSTILE, *(f"Row number {k} 행 {'가나다라마바사'[k % 7]}" for k in range(5, count))]
    table = pd.DataFrame(
        {
            "id": [f"r{k}" for k in range(count)],
            "part": ["test" if k % 5 == 4 else "train" for k in range(count)],
            "text": texts[:count],
            "text_pair": "",
            "label": [CLASSES[k % 3] for k in range(count)],
            "group": "",
            "time": [86_400.0 * (15_000 + k) for k in range(count)],
            "dup_group": [f"r{k}" for k in range(count)],
            "sentence": "",
            "sentence_pair": "",
        }
    )
    table.loc[[1, 3], "dup_group"] = ["r0", "r2"]
    table.loc[[2, 3], "label"] = CLASSES[2]
    return table


def write_prepared(table: pd.DataFrame) -> None:
    """Write what `prepare` alone leaves."""
    schemas.PREPARED.write(table)
    Labels("classification", CLASSES).save()


def write_all(table: pd.DataFrame) -> None:
    """Write the tables of all stages that the viewer reads."""
    write_prepared(table)
    parts = {
        name: table["part"]
        .where(table.index % 5 != 3, "valid")
        .where(table["part"] != "test", "test")
        == name
        for name in ("train", "valid", "test")
    }
    files = (schemas.TRAIN, schemas.VALID, schemas.TEST)
    for file, mask in zip(files, parts.values(), strict=True):
        file.write(table[mask])
    seen = table[~parts["test"]]
    folds = [k % 3 for k in range(len(seen))]
    schemas.FOLDS.write(seen[["id"]].assign(repeat=0, fold=folds, duplicate=""))
    schemas.OUT_OF_FOLD.write(predictions(seen))
    kept = table[parts["train"]]
    originals = kept.assign(source_id=kept["id"], method="original")
    copies = kept.iloc[2:6].assign(
        source_id=kept["id"].iloc[2:6],
        id=kept["id"].iloc[2:6] + "~1",
        text=kept["text"].iloc[2:6] + " <b>added</b>",
        method=["aeda", "swap", "aeda", "swap"],
    )
    schemas.AUGMENTED.write(pd.concat([originals, copies]))
    old = table.iloc[[6]].assign(text="Ｒｏｗ number 6", part="train")
    schemas.ORIGINALS.write(old)
    judged = [("r5", "Kim", "bad"), ("r5", "Lee", "good <i>"), ("r6", "Kim", "bad")]
    schemas.ANNOTATIONS.write(pd.DataFrame(judged, columns=["id", "annotator", "label"]))


def predictions(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the predictions of two members: sure of the label, but for row r7."""
    tables = []
    for member, p in (("model", 0.8), ("tfidf", 0.6)):
        table = rows[["id", "label"]].assign(member=member, fold=0)
        for name in CLASSES:
            table[f"p_{name}"] = [p if label == name else (1 - p) / 2 for label in rows["label"]]
        wrong = table["id"] == "r7"
        label = rows["label"][wrong].iloc[0] if wrong.any() else ""
        other = next(name for name in CLASSES if name != label)
        for name in CLASSES:
            table.loc[wrong, f"p_{name}"] = {other: 0.9, label: 0.02}.get(name, 0.08)
        best = table[[f"p_{name}" for name in CLASSES]].idxmax(axis=1)
        tables.append(table.assign(predicted=best.str.removeprefix("p_")))
    return pd.concat(tables)


def unpack_page(html: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the summary and the columns of a page, as its script reads them."""
    summary = html.split('id="summary">', 1)[1].split("</script>", 1)[0]
    packed = html.split('id="packed">', 1)[1].split("</script>", 1)[0]
    return json.loads(summary), json.loads(zlib.decompress(b64decode(packed)))
