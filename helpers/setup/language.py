"""The language of what a reader sees: questions, answers of checks, panels, names in figures.

The code says each sentence in English. A folder of ``notebooks`` that is called like a language,
``notebooks/de``, has the course in that language: notebooks, ``questions``, ``solutions``, and
``messages.json``, which maps the sentences of the code to its own. A translated notebook chooses
its language in its first cell, ``why_resnets_work.check("de")``; so it speaks one language wherever
it is opened.
"""

import json
import re
from types import SimpleNamespace

from helpers.setup.machine import TEXTS

ENGLISH = "en"
_chosen = SimpleNamespace(folder=TEXTS, messages={})


def choose(name):
    """Speak this language from now on: "en", or one that has a folder with messages.

    Choose before the other helpers are imported: some keep what they say. Raises ValueError for a
    language that is not there, and for messages that cannot be read.
    """
    folder = TEXTS if name == ENGLISH else TEXTS / str(name)
    _chosen.messages = {} if name == ENGLISH else _read(folder / "messages.json", name)
    _chosen.folder = folder


def folder():
    """Return the folder with the texts of the language that was chosen."""
    return _chosen.folder


def translate(sentence, /, **values):
    """Return a sentence of the code in the language chosen; what has no translation stays English.

    values: what its braces stand for.
    """
    sentence = _chosen.messages.get(sentence, sentence)
    return sentence.format(**values) if values else sentence


def with_decimal_sign(sentence):
    """Return a sentence of a notebook with the decimal sign of the language: 0,5 in German.

    So a translation writes no point between the thousands of a number: 70 000.
    """
    return re.sub(r"(?<=\d)\.(?=\d)", translate("."), sentence)


def _read(path, name):
    """The messages of a language, {English: its own}."""
    if not path.is_file():
        known = [ENGLISH, *sorted(one.parent.name for one in TEXTS.glob("*/messages.json"))]
        names = ", ".join(known)
        raise ValueError(f"the course has no language {name!r}; its languages are: {names}")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not in the form of JSON: {error}") from None
