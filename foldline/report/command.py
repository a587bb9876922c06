"""Write the report of the last run: `foldline report`."""

import argparse
import webbrowser
from pathlib import Path

from foldline.core.console import say
from foldline.core.io.files import write_text
from foldline.core.io.labels import Labels
from foldline.report.facts import collect_facts
from foldline.report.judged_rows import read_judged_rows
from foldline.report.model_card import render_model_card
from foldline.report.page import render_report

PAGE, CARD = Path("reports/evaluation.html"), Path("reports/model_card.md")


def run(options: argparse.Namespace) -> None:
    """Write page and model card from the reports of the stages, and open the page if wanted.

    Raises:
        FoldlineError: if the stage `evaluate` has not run.
    """
    write_report(options.language, options.texts == "yes")
    if options.open == "yes":
        webbrowser.open(PAGE.resolve().as_uri())


def write_report(language: str = "auto", with_texts: bool = True) -> None:
    """Write page and model card, and say where they are; see `render_report`."""
    labels = Labels.load()
    facts = collect_facts(labels)
    if not facts["metrics"]:
        say("no rows were judged, so there is no page")
        return
    rows = read_judged_rows(labels, facts["judged"])
    html = render_report(facts, labels, rows, language, with_texts)
    write_text(PAGE, html)
    write_text(CARD, render_model_card(facts))
    size = len(html.encode()) / 1e6
    say(f"{PAGE.as_posix()}: {size:.1f} MB, open it in a browser; {CARD.as_posix()}")
