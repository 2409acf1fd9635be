"""Panels and questions in JupyterLab, and the decks: axe-core finds nothing that is ours."""

import pytest
from axe import broken_rules

from helpers.press import slides
from helpers.setup.machine import ROOT

pytestmark = pytest.mark.slow
COURSE = sorted((ROOT / "notebooks").glob("*.ipynb"))


def test_panels_and_questions_in_jupyterlab(opened):
    page = opened("screens")
    page.locator(".quiz input").first.check()
    assert broken_rules(page, ".explore, .quiz, .widget-vbox:has(> .explore)") == []


@pytest.mark.parametrize("path", COURSE, ids=lambda path: path.stem)
def test_decks(offline, tmp_path, path):
    (deck,) = slides.build(tmp_path, [path])
    offline.goto(deck.as_uri())
    offline.wait_for_function("Reveal.isReady()")
    assert broken_rules(offline) == []
