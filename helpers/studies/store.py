"""The store of a sweep: a file of JSON lines, one for each finished run."""

import hashlib
import inspect
import json
import math
import os
import re
import reprlib
import warnings
from collections.abc import Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from helpers.setup.machine import ROOT

try:
    import fcntl
except ImportError:  # Windows: one sweep at a time on a store
    fcntl = None

HELPERS = ROOT / "helpers"
QUESTIONS = {"exercises", "quizzes"}  # folders of helpers that compute no results
NO_LOCKS = {37, 38, 45, 95}  # ENOLCK, ENOSYS, and ENOTSUP of macOS and Linux: some NFS
FIELDS = {"function", "version", "arguments", "result", "seconds"}  # of each line
LONGEST_WORD = len("-Infinity")  # of JSON
ZERO = b"\0"  # a power failure may leave some at the end of a file
START, TEXT = b'{"function": "', rb'(?:[^"\\]|\\.)*'
HEAD = re.compile(START + TEXT + b'", "version": "' + TEXT + b'", "arguments": ')


class Store:
    """The finished runs of one function and version, in a file that may hold those of others too.

    A line is written under a lock, in one call, and is on the disk before its Row is seen: what a
    sweep has shown outlives kill -9 and a power failure. A file that holds anything but finished
    runs is refused, and stays as it is.
    """

    def __init__(self, path, function, version):
        self.path, self.code = Path(path).expanduser(), {"function": function, "version": version}
        self.finished = {}  # key of the arguments: (result, seconds)
        self.lines, self.bytes = 0, 0  # how far the file has been read
        self.locked = fcntl is not None
        if os.path.exists(self.path):  # False, too, where nobody may look
            if not (self.path.is_file() or self.path.is_dir()):  # opening it might wait for ever
                raise OSError(f"the store {self.path} is no file, but a device or a pipe")
            with self._opened("rb") as file:  # a store that has all runs may be read-only
                self._read(file)

    def add(self, key=None, text=None, seconds=None):
        """Append a finished run, unless another sweep did; without one, see if that is possible.

        Raises OSError if it is not, as on a full disk; the file then holds what it held.
        """
        with self._opened("ab+") as file:
            if rest := self._read(file):
                self._mend(file, rest.rstrip(ZERO))
            if key is None or key in self.finished:
                return
            run = {"arguments": json.loads(key), "result": json.loads(text), "seconds": seconds}
            line = json.dumps(self.code | run).encode() + b"\n"
            if file.write(line) < len(line):
                file.truncate(self.bytes)
                raise OSError(f"there is no room for {len(line)} bytes in {self.path}")
            os.fsync(file.fileno())

    @contextmanager
    def _opened(self, mode):
        """Open the file, and lock it until it is closed, where the file system has locks."""
        try:
            file = self.path.open(mode, buffering=0)
        except OSError as error:
            raise type(error)(f"the store {self.path} cannot be opened: {error.strerror}") from None
        with file:
            try:
                if self.locked:
                    fcntl.flock(file, fcntl.LOCK_EX if "a" in mode else fcntl.LOCK_SH)
            except OSError as error:
                if error.errno not in NO_LOCKS:
                    raise
                self.locked = False
                message = "is on a file system without locks: let one sweep at a time write to it"
                warnings.warn(f"{self.path} {message}", stacklevel=2)
            yield file

    def _read(self, file):
        """Read the new lines; return what follows the last newline."""
        if file.seek(0, os.SEEK_END) < self.bytes:  # somebody moved it away during the sweep
            self.lines = self.bytes = 0
        file.seek(self.bytes)
        *lines, rest = file.read().split(b"\n")
        for line in lines:
            self.lines += 1
            if line.strip() or self.bytes == 0:
                self._take(line)
            self.bytes += len(line) + 1
        whole = rest.rstrip(ZERO)
        if rest and not (_entry(whole) or _is_cut_off(whole, alone=self.bytes == 0)):
            self.lines += 1
            self._take(rest)
        return rest

    def _mend(self, file, rest):
        """Drop a line that was cut off; give a whole one the newline that it lacks."""
        if _entry(rest):
            file.truncate(self.bytes + len(rest))
            file.write(b"\n")
            self._read(file)
        else:
            file.truncate(self.bytes)

    def _take(self, line):
        entry = _entry(line)
        if entry is None:
            raise ValueError(
                f"{self.path} is not a store, and was not changed: its line {self.lines} is not a "
                "finished run; choose another name"
            )
        if self.code.items() <= entry.items():
            self.finished[to_text(entry["arguments"])] = entry["result"], entry["seconds"]


def _entry(line):
    """Return the finished run that a line holds, or None."""
    with suppress(ValueError, AttributeError, RecursionError):
        entry = json.loads(line, object_hook=restored)
        return entry if entry.keys() == FIELDS else None


def _is_cut_off(rest, alone):
    """Return whether these bytes are the beginning of a line of a store.

    alone: no whole line comes before it; then it must be long enough to tell.
    """
    try:
        json.loads(rest)  # something whole, and something else
    except json.JSONDecodeError as error:
        if error.pos > len(rest) - LONGEST_WORD or error.msg.startswith("Unterminated"):
            return bool(HEAD.match(rest)) or (not alone and START.startswith(rest[: len(START)]))
    except (ValueError, RecursionError):
        pass
    return False


def restored(found):
    """Undo what ``plain`` does to an infinite number or NaN; for json.loads."""
    if found.keys() == {"float"} and found["float"] in ("nan", "inf", "-inf"):
        return float(found["float"])
    return found


def plain(value):
    """Return the value as standard JSON can hold it. Raises TypeError if it cannot."""
    if hasattr(value, "tolist"):  # numbers and arrays of NumPy, tensors
        value = value.tolist()
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": str(value)}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, Mapping) and all(isinstance(name, str) for name in value):
        return {name: plain(item) for name, item in value.items()}
    found = f"of type {type(value).__name__}"
    if isinstance(value, Mapping):
        found = "a dict with keys that are not text"
    allowed = "numbers, text, None, lists, and dicts with text as keys"
    raise TypeError(f"{reprlib.repr(value)} is {found}; use {allowed}")


def to_text(value):
    """Return the value as JSON: the same text for equal dicts, whatever their order."""
    return json.dumps(plain(value), sort_keys=True)


def code_version(fn):
    """Return twelve characters that change with the source of fn, of its module, of the helpers.

    Raises ValueError if the source does not say all that the function does, as after an edit of its
    file, or cannot be found.
    """
    try:
        if not inspect.isfunction(fn) or fn.__closure__:
            raise TypeError
        module = inspect.getmodule(fn)
        # A notebook has no file, but it keeps the source of each cell.
        source = inspect.getsource(module) if hasattr(module, "__file__") else ""
        if source and not _has_code(source, fn):
            raise TypeError
        texts = [source, inspect.getsource(fn), *_details(fn)]
    except (OSError, TypeError, SyntaxError):
        raise ValueError(
            f"the source of {fn!r} does not say all that it does: pass version='...', a name that "
            "you change when the code changes; or restart, if its file was edited after the import"
        ) from None
    paths = (path for path in sorted(HELPERS.rglob("*.py")) if path.parent.name not in QUESTIONS)
    texts += (path.read_text(encoding="utf-8") for path in paths)
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:12]


def _has_code(source, fn):
    """Whether the source, as it is now, has the code that a function had when it was imported."""
    found = [compile(source, "", "exec", dont_inherit=True)]
    for code in found:
        found += filter(inspect.iscode, code.co_consts)
    return fn.__code__ in found


def _details(fn):
    """What tells a lambda from the next one of a loop, or of a line; TypeError if it is unclear."""
    code, is_lambda = fn.__code__, fn.__name__ == "<lambda>"
    texts = [f"{code.co_code.hex()} {code.co_consts} {code.co_names}"] if is_lambda else []
    try:
        return [*texts, to_text([fn.__defaults__, fn.__kwdefaults__])]
    except TypeError:
        if is_lambda or "<locals>" in fn.__qualname__:
            raise
        return texts
