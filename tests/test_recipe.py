"""The command: from the bytes of the CIFAR-10 archive to rows of JSON, on a very small archive."""

import inspect
import json
import re

import numpy as np
import pytest
import small_cifar10
import torch
from small_paper import without_times

from helpers import nets
from helpers.studies import paper, recipe, sweeps
from helpers.studies.cifar10 import cifar10

official = small_cifar10.official


@pytest.fixture
def archive(official):
    return official()


def lines(text):
    return [json.loads(line) for line in text.splitlines()]


def test_from_the_archive_to_rows(archive, tmp_path, capsys):
    """The command trains the paper's net on the paper's images: the same rows as by hand."""
    out = tmp_path / "out"
    words = f"--layers 8 --skip none --seed 2 --data {archive.parent} --iterations 3 --device cpu"
    recipe.main([*words.split(), "--out", str(out)])
    said = lines(capsys.readouterr().out)
    (name,) = {path.stem for path in out.iterdir()}
    assert re.fullmatch("8-none-2-[0-9a-f]{8}", name)  # other than 64,000 steps
    assert said == lines((out / f"{name}.jsonl").read_text("utf-8"))
    pixels = cifar10(archive)
    net = nets.convolutional(8, "none", start="he", shortcut="A", seed=2, channels=3)
    rows = paper.train(net, pixels, seed=2, iterations=3, device="cpu")
    assert without_times(said) == [
        {"layers": 8, "skip": "none", "seed": 2} | row for row in without_times(rows)
    ]
    kept = torch.load(out / f"{name}.pt", weights_only=True)
    assert all(torch.equal(value, kept["net"][name]) for name, value in net.state_dict().items())


def test_the_study_of_the_paper_is_one_sweep(archive, tmp_path):
    """``run`` takes and returns what a sweep can send and store; notebook 8 does so."""
    grid = {"layers": [8], "skip": ["none", "inside"], "seed": range(2), "data": [str(archive)]}
    grid |= {"out": [str(tmp_path)], "iterations": [1], "device": ["cpu"]}
    rows = sweeps.run(recipe.run, grid, store=tmp_path / "runs.jsonl", progress=False)
    assert [row.error for row in rows] == [None] * 4
    assert [row.result["iteration"] for row in rows] == [1] * 4
    assert len({row.result["training loss"] for row in rows}) == 4


def test_a_finished_training_is_not_done_again(archive, tmp_path, monkeypatch, capsys):
    options = {"data": archive, "out": tmp_path / "out", "iterations": 2, "device": "cpu"}
    once = recipe.run(8, **options)
    monkeypatch.setattr(paper, "augmented", None)  # a step would fail
    assert recipe.run(8, **options) == once
    first, second = lines(capsys.readouterr().out)
    assert first == second
    (rows,) = (tmp_path / "out").glob("*.jsonl")
    assert len(lines(rows.read_text("utf-8"))) == 1


def test_other_settings_have_files_of_their_own(archive, tmp_path, monkeypatch):
    """In a grid over them, no run may take the checkpoint of another for its own."""
    options = {"data": archive, "out": tmp_path / "out", "device": "cpu"}
    grid = [
        {},
        {"images": 30},
        {"batch": 16},
        {"iterations": 2},
        {"iterations": 2, "images": 30},
        {"window": 1},
    ]
    settings = [
        {"iterations": 1} | other for other in [*grid, {"measure_every": 1}, {"fast": True}]
    ]
    for other in settings:
        recipe.run(8, **options, **other)
    assert len(list((tmp_path / "out").glob("8-inside-0-*.pt"))) == len(settings)
    monkeypatch.setattr(paper, "augmented", None)  # a step would fail
    for other in settings:  # each finds its own again, whatever the numbers are made of
        recipe.run(8, **options, **{name: np.int64(value) for name, value in other.items()})
    assert len(list((tmp_path / "out").glob("*.pt"))) == len(settings)


def test_the_usual_settings_are_those_of_the_training_and_have_plain_names(
    archive, tmp_path, monkeypatch
):
    asked = [inspect.signature(function).parameters for function in (recipe.run, paper.train)]
    defaults = {name: one.default for part in asked for name, one in part.items()}
    assert {name: defaults[name] for name in recipe.USUAL} == recipe.USUAL
    monkeypatch.setattr(
        paper, "train", lambda net, data, *, checkpoint, **_: [{"name": checkpoint.name}]
    )
    assert recipe.run(8, data=archive, out=tmp_path, **recipe.USUAL) == {"name": "8-inside-0.pt"}


@pytest.mark.parametrize(("layers", "warm_up"), [(104, False), (110, True)])
def test_only_nets_of_110_layers_or_more_are_warmed_up(
    archive, tmp_path, monkeypatch, layers, warm_up
):
    asked = {}
    monkeypatch.setattr(
        paper, "train", lambda net, data, **options: asked.update(options) or [{"iteration": 1}]
    )
    recipe.run(layers, data=archive, images=5, out=tmp_path)
    assert asked["warm_up"] is warm_up


def test_a_mistake_is_answered_by_a_sentence(archive, tmp_path, capsys):
    for words, sentence in (
        ("--layers 21", "layers = 21, but a net of three stages has 6n + 2 of them"),
        (
            "--layers 20 --skip sideways",
            "skip = 'sideways' is not known; use one of 'none', 'inside', 'outside'",
        ),
        (
            f"--layers 20 --data {tmp_path / 'nowhere'}",
            "is missing; fetch it with cifar10(download=True)",
        ),
        (f"--layers 8 --data {archive} --out {tmp_path} --seed -1", "seed = -1, but"),
        (
            f"--layers 8 --data {archive} --out {tmp_path} --device tpu",
            "device = 'tpu', but this machine has cpu",
        ),
    ):
        with pytest.raises(SystemExit) as error:
            recipe.main(words.split())
        assert error.value.code == 2
        assert sentence in capsys.readouterr().err


def test_an_interrupt_says_how_to_go_on(archive, tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(paper, "augmented", interrupted)
    words = f"--layers 8 --data {archive} --out {tmp_path} --device cpu".split()
    with pytest.raises(
        SystemExit, match="Run the same command again to continue from the last checkpoint"
    ):
        recipe.main(words)
    with pytest.raises(SystemExit, match=r"^Stopped\.$"):  # which keeps none
        recipe.main([*words, "--speed", "2"])


def test_speed_needs_no_data(capsys):
    recipe.main(["--layers", "8", "--skip", "none", "--device", "cpu", "--speed", "2"])
    (said,) = lines(capsys.readouterr().out)
    assert 0 < said.pop("seconds per step") < 60
    assert said == {"layers": 8, "skip": "none", "device": "cpu", "fast": False}


def test_speed_leaves_the_first_steps_out(monkeypatch):
    """The first ones choose algorithms and fetch memory; the later ones tell the cost."""
    rows = [{"iteration": 5, "seconds per step": 9.0}, {"iteration": 10, "seconds per step": 0.5}]
    asked = {}
    monkeypatch.setattr(
        paper, "train", lambda net, data, **options: asked.update(options, data=data) or iter(rows)
    )
    assert recipe.speed(8, steps=5) == 0.5
    assert asked["data"][0].shape[1:] == (3, 32, 32)
    assert (asked["iterations"], asked["window"], asked["batch"]) == (10, 5, 128)
