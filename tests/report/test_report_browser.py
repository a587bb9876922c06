"""The report in a real browser: used as a reader uses it, with texts that mean harm."""

from collections.abc import Iterator

import pytest

from foldline.cli import run as run_verb
from foldline.report.command import PAGE
from tests.helpers.browser import Browser, check_harmless
from tests.helpers.report_files import CLASSIFICATION, MULTILABEL, REGRESSION, write_reports

pytestmark = pytest.mark.slow
PANEL = "document.querySelector('#panel')"
SECTIONS = "[...document.querySelectorAll('#sections > section')].map(e => e.id)"


@pytest.fixture(scope="module")
def addresses(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    found = {}
    for labels in (CLASSIFICATION, MULTILABEL, REGRESSION):
        folder = tmp_path_factory.mktemp(labels.task)
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            write_reports(labels)
            run_verb(["report"])
        found[labels.task] = (folder / PAGE).as_uri()
    return found


@pytest.fixture(params=["classification", "multilabel", "regression"])
def any_page(request, browser: Browser, addresses: dict[str, str]) -> Iterator[Browser]:
    yield from open_page(browser, addresses[request.param])


@pytest.fixture
def page(browser: Browser, addresses: dict[str, str]) -> Iterator[Browser]:
    yield from open_page(browser, addresses["classification"])


def open_page(browser: Browser, address: str) -> Iterator[Browser]:
    """Open a page, and check afterwards that nothing was run, loaded or complained about."""
    browser.events.clear()
    browser.open(f"{address}?lang=en")
    yield browser
    check_harmless(browser)


def test_every_section_opens_in_both_languages(any_page):
    english = any_page.see(SECTIONS)
    assert {"headline", "outcomes", "slices", "behaviour", "errors", "run"} <= set(english)
    assert any_page.see("document.querySelector('#contents').children.length") == len(english)

    any_page.click("#language")

    assert any_page.see(SECTIONS) == english
    assert any_page.see("document.documentElement.lang") == "ko"
    assert any_page.see("document.querySelector('#headline h2').textContent") == "결과"
    assert "undefined" not in any_page.see("document.body.innerText")


def test_names_of_slices_and_tests_are_korean_on_a_korean_page(page):
    page.click("#language")

    assert "길이 1~20자" in page.see("document.querySelector('#slices').textContent")
    assert "오타" in page.see("document.querySelector('#behaviour').textContent")


def test_every_button_opens_its_texts(any_page):
    opened = any_page.see(
        """[...document.querySelectorAll('main button')].filter(b => !b.matches('.more')).map(b => {
        b.click();
        const shown = document.querySelectorAll('#panel li').length;
        document.querySelector('#panel').close();
        return shown; })"""
    )
    assert opened
    assert min(opened) > 0


def test_a_cell_is_reached_by_keys_and_opens_as_many_texts_as_it_counts(page):
    page.see("document.querySelector('.matrix button[tabindex=\"0\"]').focus()")
    page.press("ArrowRight", "ArrowDown")
    count = int(page.see("document.activeElement.textContent"))
    page.press("Enter")

    assert page.see(f"{PANEL}.open")
    assert page.see("document.querySelectorAll('#panel li').length") == count
    page.press("Escape")
    assert not page.see(f"{PANEL}.open")
    assert page.see("document.activeElement.closest('.matrix') != null"), "the focus returns"


@pytest.mark.parametrize("width", [400, 1280])
def test_nothing_is_wider_than_the_window(any_page, width):
    any_page.call(
        "Emulation.setDeviceMetricsOverride",
        width=width, height=900, deviceScaleFactor=1, mobile=width < 500,
    )  # fmt: skip
    try:
        assert any_page.see("document.documentElement.scrollWidth") <= width
    finally:
        any_page.call("Emulation.clearDeviceMetricsOverride")


def test_nothing_is_left_out_on_paper(page):
    printed = page.call("Page.printToPDF", printBackground=True)
    assert len(printed["data"]) > 10_000
    assert page.see("document.querySelector('details.fold').open")
