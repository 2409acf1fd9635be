"""The study of depth: a small one is run, run again from its store, and read."""

import inspect
import json
import platform
import re
from pathlib import Path

import pytest
import torch
from test_photographs import paint

from helpers import nets, training
from helpers.inputs.data import tensors
from helpers.studies import depths, photographs, sweeps

SMALL = depths.grid(layers=(8, 14), seeds=(0, 1), rates=(0.01, 0.05), width=2, epochs=1, batch=480)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    home = tmp_path_factory.mktemp("study")
    table = depths.run(
        SMALL,
        target=home / "results" / "table.json",
        store=home / "build" / "study.jsonl",
        workers=0,
    )
    return home, table


def test_every_net_is_in_the_table_once(small):
    home, table = small
    keys = [
        (row["layers"], row["skip"], row["learning_rate"], row["seed"]) for row in table["rows"]
    ]
    assert keys == sorted(
        (n, skip, rate, seed)
        for n in (8, 14)
        for skip in depths.ARMS
        for rate in (0.01, 0.05)
        for seed in (0, 1)
    )
    assert depths.stored(home / "results" / "table.json") == table
    assert all(
        0 <= row[of] <= 1 for row in table["rows"] for of in ("training error", "test error")
    )
    assert table["setting"] == {"width": 2, "epochs": 1, "batch": 480}


def test_a_table_says_where_when_and_by_which_code_it_was_made(small):
    made = small[1]["made"]
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", made["date"])
    assert all(made[name] for name in ("processor", "cores", "python", "torch", "numpy"))
    assert made["commit"] is None or re.fullmatch(r"[0-9a-f]{40}( and changes)?", made["commit"])


def test_the_commit_is_that_of_the_course_wherever_one_is(monkeypatch, tmp_path):
    here = depths.circumstances()["commit"]
    monkeypatch.chdir(tmp_path)  # which is no repository: of its own it has none
    assert depths.circumstances()["commit"] == here


def test_a_processor_that_names_no_model_is_called_by_its_kind(monkeypatch):
    """As Linux on ARM: a Raspberry Pi, or a container on a Mac."""
    usual = Path.read_text

    def read_text(path, **how):
        return "processor\t: 0\n" if path.name == "cpuinfo" else usual(path, **how)

    monkeypatch.setattr(Path, "read_text", read_text)
    monkeypatch.setattr(platform, "processor", lambda: "")
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    assert depths.circumstances()["processor"] == "aarch64"


def test_what_is_finished_is_not_run_again(small, monkeypatch):
    home, table = small
    monkeypatch.setattr(depths, "Stack", None)  # any training would fail
    again = depths.run(
        SMALL, target=home / "again.json", store=home / "build" / "study.jsonl", workers=0
    )
    assert again["rows"] == table["rows"]


def test_a_failed_run_stops_the_study_before_a_table_is_written(tmp_path, monkeypatch):
    def train_arm(layers, **others):
        if layers == 14:
            raise MemoryError("too little")
        return []

    monkeypatch.setattr(depths, "train_arm", train_arm)
    monkeypatch.setattr(depths, "code_version", lambda fn: "1")
    with pytest.raises(RuntimeError, match=r"4 of 8 runs failed; .*: MemoryError: too little"):
        depths.run(SMALL, target=tmp_path / "table.json", workers=0)
    assert not (tmp_path / "table.json").exists()


# What no net can be trained with: words of the command, and of its sentence.
REFUSED = {
    "--layers 8 21": "layers = 21, but a net of three stages has 6n",
    "--arms none skip": "skip = 'skip'",
    "--rates 0.1 0": "learning_rate = 0.0, but it must be a number above 0",
    "--rates nan": "learning_rate = nan",
    "--seeds 0 -1": "seed = -1",
    "--epochs 0": "epochs = 0, but it must be a whole number above 0",
    "--batch 0": "batch = 0",
    "--width 0": "width = 0",
    "--images 0": "images = 0",
    "--images 2000": "there are 1437 images, fewer than the 2000",
    "--images 3": "3 images, spread evenly, leave 8 of 10 classes without any, such as ",
    "--workers -1": "workers = -1, but it must be a whole number from 0 on",
    "--device mps": "device = 'mps', but this machine has cpu",
}


@pytest.mark.parametrize("words", REFUSED)
def test_what_cannot_be_trained_is_refused_before_the_first_run(words, tmp_path, monkeypatch):
    monkeypatch.setattr(depths, "ROOT", tmp_path)
    monkeypatch.setattr(depths, "_finish", None)
    with pytest.raises(SystemExit, match=rf"^{re.escape(REFUSED[words])}"):
        depths.main(["--epochs", "1", *words.split()])


def test_all_that_a_run_is_told_can_be_said_on_the_command_line(capsys):
    with pytest.raises(SystemExit):
        depths.main(["--help"])
    options = set(re.findall("--([a-z0-9]+)", capsys.readouterr().out))
    told = set(inspect.signature(depths.train_arm).parameters) - {"skip", "learning_rate"}
    assert options >= told | {"arms", "rates"}


def test_what_is_asked_for_twice_is_trained_once():
    twice = {"layers": (8, 14, 8), "seeds": (0, 1, 0), "rates": (0.1, 0.1), "arms": ("none",) * 2}
    once = {"layers": (8, 14), "seeds": (0, 1), "rates": (0.1,), "arms": ("none",)}
    assert depths.grid(**twice) == depths.grid(**once)
    assert len(depths.grid(**once)) == 2


def test_an_interrupt_comes_through_and_keeps_what_is_finished(tmp_path, monkeypatch):
    """The command answers it with a sentence; a table is not written."""
    finished = []

    def train_arm(**arguments):
        if finished:
            raise KeyboardInterrupt
        finished.append(arguments)
        return []

    monkeypatch.setattr(depths, "train_arm", train_arm)
    monkeypatch.setattr(depths, "code_version", lambda fn: "1")
    with pytest.raises(KeyboardInterrupt):
        depths.run(SMALL, target=tmp_path / "table.json", store=tmp_path / "study.jsonl", workers=0)
    assert not (tmp_path / "table.json").exists()
    assert len((tmp_path / "study.jsonl").read_text(encoding="utf-8").splitlines()) == 1


def test_the_same_net_alone_gives_the_same_numbers(small):
    rows = [
        row
        for row in small[1]["rows"]
        if (row["layers"], row["skip"], row["learning_rate"]) == (8, "inside", 0.05)
    ]
    alone = depths.train_arm(8, "inside", 0.05, seeds=[1], width=2, epochs=1, batch=480)[0]
    assert alone["training loss"] == pytest.approx(rows[1]["training loss"], rel=1e-3)


def test_a_net_is_trained_as_training_does_it():
    """``training.fair`` is the oracle: the same initial numbers, batches and steps."""
    sizes = {"width": 2, "channels": 1, "classes": 10}
    rules = {"epochs": 2, "batch": 480, "optimizer": depths.SGD}
    (expected,) = training.fair(
        lambda seed: nets.convolutional(8, "none", seed=seed, **sizes), photographs.read().images,
        rates=[0.05], seeds=[3], **rules,
    )[0.05]  # fmt: skip
    (found,) = depths.train_arm(8, "none", 0.05, seeds=[3], width=2, epochs=2, batch=480)
    assert found["training loss"] == pytest.approx(expected.final_loss, rel=1e-4)
    assert found["test error"] == pytest.approx(expected.final_test_error, abs=0.01)
    assert found["diverged"] is False


def test_a_net_that_diverges_has_no_numbers():
    (found,) = depths.train_arm(8, "none", 1e30, seeds=[0], width=2, epochs=1, batch=480)
    assert found == {"seed": 0, "diverged": True} | dict.fromkeys(depths.FINAL)


@pytest.fixture
def photos(tmp_path):
    return paint(tmp_path / "my photographs")


def test_augmented_images_are_crops_of_their_own_images(photos, monkeypatch):
    """The paper's crops and flips, drawn anew in each step, and for each net and image."""
    data = tensors(photographs.read(photos).images, "cpu", torch.float32)
    many = [nets.convolutional(8, channels=3, width=2, classes=2, seed=seed) for seed in (0, 1)]
    stack = depths._Augmented(many, data, [0.1] * 2, [0, 1], depths.SGD)
    chosen = torch.tensor([[0, 9], [9, 0]])
    first, second = stack.images(chosen), stack.images(chosen)
    assert first.shape == (2, 2, 3, 32, 32)
    assert not torch.equal(first, second)
    blue = (first[:, :, 2] > first[:, :, 0]).flatten(2).any(dim=2)
    assert blue.tolist() == [[True, False], [False, True]]
    borders = (first == 0).all(dim=2).float().mean(dim=(2, 3))
    assert len(borders.unique()) > 1
    stack.learn(4)
    assert stack.steps == 2 + 4


def test_options_reach_the_training(photos):
    plain = {"seeds": [0], "width": 2, "epochs": 1, "batch": 4, "data": str(photos)}
    rows = [
        depths.train_arm(8, "inside", 0.05, **plain | more)[0]
        for more in ({}, {"augment": True}, {"bfloat16": True}, {"images": 8}, {"device": "cpu"})
    ]
    losses = [row["training loss"] for row in rows]
    assert losses[0] == losses[-1]
    assert len(set(losses)) == 4
    assert losses[2] == pytest.approx(losses[0], rel=0.2)


QUICK = "--layers 8 --seeds 0 --width 2 --epochs 1 --batch 8 --workers 0"


def test_the_command_asks_the_question_of_any_folder(photos, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(depths, "ROOT", tmp_path)
    words = [*QUICK.split(), "--rates", "0.01", "0.1", "--data", str(photos)]

    def ask(*more):
        depths.main([*words, *more])
        return depths.stored(tmp_path / "build" / "study.json"), capsys.readouterr().out

    table, said = ask("--workers", "0")
    assert re.findall(r"(\d) of 4 runs are done, about \d+ minutes left", said) == list("1234")
    assert f"written to {tmp_path / 'build' / 'study.json'}" in said
    assert "20 images in 2 classes: 16 to train, 4 to test. Files skipped: 0." in said
    assert re.search(r"skip = inside: 8 layers \d+\.\d% at 0\.0?1", said)
    assert table["setting"] == {"width": 2, "epochs": 1, "batch": 8, "data": "my photographs"}
    assert len(table["rows"]) == 4
    assert "earlier" not in table
    assert str(tmp_path) not in json.dumps(table)
    # Another seed extends the table; another setting replaces it.
    table, _ = ask("--seeds", "1")
    assert [row["seed"] for row in table["rows"]] == [0, 1] * 4
    assert len(table["earlier"]) == 1
    table, _ = ask("--images", "8", "--name", "Colours")
    assert table["setting"]["data"] == "Colours"
    assert table["setting"]["images"] == 8
    assert len(table["rows"]) == 4
    table, _ = ask("--images", "8", "--name", "Colours", "--arms", "outside")
    assert [row["skip"] for row in table["rows"]] == ["inside"] * 2 + ["none"] * 2 + ["outside"] * 2


def test_other_pictures_of_the_same_name_are_trained_and_not_mixed(photos, tmp_path, monkeypatch):
    monkeypatch.setattr(depths, "ROOT", tmp_path)
    words = [*QUICK.split(), "--rates", "0.1", "--data", str(photos)]
    losses, one, other = [], photos / "red" / "01.png", photos / "blue" / "01.png"
    for seed in ("0", "1", "1"):
        depths.main([*words, "--seeds", seed])
        table = depths.stored(tmp_path / "build" / "study.json")
        losses.append({row["seed"]: row["training loss"] for row in table["rows"]})
        if seed == "1":
            one.write_bytes(other.read_bytes())
            photographs.read.cache_clear()  # as a new process has it
    assert [list(each) for each in losses] == [[0], [0, 1], [1]]
    assert losses[1][1] != losses[2][1]


def test_a_tilde_is_the_home_folder(at_home):
    """Of a shell it comes only where it begins a word: not in --target=~/table.json."""
    for seed in (0, 1):
        one = depths.grid((8,), (seed,), (0.1,), ("none",), width=2, epochs=1, batch=480)
        depths.run(one, target="~/table.json", store="~/new/study.jsonl", workers=0)
    assert [row["seed"] for row in depths.stored("~/table.json")["rows"]] == [0, 1]
    assert (at_home / "new" / "study.jsonl").exists()


def test_the_table_of_the_course_is_kept_unless_all_is_asked_as_there(tmp_path, monkeypatch):
    monkeypatch.setattr(depths, "ROOT", tmp_path)
    monkeypatch.setattr(depths, "RESULTS", tmp_path / "of_the_course.json")
    targets = []

    def run(runs, target, **others):
        targets.append(target.name)
        return {"rows": []}

    monkeypatch.setattr(depths, "run", run)
    for words in ("", "--layers 20 --seeds 7", "--epochs 1", "--images 500", "--data ~/pictures"):
        depths.main(words.split())
    assert targets == ["of_the_course.json"] + ["study.json"] * 4


def test_a_target_elsewhere_writes_nothing_into_the_course(photos, tmp_path, monkeypatch):
    """Its folder may be read-only."""
    monkeypatch.setattr(depths, "ROOT", tmp_path)
    (tmp_path / "build").write_text("no folder can be here", encoding="utf-8")
    target = tmp_path / "new" / "table.json"
    depths.main([*QUICK.split(), "--rates", "0.1", "--data", str(photos), "--target", str(target)])
    assert sorted(path.name for path in target.parent.iterdir()) == [
        "table.json", "table.json.runs"
    ]  # fmt: skip
    assert (tmp_path / "build").is_file()


def test_images_stay_in_memory_only_where_they_are_trained_on(monkeypatch, tmp_path):
    held = []

    def finish(runs, store, workers, version):
        held.append(photographs.read.cache_info().currsize)
        return []

    monkeypatch.setattr(depths, "_finish", finish)
    for workers in (0, None):
        photographs.read.cache_clear()
        depths.run(SMALL, target=tmp_path / "table.json", workers=workers)
    assert held == [1, 0]


def test_the_nets_fit_the_images(photos, monkeypatch):
    made, build = [], nets.convolutional
    monkeypatch.setattr(nets, "convolutional", lambda *a, **k: made.append(k) or build(*a, **k))
    depths.train_arm(8, "none", 0.05, seeds=[3], width=2, epochs=1, data=str(photos))
    assert made == [{"seed": 3, "channels": 3, "classes": 2, "width": 2}]


def test_the_command_says_in_one_sentence_what_it_cannot_read(tmp_path, monkeypatch):
    monkeypatch.setattr(depths, "ROOT", tmp_path)
    words = ["--data", "nowhere", "--rates", "0.1", "1", "--layers", "8", "--workers", "0"]
    monkeypatch.setattr(depths, "train_arm", None)  # images are read before the first run
    with pytest.raises(SystemExit, match=r"^there is no folder .*nowhere"):
        depths.main(words)


def test_the_nets_of_a_run_share_its_seconds():
    run = depths.grid(layers=(20,), seeds=(0, 1), rates=(0.1,))[0]
    nets_of_run = depths._nets(sweeps.Row(run, [{"seed": 0}, {"seed": 1}], None, 60.0))
    arm = {"layers": 20, "skip": "none", "learning_rate": 0.1, "seconds": 30.0}
    assert nets_of_run == [arm | {"seed": seed} for seed in (0, 1)]


def test_the_time_that_is_left_counts_layers():
    runs = depths.grid(layers=(20, 56), seeds=(0,), rates=(0.1,))
    rows = [sweeps.Row(run, [], None, 60 * run["layers"]) for run in runs]
    assert depths._progress(runs, rows[:1], 1).endswith("about 96 minutes left")
    assert depths._progress(runs, rows[:2], 2).endswith("about 20 minutes left")
    assert depths._progress(runs, rows, 2) == "4 of 4 runs are done, about 0 minutes left"


def test_the_whole_grid_is_that_of_the_paper():
    runs = depths.grid()
    assert {run["layers"] for run in runs} == {20, 32, 44, 56, 110}
    assert {run["skip"] for run in runs} == {"none", "inside"}
    assert all(run["seeds"] == [0, 1, 2, 3, 4] for run in runs)
    assert runs[0]["layers"] == 110
    assert len(runs) == 5 * 2 * 5
    assert len({json.dumps(run) for run in runs}) == len(runs)


def test_the_stored_table_is_complete_and_of_the_usual_setting():
    table = depths.stored()
    keys = {
        (row["layers"], row["skip"], row["learning_rate"], row["seed"]) for row in table["rows"]
    }
    assert len(keys) == len(table["rows"]) == 250
    assert keys == {
        (run["layers"], run["skip"], run["learning_rate"], seed)
        for run in depths.grid()
        for seed in range(5)
    }
    assert table["setting"] == depths.SETTING
    assert re.fullmatch(r"[0-9a-f]{40}", table["made"]["commit"])


def test_the_stored_table_of_photographs_compares_both_arms_alike():
    """The same depths, rates and seeds for both; it says of what it is, and how it was made."""
    table = depths.stored(depths.RESULTS.with_name("cifar10.json"))
    depths.errors(table)
    of_arm = {
        skip: [
            (row["layers"], row["learning_rate"], row["seed"])
            for row in table["rows"]
            if row["skip"] == skip
        ]
        for skip in depths.ARMS
    }
    assert of_arm["none"] == of_arm["inside"]
    rates = {row["learning_rate"] for row in table["rows"]}
    assert len(rates) >= 2
    assert table["setting"]["data"] == "CIFAR-10 (JPEG copy)"
    assert {"width", "epochs", "batch", "images"} <= table["setting"].keys()
    for made in (table["made"], *table.get("earlier", ())):
        assert re.fullmatch(r"[0-9a-f]{40}", made["commit"])
