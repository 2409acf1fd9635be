"""What people write, read whatever editor they saved it with."""

import pytest

from helpers.files.texts import read_text
from helpers.press import book, slides
from helpers.quizzes import texts

QUESTION = """## one

Ü?

- [x] a

  A.

- [ ] b

  B.

- [ ] c

  C.
"""
READERS = {
    "text": (read_text, "Ü\n"),
    "question": (lambda path: texts.read(path)["one"].ask, QUESTION),
    "slide": (lambda path: slides.read_slides(path)[0]["title"], "# Ü\n"),
    "page": (lambda path: book.read_cells(path)[0].source, "# Ü\n"),
    "front": (book.compose_front, "## The course\nÜ\n"),
}


@pytest.mark.parametrize("name", READERS)
def test_a_mark_of_byte_order_is_no_letter_and_another_encoding_is_named(tmp_path, name):
    read, text = READERS[name]
    path = tmp_path / "text.md"
    path.write_text(text, encoding="utf-8")
    expected = read(path)
    path.write_text(text, encoding="utf-8-sig")
    assert read(path) == expected
    path.write_text(text, encoding="latin-1")
    with pytest.raises(ValueError, match=r"text\.md is not in UTF-8: save it as UTF-8 text"):
        read(path)
