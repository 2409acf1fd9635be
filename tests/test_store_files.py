"""Files that were cut off are repaired; files that are something else keep every byte."""

import io
import os
from functools import partial

import numpy as np
import pytest
import runs
from runs import ROOT, cube, marks, square, stored

from helpers.studies import sweeps

folder, store = runs.folder, runs.store


def test_a_half_written_last_line_is_repaired_wherever_it_broke(folder, store):
    grid = {"x": [1, 2, 3], "folder": [folder]}
    run = partial(sweeps.run, square, grid, store=store, version="1", progress=False)
    rows, whole = run(), store.read_bytes()
    last = whole.rindex(b'{"function"')
    for cut in range(last, len(whole)):
        for zeros in (b"", b"\0\0")[: 1 + (cut % 20 == 0 or cut == len(whole) - 1)]:
            store.write_bytes(whole[:cut] + zeros)  # a power failure leaves some
            assert [row.result for row in run()] == [row.result for row in rows]
            assert stored(store) == [1, 2, 3]
            assert store.read_bytes().startswith(whole[:last])
    lost = len(whole) - 1 - last  # a line that lacked only its newline was not run again
    assert lost < marks(folder).pop(3) < 1.2 * lost
    assert {x: count for x, count in marks(folder).items() if x < 3} == {1: 1, 2: 1}


def test_a_first_line_is_repaired_as_soon_as_it_can_be_told(store):
    sweeps.run(cube, {"x": [1]}, store=store, version='of "mine" \\')
    whole = store.read_bytes()
    told = whole.index(b'"arguments": ') + len(b'"arguments": ')
    for cut in range(told, len(whole)):
        store.write_bytes(whole[:cut])
        assert sweeps.run(cube, {"x": [2]}, store=store, progress=False)[0].result == 8
        assert stored(store) == ([1, 2] if cut == len(whole) - 1 else [2])


def saved_net():
    import torch

    file = io.BytesIO()
    torch.save(torch.nn.Linear(3, 2).state_dict(), file)
    return file.getvalue()


def arrays():
    file = io.BytesIO()
    np.savez(file, x=np.eye(3))
    return file.getvalue()


@pytest.mark.parametrize("join", [b"\r", b"", b", ", b" and "])
def test_whole_runs_on_one_line_are_never_thrown_away(store, join):
    """They begin as a line does that was cut off, and are none."""
    sweeps.run(cube, {"x": [1, 2]}, store=store)
    whole = join.join(store.read_bytes().splitlines())
    store.write_bytes(whole)
    with pytest.raises(ValueError, match="its line 1 is not a finished run"):
        sweeps.run(cube, {"x": [3]}, store=store)
    assert store.read_bytes() == whole


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes on Windows")
def test_a_pipe_is_refused_and_not_waited_for(store):
    os.mkfifo(store)
    with pytest.raises(OSError, match=r"^the store \S+ is no file, but a device or a pipe"):
        sweeps.run(cube, {"x": [1]}, store=store)


OTHERS = {
    "a text": b"Ideas for the talk\n\n1. skips\n2. starts",
    "a line without its newline": b"call her at noon",
    "a CSV": b"layers,skip,error\n20,none,0.1\n",
    "a JSON table": b'{\n "made": {},\n "rows": [\n  {"layers": 20}\n ]\n}\n',
    "JSON in one line": b'{"rows": [1, 2, 3]}',
    "half of a JSON table": b'{"rows": [{"layers": 20}, {"lay',
    "JSON that begins like ours": b'{"function": "tanh", "layers": 20}',
    "half of JSON that begins like ours": b'{"function": "tanh", "lay',
    "JSON that begins much like ours": b'{"function": "f", "version": "1", "arguments": 2}',
    "too little to tell": b'{"func',
    "other JSON lines": b'{"x": 1}\n{"x": 2}\n',
    "numbers": b"5\n",
    "deep JSON": b"[" * 100_000 + b"\n",
    "one space": b" ",
    "one newline": b"\n",
    "blank lines": b"\n \n\n",
    "a mark of Unicode": b"\xef\xbb\xbf",
    "UTF-16": "a text\n".encode("utf-16"),
    "zeros": bytes(4096),
    "a saved net": saved_net(),
    "saved arrays": arrays(),
    "a notebook": b'{\n "cells": [],\n "metadata": {},\n "nbformat": 4,\n "nbformat_minor": 5\n}\n',
    "a program": (ROOT / "helpers" / "block.py").read_bytes(),
}


@pytest.mark.parametrize("content", OTHERS.values(), ids=OTHERS)
def test_a_file_that_is_not_a_store_is_refused_and_keeps_every_byte(folder, store, content):
    store.write_bytes(content)
    with pytest.raises(ValueError, match=r"^\S*runs\.jsonl is not a store, and was not changed: "):
        sweeps.run(square, {"x": [1], "folder": [folder]}, store=store)
    assert store.read_bytes() == content
    assert marks(folder) == {}


IN_THE_MIDDLE = {name: OTHERS[name] for name in ("a text", "a CSV", "numbers", "zeros")}

IN_THE_MIDDLE |= {"half a line": b'{"function": "squ', "other bytes": b"\xff\xfe"}

AT_THE_END = ["a text", "numbers", "a line without its newline", "JSON in one line"]

AT_THE_END += ["half of a JSON table", "JSON that begins like ours", "one space"]


@pytest.mark.parametrize(
    ("content", "number"),
    [(b"\n" + content + b"\n", 3) for content in IN_THE_MIDDLE.values()]
    + [(OTHERS[name], 2) for name in AT_THE_END],
)
def test_a_store_with_something_else_in_it_is_refused_too(folder, store, content, number):
    run = partial(sweeps.run, square, store=store)
    run({"x": [1, 2], "folder": [folder]})
    first, second = store.read_bytes().splitlines(keepends=True)
    whole = first + content + second * (number == 3)
    store.write_bytes(whole)
    with pytest.raises(ValueError, match=rf"its line {number} is not a finished run"):
        run({"x": [1, 2, 3], "folder": [folder]})
    assert store.read_bytes() == whole
    assert marks(folder) == {1: 1, 2: 1}


def test_a_file_that_becomes_something_else_during_the_sweep_is_left_alone(store):
    rows = sweeps.iterate(cube, {"x": [1, 2, 3]}, store=store)
    next(rows)
    with store.open("a") as file:
        file.write("a note\n")
    whole = store.read_bytes()
    with pytest.raises(ValueError, match=r"its line 2 is not a finished run"):
        list(rows)
    assert store.read_bytes() == whole


def test_a_store_that_is_moved_away_during_the_sweep_is_begun_anew(store):
    rows = sweeps.iterate(cube, {"x": [10**9, 9, *range(5)]}, store=store, version="1")
    assert [next(rows).result for _ in range(2)] == [10**27, 729]
    store.rename(store.with_suffix(".old"))
    assert [row.result for row in rows] == [0, 1, 8, 27, 64]
    assert stored(store) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("change", [b"", b"\n", b"\n\n"])
def test_an_empty_file_and_blank_lines_that_an_editor_left_are_fine(store, change):
    store.touch()
    sweeps.run(cube, {"x": [1]}, store=store)
    store.write_bytes(store.read_bytes().replace(b"\n", b"\r\n") + change)
    sweeps.run(cube, {"x": [1, 2]}, store=store)
    assert [row.result for row in sweeps.run(cube, {"x": [1, 2]}, store=store)] == [1, 8]
