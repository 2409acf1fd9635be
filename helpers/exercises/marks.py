"""Answers in a CSV file: a line for each, the last one about an exercise counts.

Lines are only ever added (``append``), each in one step, so that several notebooks can share a
file and a power failure costs at most the last line; or the whole file is exchanged (``write``).
"""

import csv
import io
import os
import time
import warnings
from contextlib import contextmanager, suppress
from pathlib import Path

from helpers.files import writing

HEADER = ("exercise", "title", "status", "sentence")
STATUSES = ("right", "wrong", "not done")
PATIENCE = 2.0  # seconds for another notebook to write the header of a file that it has begun


def read(path):
    """Return the answers in a file, [(exercise, title, status, sentence)]; [] if there is none.

    Lines that are no answers are left out, with a warning. Raises ValueError for a file that is not
    one of answers, OSError for one that cannot be read.
    """
    lines = _lines(path, _text(path))
    known = [fields for fields, _ in lines if fields]
    if len(known) < len(lines):
        damaged = f"{len(lines) - len(known)} of {len(lines)} lines are damaged and not counted"
        warnings.warn(f"{path}: {damaged}", stacklevel=3)
    return known


def append(path, *lines):
    """Add answers to a file; without any, only make sure that it exists and can be written to.

    Raises ValueError for a file that is not one of answers, OSError if it cannot be written to.
    """
    with said_of(path, "written to"), suppress(FileExistsError), open(path, "xb") as file:
        file.write(_as_csv([HEADER, *lines]))
        return
    end = time.monotonic() + PATIENCE
    while os.path.isfile(path) and not os.path.getsize(path) and time.monotonic() < end:
        time.sleep(0.01)
    known = _text(path)
    _lines(path, known)
    with said_of(path, "written to"), open(path, "ab") as file:
        if not known:
            file.write(_as_csv([HEADER, *lines]))
        elif lines:  # after a line that a power failure has cut off
            file.write(b"\n" * (not known.endswith("\n")) + _as_csv(lines))


def write(path, lines):
    """Exchange all answers in a file, in one step; lines that are no answers stay, after them.

    Raises ValueError for a file that is not one of answers, OSError if it cannot be written.
    """
    others = "".join(text for fields, text in _lines(path, _text(path)) if not fields)
    writing.write(path, _as_csv([HEADER, *lines]) + others.encode("utf-8"), Path.is_file)


def _as_csv(lines):
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(
        [" ".join(str(field).split()) for field in line] for line in lines
    )
    return out.getvalue().encode("utf-8")


def _lines(path, text):
    """All lines after the header, (fields, text): no fields if it is no answer.

    Raises ValueError for another header.
    """
    rest, found = list(io.StringIO(text or ",".join(HEADER), newline="")), []
    first, count = _record(rest)
    if first != HEADER:
        raise ValueError(
            f"{path} is not a file of answers of this course and was left alone; use another name"
        )
    while rest := rest[count:]:
        fields, count = _record(rest)
        if len(fields) != len(HEADER) or fields[2] not in STATUSES:
            fields, count = (), 1  # of a sentence that was cut off, the quotes may never end
        if not rest[0].isspace():  # as between lines of two notebooks that wrote at once
            found.append((fields, "".join(rest[:count])))
    return found


def _record(lines):
    """The fields that ``lines`` begin with, none if damaged; and how many lines they fill."""
    reader = csv.reader(lines, strict=True)
    with suppress(csv.Error):
        return tuple(next(reader)), reader.line_num
    return (), 1


def _text(path):
    with said_of(path, "read"):
        try:
            return Path(path).read_bytes().decode("utf-8-sig")
        except FileNotFoundError:
            return ""
        except UnicodeDecodeError:
            return "not a text"


@contextmanager
def said_of(path, done):
    """Raise what the system says about a file as one sentence, of the same type."""
    try:
        yield
    except OSError as error:
        raise type(error)(f"{path} cannot be {done}: {error.strerror or error}") from None
