"""Questions as a teacher writes them: a Markdown file for each notebook.

    ## usual_size

    How large is the signal after 16 blocks?

    - [ ] About as large as at the start

      A block adds its input to that, so more comes out than went in.

    - [x] More than a hundred times as large

      It grows by a factor in each block.

The heading is the name of the question. Each choice has its comment, set in below it, and the right
one an x. Texts are shown as they are, without formulas or bold type; what comes before the first
question is for whoever reads the file.
"""

import re
from pathlib import Path

from helpers.files.texts import read_text
from helpers.quizzes.quiz import Question

HEADING, CHOICE = re.compile(r"##[ \t]+(.*)"), re.compile(r"- \[([ xX])\][ \t]+(.*)")


def read(path):
    """Return the questions of a file, {name: Question}.

    Raises ValueError, with the file and the line, for what is not in the form above, and OSError
    for a file that cannot be read.
    """
    blocks, questions = [], {}
    for line, paragraph in _list_paragraphs(read_text(path)):
        if HEADING.match(paragraph):
            blocks.append([])
        if blocks:
            blocks[-1].append((line, paragraph))
    for block in blocks:
        name, question = _make_question(path, *block)
        if name in questions:
            raise _refuse(path, block[0][0], f"there is a question {name} already")
        questions[name] = question
    return questions


def read_beside(notebook):
    """Return the questions of a notebook by its path; none if no file next to it has some."""
    path = Path(notebook).parent / "questions" / f"{Path(notebook).stem[:2]}.md"
    return read(path) if path.exists() else {}


def find_question(questions, source):
    """Return the question that a cell with this source asks. Raises KeyError if it is not there."""
    asked = re.search(r"\bquiz\.(\w+)", source)
    return questions[asked[1] if asked else source]


def _list_paragraphs(text):
    """Return [(number of its first line, paragraph)]; headings and choices begin one, too."""
    found, ends = [], True
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            if ends or line.startswith(("#", "- ")):
                found.append((number, line.rstrip()))
            else:
                found[-1] = found[-1][0], f"{found[-1][1]} {line.strip()}"
        ends = not line.strip() or line.startswith("#")
    return found


def _make_question(path, heading, *paragraphs):
    """Return the name and the Question of a heading and the paragraphs below it."""
    first, name = heading[0], HEADING.match(heading[1])[1]
    if not name.isidentifier():
        raise _refuse(path, first, f"{name!r} is no name: use letters, digits and _")
    asked, choices, right = [], {}, []
    for line, text in paragraphs:
        if choice := CHOICE.match(text):
            right += [len(choices)] * (choice[1] != " ")
            choices[line] = [choice[2]]
        elif text[0] in " \t" and choices:
            [*choices.values()][-1].append(text.strip())
        elif not choices and not text.startswith(("#", "- ")):
            asked.append(text.strip())
        else:
            form = 'a choice begins with "- [ ] " or "- [x] ", and its comment with two spaces'
            raise _refuse(path, line, f"{text[:40]!r} is out of place: {form}")
    for line, texts in choices.items():
        if len(texts) == 1:
            raise _refuse(path, line, "no comment: it follows after an empty line and two spaces")
    if len(right) != 1:
        raise _refuse(path, first, f"one choice of {name} has an x, and here {len(right)} have one")
    try:
        pairs = [(text, " ".join(why)) for text, *why in choices.values()]
        return name, Question(" ".join(asked), pairs, *right)
    except ValueError as error:
        raise _refuse(path, first, str(error)) from None


def _refuse(path, line, sentence):
    return ValueError(f"{path}, line {line}: {sentence}")
