"""What every page has: small files, words in both languages, data that cannot become markup."""

import re
from pathlib import Path

import pytest

from foldline.data.column_types import TIME
from foldline.data.slice_columns import AUTOMATIC, DISAGREEMENT
from foldline.evaluation.behaviour.spec import SHIPPED, read_pack
from foldline.pages.page import FRAME, SHARED, render_page
from foldline.report import page as report
from foldline.viewer import page as viewer
from tests.helpers.viewer_tables import unpack_page

PAGES = {"viewer": viewer, "report": report}


def list_sources(page) -> list[Path]:
    own = page.BODY.parent
    names = (*page.SCRIPTS, *page.STYLES)
    return [FRAME, page.BODY, *(own / n if (own / n).exists() else SHARED / n for n in names)]


@pytest.mark.parametrize("name", PAGES)
def test_both_languages_have_every_word(name):
    files = list_sources(PAGES[name])
    words = next(file for file in files if file.name == "words.js").read_text(encoding="utf-8")
    words = re.sub(r"'(?:[^'\\\n]|\\.)*'|`[^`]*`|//.*", "", words)
    english, korean = words.split("  ko: {")
    known = [set(re.findall(r"(\w+):", half)) - {"en"} for half in (english, korean)]
    used = set()
    for file in files:
        text = file.read_text(encoding="utf-8")
        used |= set(re.findall(r"\bw\('(\w+)'|data-(?:w|label|hint)=\"(\w+)\"", text))

    assert known[0] == known[1]
    assert {one or two for one, two in used} <= known[0]


def test_what_is_named_in_english_has_a_korean_name():
    text = (report.BODY.parent / "korean_names.js").read_text(encoding="utf-8")
    features, tests = (
        re.search(rf"{table} = \{{(.*?)\n\}}", text, re.DOTALL)[1]
        for table in ("KOREAN_FEATURES", "KOREAN_TESTS")
    )
    shipped = {test.name for name in SHIPPED for test in read_pack(name).tests}

    assert {one or two for one, two in re.findall(r"'([^']+)': '|(\w+): '", tests)} == shipped
    assert set(re.findall(r"(\w+): '", features)) == {*AUTOMATIC, DISAGREEMENT, TIME}


def test_pages_are_made_of_small_files_all_of_them_used():
    used = {file for page in PAGES.values() for file in list_sources(page)}

    assert {file for path in Path("foldline").rglob("web/*") for file in [path.resolve()]} == used
    for file in used:
        assert len(file.read_text(encoding="utf-8").splitlines()) <= 250, file


def test_data_cannot_end_its_element(tmp_path):
    body = tmp_path / "page.html"
    body.write_text("<main></main>")
    harm = "</script><script>alert(1)</script>"

    html = render_page(body, (), (), {"text": harm}, [harm])

    assert "alert(1)</script>" not in html
    assert unpack_page(html) == ({"text": harm}, [harm])
