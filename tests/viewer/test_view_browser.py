"""The data viewer in a real browser: used as a reader uses it, with texts that mean harm."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from foldline.cli import run as run_verb
from foldline.core.io import schemas
from foldline.core.io.labels import Labels
from tests.helpers import viewer_tables
from tests.helpers.browser import Browser, check_harmless

pytestmark = pytest.mark.slow
SHOWN = "[...document.querySelectorAll('.row .c-id')].map(e => e.textContent)"
COUNT = "document.querySelector('#count').textContent"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("project")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        viewer_tables.write_all(viewer_tables.prepared_rows())
        run_verb(["view"])
    return (folder / "data/view.html").as_uri()


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Browser]:
    browser.events.clear()
    browser.open(f"{address}#lang=en")
    yield browser
    check_harmless(browser)


def test_searching_finds_texts_in_any_case_and_in_korean(page):
    assert page.see(COUNT) == "40 of 40 rows"

    page.press("/")
    page.write("ROW NUMBER 1")
    page.until(lambda: page.see(COUNT) == "10 of 40 rows")  # 10 to 19
    assert page.see("document.querySelector('.row mark').textContent") == "Row number 1"

    page.see("document.querySelector('#search').select()")
    page.write("행 나")
    page.until(lambda: page.see(COUNT) == "5 of 40 rows")
    assert page.see(SHOWN) == ["r8", "r15", "r22", "r29", "r36"]


def test_filters_narrow_the_rows_and_say_how_many_are_behind_each(page):
    page.click(".facet-label li:nth-child(1) input")
    assert page.see(COUNT) == "13 of 40 rows"  # every third of 40, but r3
    test = ".facet-part li:nth-child(3)"
    assert page.see(f"document.querySelector('{test} .number').textContent") == "3"
    page.click(f"{test} input")
    assert page.see(SHOWN) == ["r9", "r24", "r39"]
    page.click("#clear")
    assert page.see(COUNT) == "40 of 40 rows"


@pytest.mark.parametrize(
    ("check", "ids"),
    [
        ("duplicate", ["r0", "r1", "r2", "r3"]),
        ("conflict", ["r0", "r1"]),
        ("suspected", ["r7"]),
        ("disagree", ["r5"]),
        ("changed", ["r6"]),
    ],
)
def test_what_is_worth_a_look_is_one_click_away(page, check, ids):
    checks = ["duplicate", "conflict", "suspected", "copied", "disagree", "changed"]
    place = checks.index(check) + 1

    page.click(f".facet-check li:nth-child({place}) input")

    assert page.see(SHOWN) == ids


def test_suspected_labels_come_by_doubt(page):
    page.click(".facet-check li:nth-child(3) input")

    assert page.see("document.querySelector('#head .c-doubt').ariaSort") == "descending"
    assert "Close to 1 is doubtful" in page.see("document.querySelector('#head .c-doubt').title")


def test_the_pointer_shows_the_whole_of_a_name_that_is_cut(page):
    name = "document.querySelector('.facet-label .name')"
    whole = page.see(f"{name}.textContent")
    hover = f"{name}.dispatchEvent(new PointerEvent('pointerover', {{bubbles: true}}))"
    page.see(hover)
    assert page.see(f"{name}.title") == ""

    page.see("document.querySelector('#facets').style.width = '80px'")
    page.see(f"{name}.style.maxWidth = '4px'")
    page.see(hover)

    assert page.see(f"{name}.title") == whole


def test_copies_stand_below_their_source_with_new_words_marked(page):
    page.click(".facet-method li:nth-child(1) input")

    assert page.see(SHOWN) == ["r2", "↳ copy", "r6", "↳ copy"]
    assert page.see("document.querySelectorAll('.row.copied ins')[1].textContent") == "<b>added</b>"


def test_columns_sort_both_ways(page):
    page.click("#head .c-length button")
    assert page.see(SHOWN)[0] == "r4"
    assert page.see("document.querySelector('#head .c-length').ariaSort") == "descending"
    page.click("#head .c-length button")
    assert page.see(SHOWN)[0] == "r5"
    page.click("#head .c-doubt button")
    assert page.see(SHOWN)[0] == "r7"


def test_the_keyboard_is_enough(page):
    page.see("document.querySelector('#grid').focus()")
    page.press("ArrowDown", "j", "j", "k", "Enter")
    assert page.see("document.querySelector('#details h2').textContent") == "r2"
    assert page.see("document.activeElement.id") == "details"
    page.press("j")
    assert page.see("document.querySelector('#details h2').textContent") == "r3"
    page.press("Escape")
    assert page.see("document.querySelector('#details').hidden")
    assert page.see("document.activeElement.id") == "grid"
    page.press("End")
    active = "document.getElementById(document.activeElement.getAttribute('aria-activedescendant'))"
    assert page.see(f"{active}.querySelector('.c-id').textContent") == "r39"


def test_details_show_hostile_texts_as_they_are(page):
    page.see("document.querySelector('#grid').focus()")
    page.press("Enter")
    text = "document.querySelector('#details .full').textContent"
    assert page.see(text) == viewer_tables.HOSTILE[0]
    page.press("j")
    assert page.see(text) == viewer_tables.HOSTILE[1]
    page.press("j")
    assert "U+202E gnp.exe U+2066" in page.see(text)
    page.press("j")
    assert page.see(text) == viewer_tables.HOSTILE[3]
    page.press("j")
    assert page.see(text) == viewer_tables.HOSTILE[4]


def test_a_group_leads_to_its_members(page):
    page.click(".row")
    assert "labels differ in this group" in page.see("details.textContent")
    page.click("#details .members button")
    assert page.see("document.querySelector('#details h2').textContent") == "r1"


def test_the_address_holds_the_view(page, address):
    page.click(".facet-check li:nth-child(1) input")
    page.click("#head .c-id button")
    page.click("#head .c-id button")
    page.click("#language")
    page.until(lambda: "lang=ko" in page.see("location.hash"))
    copied = page.see("location.href")

    page.open(copied)

    assert page.see(SHOWN) == ["r3", "r2", "r1", "r0"]
    assert page.see(COUNT) == "40행 중 4행"
    assert page.see("document.documentElement.lang") == "ko"


def test_charts_are_drawn_and_lead_to_rows(page):
    page.click("#tab-charts")
    assert page.see("document.querySelectorAll('#charts svg path.area').length") >= 3
    assert page.see("[...document.querySelectorAll('#charts h2')].map(e => e.textContent)") == [
        "Classes",
        "Lengths",
        "Time",
        "Confidence in the given label",
        "Duplicates by length",
        "Resampling and augmentation",
    ]
    page.click("#charts .meter-rows button")
    assert page.see(COUNT) == "13 of 40 rows"


def test_pairs_with_numbers_are_shown_after_prepare_alone(browser, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table = viewer_tables.prepared_rows(12).assign(
        text_pair=[f"second {k}" for k in range(12)], label=[str(k / 2 - 1) for k in range(12)]
    )
    schemas.PREPARED.write(table)
    Labels("regression").save()
    run_verb(["view"])
    browser.events.clear()

    browser.open(f"{Path('data/view.html').resolve().as_uri()}#lang=en&sort=label&dir=desc")

    assert browser.see(SHOWN)[:2] == ["r11", "r10"]  # 4.5 and 4
    assert browser.see("document.querySelector('.row .second').textContent") == "second 11"
    browser.click(".facet-label li:last-child input")
    assert browser.see(SHOWN) == ["r11", "r10"]  # 4 to 5
    assert browser.complaints() == []


def test_many_rows_are_scrolled_with_few_in_the_document(browser, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table = viewer_tables.prepared_rows(2_000)
    viewer_tables.write_prepared(table)
    run_verb(["view", "--out", "many.html"])

    browser.open(f"{Path('many.html').resolve().as_uri()}#lang=en")
    browser.see("document.querySelector('#grid').scrollTop = 1e9")
    browser.until(lambda: browser.see(SHOWN)[-1] == "r1999")

    assert browser.see("document.querySelectorAll('.row').length") < 60


@pytest.mark.parametrize("width", [360, 400, 760, 1280])
def test_nothing_is_wider_than_the_window(browser, tmp_path, monkeypatch, width):
    monkeypatch.chdir(tmp_path)
    table = viewer_tables.prepared_rows()
    table["id"] = [f"{'i' * 60}{k}" for k in range(len(table))]
    table = table.assign(text_pair="url" * 60, group="u" * 80, dup_group=table["id"].iloc[0])
    labels = ["a label of many words that goes on and on", "x" * 60]
    schemas.PREPARED.write(table.assign(label=[labels[k % 2] for k in range(len(table))]))
    Labels("classification", tuple(labels)).save()
    run_verb(["view"])
    browser.call(
        "Emulation.setDeviceMetricsOverride",
        width=width, height=800, deviceScaleFactor=1, mobile=False,
    )  # fmt: skip
    wider = """[...document.querySelectorAll('body, body *')].filter(e =>
        e.getBoundingClientRect().right > innerWidth + 1 ||
        (getComputedStyle(e).overflowX === 'auto' && e.scrollWidth > e.clientWidth + 1)
    ).map(e => `${e.tagName} ${e.className} ${e.id}`)"""
    for language in ("en", "ko"):
        browser.open(f"{(tmp_path / 'data/view.html').as_uri()}#lang={language}")
        for selector in ("#tab-rows", ".row", "#details .close", "#tab-charts"):
            browser.click(selector)
            assert browser.see(wider) == [], (language, selector)
    browser.call("Emulation.clearDeviceMetricsOverride")


def test_each_of_several_labels_is_filtered_by_itself(browser, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table = viewer_tables.prepared_rows()
    labels = ["", "bad", "bad|good <i>", "good <i>"]
    schemas.PREPARED.write(table.assign(label=[labels[k % 4] for k in range(len(table))]))
    Labels("multilabel", viewer_tables.CLASSES[:2]).save()
    run_verb(["view"])
    browser.open(f"{(tmp_path / 'data/view.html').as_uri()}#lang=en")

    names = "[...document.querySelectorAll('.facet-label .name')].map(e => e.textContent)"
    assert browser.see(names) == ["bad", "good <i>", "no label"]
    browser.click(".facet-label li:nth-child(1) input")
    assert browser.see(COUNT) == "20 of 40 rows"
    browser.click(".facet-label li:nth-child(1) input")
    browser.click(".facet-label li:nth-child(3) input")
    assert browser.see(COUNT) == "10 of 40 rows"
    assert browser.see("document.querySelector('.row .label').textContent") == "no label"
    assert browser.complaints() == []
