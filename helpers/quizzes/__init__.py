"""The questions of each notebook, asked before the panel or experiment that answers them.

They are prose, in ``notebooks/questions/NN.md``, so that the cell that asks holds no answer. A
notebook says ``from helpers.quizzes import n01 as quiz``; then ``quiz.NAME`` is the question under
the heading NAME, in the language of the notebook.
"""

import re
from types import SimpleNamespace

from helpers.quizzes import texts
from helpers.setup import language


def __getattr__(name):
    """Return the questions of a notebook by its number: "n01" has those of notebook 1."""
    if not re.fullmatch(r"n\d\d", name):
        raise AttributeError(f"helpers.quizzes has no {name}")
    return SimpleNamespace(**texts.read(language.folder() / "questions" / f"{name[1:]}.md"))
