"""The store of a sweep: a file of JSON lines, one for each finished run."""

import hashlib
import inspect
import json
import math
import os
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
ZERO = b"\0"  # a power failure may leave some at the end of a file
START = b'{"function": "'


class Store:
    """The finished runs of one function and version, in a file that may hold those of others too.

    A line is written under a lock, in one call, and is on the disk before its Row is seen: what a
    sweep has shown outlives kill -9 and a power failure. Nothing in the file is ever changed: a
    line that was cut off stays, and its run is done again. A file that holds anything else is
    refused.
    """

    def __init__(self, path, function, version):
        self.path, self.code = Path(path).expanduser(), {"function": function, "version": version}
        self.finished = {}  # key of the arguments: (result, seconds)
        self.lines, self.bytes = 0, 0  # how far the file has been read
        self.has_end = True  # whether what was read ends in a newline
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
            self._read(file)
            if key is None or key in self.finished:
                return
            run = {"arguments": json.loads(key), "result": json.loads(text), "seconds": seconds}
            line = b"\n" * (not self.has_end) + json.dumps(self.code | run).encode() + b"\n"
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
        """Read the new lines, also one that lacks its newline: nobody is writing it now."""
        file.seek(self.bytes)
        new = file.read()
        for line in new.removesuffix(b"\n").split(b"\n") if new else ():
            self.lines += 1
            if line.strip() or self.bytes == 0:
                self._take(line.rstrip(ZERO))
            self.bytes += len(line) + 1
        if new:
            self.has_end = new.endswith(b"\n")
            self.bytes -= not self.has_end

    def _take(self, line):
        entry, is_cut_off = _entry(line), line.startswith(START)
        is_short = self.bytes > 0 and START.startswith(line)  # too short to be the first line
        if not (entry or is_cut_off or is_short):
            raise ValueError(
                f"{self.path} is not a store, and was not changed: its line {self.lines} is not a "
                "finished run; choose another name"
            )
        if entry and self.code.items() <= entry.items():
            self.finished[to_text(entry["arguments"])] = entry["result"], entry["seconds"]


def _entry(line):
    """Return the finished run that a line holds, or None."""
    with suppress(ValueError, AttributeError, RecursionError):
        entry = json.loads(line, object_hook=restored)
        return entry if entry.keys() == FIELDS else None


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

    Raises ValueError if the source does not say all that the function does, or cannot be found.
    """
    try:
        if not inspect.isfunction(fn) or fn.__closure__:
            raise TypeError
        module = inspect.getmodule(fn)
        # A notebook has no file, but it keeps the source of each cell.
        source = inspect.getsource(module) if hasattr(module, "__file__") else ""
        texts = [source, inspect.getsource(fn), *_details(fn)]
    except (OSError, TypeError):
        raise ValueError(
            f"the source of {fn!r} does not say all that it does: pass version='...', a name that "
            "you change when the code changes"
        ) from None
    paths = (path for path in sorted(HELPERS.rglob("*.py")) if path.parent.name not in QUESTIONS)
    texts += (path.read_text(encoding="utf-8") for path in paths)
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:12]


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
