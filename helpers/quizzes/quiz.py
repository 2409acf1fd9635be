"""Predict first: a question with three or four answers. The reader chooses one, and sees why.

The page itself answers (``quiz.js``), so a kernel that is busy with a long training keeps nobody
waiting, and the book (``python -m helpers.press.book``) asks the same question without a kernel.
What is chosen is not recorded.
"""

from dataclasses import dataclass
from html import escape
from pathlib import Path

import anywidget
import traitlets
from IPython.display import display
from ipywidgets import VBox

from helpers.panels import page
from helpers.setup.language import translate

INVITATION = translate("To answer, run this cell.")
VERDICTS = [translate("✗ No."), translate("✓ Right.")]


@dataclass(eq=False)
class Question:
    """One question. A notebook that ends a cell with it shows it.

    ask: the question.
    choices: three or four {text: why}, kept as pairs: why a reader may think so, and why that is
        right or wrong.
    right: the place of the right one, from 0.

    All texts are plain. Raises ValueError for another number of choices, equal or empty texts, and
    a place that does not exist.
    """

    ask: str
    choices: list
    right: int

    def __post_init__(self):
        if isinstance(self.choices, dict):
            self.choices = list(self.choices.items())
        if (count := len(self.choices)) not in (3, 4):
            raise ValueError(f"three or four choices, but {self.ask!r} has {count}")
        if self.right not in range(count):
            numbers = f"the choices are numbered 0 to {count - 1}"
            raise ValueError(f"right is {self.right!r}, but {numbers}")
        texts = [self.ask, *(text for choice in self.choices for text in choice)]
        if not all(text.strip() for text in texts) or len(set(texts)) < len(texts):
            raise ValueError(f"all texts of {self.ask!r} must be there, and differ")

    def __repr__(self):
        """The question and its choices, without the answer."""
        return "\n".join([self.ask, *(f"- {text}" for text, _ in self.choices), INVITATION])

    def _ipython_display_(self):
        """Show the widget, and after it what a saved notebook keeps for where no kernel runs."""
        texts = [self.ask, *(text for text, _ in self.choices), INVITATION]
        quiz = Quiz(question=vars(self) | {"verdicts": VERDICTS}, stand_in="".join(texts))
        said = translate("Question: {question}", question=self.ask)
        display(page.view(VBox([quiz, page.lacking()]), said), raw=True)
        choices = "".join(f"<li>{escape(text)}</li>" for text, _ in self.choices)
        stored = f"<p><b>{escape(self.ask)}</b></p><ul>{choices}</ul><p>{INVITATION}</p>"
        display({"text/html": stored, "text/plain": repr(self)}, raw=True)


class Quiz(anywidget.AnyWidget):
    """A question on a page. stand_in: the text of the output that it takes the place of."""

    _esm = page.code(Path(__file__).with_suffix(".js"))
    _css = Path(__file__).with_suffix(".css")
    question = traitlets.Dict().tag(sync=True)
    stand_in = traitlets.Unicode().tag(sync=True)
