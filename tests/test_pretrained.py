"""torchvision's weights in our ResNet-34: the same scores; and a sentence for every other file."""

import copy
import json
import urllib.error
from pathlib import Path

import numpy as np
import oracle
import pytest
import torch
from blocks import random_images
from PIL import Image

from helpers import nets
from helpers.files.torchvision import renamed
from helpers.studies import pretrained

theirs = oracle.theirs
NOTEBOOK = Path(__file__).resolve().parent.parent / "notebooks" / "06_resnets_on_images.ipynb"


@pytest.fixture(scope="module")
def like():
    """What our net has to be filled with; on the device meta, for names and shapes only."""
    with torch.device("meta"):
        return nets.resnet34(shortcut="B").state_dict()


@pytest.fixture(scope="module")
def weights(theirs):
    return theirs.state_dict()


def test_our_net_has_the_scores_of_torchvisions(theirs, weights):
    """In 64 bits, where rounding is far below what one wrong tensor would change."""
    ours, theirs = pretrained.resnet34(weights).double(), copy.deepcopy(theirs).double()
    images = random_images(3, 3, 96, 64).double()
    near = {"rtol": 1e-9, "atol": 1e-9}
    with torch.no_grad():
        torch.testing.assert_close(ours(images), theirs(images), **near)
        assert not torch.allclose(*ours(images)[:2], **near)
        single = copy.deepcopy(ours).float()(images.float())
        torch.testing.assert_close(single.double(), theirs(images), rtol=1e-4, atol=1e-4)
        # In train mode the statistics are those of the batch, and the running ones move alike.
        torch.testing.assert_close(ours.train()(images), theirs.train()(images), **near)
    for mine, other in zip(ours.buffers(), theirs.buffers(), strict=True):
        torch.testing.assert_close(mine, other, **near)


@pytest.mark.parametrize(
    ("make", "sizes"),
    [
        (lambda models: models.resnet18(), {"blocks": (2, 2, 2, 2)}),
        (lambda models: models.resnet34(num_classes=10), {"classes": 10}),
    ],
    ids=["ResNet-18", "ten classes"],
)
def test_nets_of_other_sizes_have_the_scores_of_torchvisions(make, sizes):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        theirs = oracle.moved(make(oracle.torchvision().models))
    ours = pretrained.resnet34(theirs.state_dict(), **sizes)
    images = random_images(2, 3, 64, 96)
    with torch.no_grad():
        torch.testing.assert_close(ours(images), theirs(images), rtol=1e-4, atol=1e-4)


def test_weights_in_half_precision_are_taken_as_they_are(weights):
    halves = {name: w.half() if w.is_floating_point() else w for name, w in weights.items()}
    taken = pretrained.resnet34(halves).state_dict()
    assert torch.equal(taken["3.first.0.weight"], halves["layer1.0.conv1.weight"].float())
    assert taken["3.first.0.weight"].dtype == torch.float32


def test_names_decide_and_not_the_order(weights, like):
    shuffled = dict(sorted(weights.items(), key=lambda pair: pair[0][::-1]))
    assert list(shuffled) != list(weights)
    found = renamed(shuffled, like)
    for (name, tensor), expected in zip(found.items(), weights.values(), strict=True):
        assert tensor is expected, name


def test_another_depth_is_renamed_alike():
    blocks = [nets.convolutional_block(a, b, s, shortcut="B") for a, b, s in (
        (4, 4, 1), (4, 4, 1), (4, 8, 2), (8, 8, 1))]  # fmt: skip
    net = torch.nn.Sequential(nets.convolution(3, 4, 7), torch.nn.ReLU(), torch.nn.ReLU(), *blocks)
    names = {
        "conv1.weight",
        "layer1.1.bn2.bias",
        "layer2.0.downsample.0.weight",
        "layer2.1.bn1.bias",
    }
    with pytest.raises(ValueError, match="the weights lack") as error:
        renamed({name: torch.zeros(1) for name in names | {"layer1.0.bn1.bias"}}, net.state_dict())
    assert not any(name in str(error.value) for name in names)


def test_files_checkpoints_and_prefixes_are_taken(weights, like, at_home):
    old = {name: value for name, value in weights.items() if "num_batches" not in name}
    forms = {
        "bare.pth": weights,
        "checkpoint.pth": {"epoch": 90, "state_dict": weights, "best_acc1": 73.3},
        "of torchvision's own training.pth": {"model": weights, "optimizer": {}, "epoch": 3},
        "parallel.pth": {f"module.{name}": value for name, value in weights.items()},
        "compiled.pth": {f"module._orig_mod.{name}": value for name, value in weights.items()},
    }
    for name, form in forms.items():
        torch.save(form, at_home / name)
        for place in (at_home / name, f"~/{name}"):
            found = renamed(place, like)
            assert all(map(torch.equal, found.values(), weights.values())), name
    found = renamed(old, like)  # as PyTorch wrote them before 2018
    assert sum(value.is_meta for value in found.values()) == len(weights) - len(old) == 36


def without(weights, name):
    return {key: value for key, value in weights.items() if key != name}


# What people have on their disks: how it is made, and words of the sentence.
WRONG = {
    "ResNet-50": (
        lambda w: oracle.torchvision().models.resnet50().state_dict(),
        "whose blocks have three layers, such as ResNet-50",
    ),
    "ResNet-18": (
        lambda w: oracle.torchvision().models.resnet18().state_dict(),
        r"have 8 blocks .* the net has 16: build it with blocks = \(2, 2, 2, 2\)$",
    ),
    "one tensor short": (
        lambda w: without(w, "layer3.4.bn2.running_var"),
        r"the weights lack layer3.4.bn2.running_var; the net has 218 tensors",
    ),
    "five short": (
        lambda w: {key: value for key, value in w.items() if not key.startswith("layer4.1.bn")},
        "lack layer4.1.bn1.bias, layer4.1.bn1.running_mean, layer4.1.bn1.running_var and 5 more",
    ),
    "one too many": (lambda w: w | {"attention": w["fc.bias"]}, "have attention, which the net"),
    "ten classes": (
        lambda w: w | {"fc.weight": torch.zeros(10, 512), "fc.bias": torch.zeros(10)},
        r"fc.weight has the shape \(10, 512\), .* \(1000, 512\): build the net with classes = 10",
    ),
    "another shape": (
        lambda w: w | {"conv1.weight": torch.zeros(64, 3, 3, 3)},
        r"conv1.weight has the shape \(64, 3, 3, 3\), and the net takes \(64, 3, 7, 7\)$",
    ),
    "names of another library": (
        lambda w: {f"body.{key}": value for key, value in w.items()},
        "have 0 blocks named as torchvision does",
    ),
    "a net": (lambda w: torch.nn.Linear(2, 2), "no weights but a Linear"),
    "numbers": (lambda w: {"epoch": 3}, "no weights but a dict"),
    "nothing": (lambda w: {}, "no weights but a dict"),
}


@pytest.mark.parametrize(("make", "words"), WRONG.values(), ids=WRONG)
def test_other_weights_are_refused_with_a_sentence(make, words, weights, like):
    with torch.device("meta"):
        made = make(weights)
    with pytest.raises(ValueError, match=words):
        renamed(made, like)


def test_the_shortcuts_of_option_A_have_no_place_for_weights(weights):
    with torch.device("meta"):
        like = nets.resnet34().state_dict()
    with pytest.raises(ValueError, match=r'and 15 more, which .* build it with shortcut = "B"$'):
        renamed(weights, like)


def test_files_of_something_else_are_refused_and_run_no_code(tmp_path, like):
    class Harm:
        def __reduce__(self):
            return (tmp_path / "harmed").touch, ()

    (tmp_path / "page.pth").write_text("<html>404</html>")
    torch.save({"fc.weight": Harm()}, tmp_path / "code.pth")
    torch.save(torch.nn.Linear(2, 2), tmp_path / "whole.pth")
    (tmp_path / "model.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0{}")
    said = dict.fromkeys(("page.pth", "code.pth", "whole.pth"), "save net.state_dict()")
    for name, mend in (said | {"model.safetensors": "safetensors.torch.load_file"}).items():
        sentence = f"{name} is no file of weights by torch.save, or is damaged .*{mend}"
        with pytest.raises(ValueError, match=sentence):
            renamed(tmp_path / name, like)
    assert not (tmp_path / "harmed").exists()
    with pytest.raises(FileNotFoundError, match="none"):
        renamed(tmp_path / "none.pth", like)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """An empty folder in which torchvision would keep its weights."""
    monkeypatch.setattr(torch.hub, "_hub_dir", None)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    return folder


def test_weights_are_looked_for_where_torchvision_keeps_them(hub):
    assert pretrained.folder() == hub
    assert pretrained.find() is None
    assert pretrained.class_names() is None
    for name in ("resnet34-b627a593.pth", "resnet34-333f7ec4.pth", "resnet50-0676ba61.pth"):
        (hub / name).touch()
    assert pretrained.find() == hub / "resnet34-b627a593.pth"
    names = oracle.torchvision().models.ResNet34_Weights.DEFAULT.meta["categories"]
    (hub / "imagenet_classes.txt").write_text("\n".join(names) + "\n", encoding="utf-8")
    assert pretrained.class_names() == names
    for encoding in ("utf-8-sig", "utf-16"):  # as editors, and Windows' shell, save it
        (hub / "imagenet_classes.txt").write_text("\n".join(names), encoding=encoding)
        if encoding == "utf-8-sig":
            assert pretrained.class_names() == names
    with pytest.raises(ValueError, match=r"imagenet_classes.txt is not in UTF-8: save it as UTF-8"):
        pretrained.class_names()
    (hub / "imagenet_classes.txt").write_text("tench\n", encoding="utf-8")
    with pytest.raises(ValueError, match="has 1 lines, but ImageNet has 1000 classes"):
        pretrained.class_names()
    with torch.device("meta"):
        assert oracle.torchvision().models.ResNet34_Weights.DEFAULT.url == pretrained.URL


def test_weights_that_cannot_be_fetched_give_one_sentence(hub, monkeypatch, capsys):
    def fetch(url, **settings):
        assert settings["check_hash"]
        if failing:
            raise failing.pop()

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", fetch)
    failing = [KeyboardInterrupt()]
    with pytest.raises(SystemExit, match=r"^Stopped\. Run the same command again"):
        pretrained.main()
    failing = [urllib.error.URLError("no network"), RuntimeError('invalid hash value "0"')]
    for cause in ("invalid hash value", "no network"):
        with pytest.raises(SystemExit, match=f"^{pretrained.URL} could not be fetched .*{cause}"):
            pretrained.main()
    pretrained.main()
    assert capsys.readouterr().out == f"the weights are in {hub}\n"


@pytest.mark.parametrize("content", [b"", b"<html>blocked</html>", b"PK\3\4" + bytes(9999)])
def test_damaged_weights_in_the_place_of_those_to_be_fetched_are_named(hub, content):
    """As a copy that was broken off, or the page of a proxy, leaves them."""
    (hub / "resnet34-b627a593.pth").write_bytes(content)
    with pytest.raises(SystemExit, match=r"resnet34-b627a593.pth cannot be read \(\w+\): move it"):
        pretrained.main()


@pytest.mark.parametrize("size", [(512, 600), (640, 480), (100, 130), (224, 224)])
def test_photographs_are_prepared_as_torchvision_does(size, at_home):
    draw = np.random.default_rng(0)
    coarse = Image.fromarray(draw.integers(0, 256, (9, 9, 3), np.uint8))
    photograph = coarse.resize(size, Image.Resampling.BICUBIC)
    photograph.save(at_home / "some.png")
    theirs = oracle.torchvision().models.ResNet34_Weights.DEFAULT.transforms()(photograph)
    ours = pretrained.prepared("~/some.png")
    assert ours.shape == (1, 3, 224, 224)
    torch.testing.assert_close(ours[0], theirs, rtol=0, atol=0.02)  # 1/255 of the range is 0.017


def test_a_photograph_that_cannot_be_opened_is_called_by_its_kind(tmp_path):
    """As an iPhone sends it, whatever the name of the file says."""
    path = tmp_path / "dog.jpg"
    path.write_bytes(b"\0\0\0\x18ftypheic" + bytes(99))
    with pytest.raises(ValueError, match=r"^\S+dog.jpg is a HEIC photograph: save it as JPEG"):
        pretrained.prepared(path)


def test_pictures_of_16_bits_and_transparent_ones_are_prepared_as_they_look():
    grey = np.tile(np.arange(256, dtype=np.uint8), (256, 1))
    expected = pretrained.prepared(Image.fromarray(grey))
    found = pretrained.prepared(Image.fromarray(grey.astype(np.uint16) * 257))
    torch.testing.assert_close(found, expected)
    clear = pretrained.prepared(Image.new("RGBA", (256, 256), (0, 0, 0, 0)))
    white = pretrained.prepared(Image.new("RGB", (256, 256), "white"))
    torch.testing.assert_close(clear, white)


def test_the_best_classes_come_first():
    class Fixed(torch.nn.Module):
        def forward(self, image):
            return torch.log(torch.tensor([[0.1, 0.6, 0.05, 0.25]]))

    found = pretrained.best(Fixed(), torch.zeros(1), count=2)
    assert found == [("class 1", pytest.approx(0.6)), ("class 3", pytest.approx(0.25))]
    assert pretrained.best(Fixed(), torch.zeros(1), list("abcd"), 1) == [("b", pytest.approx(0.6))]
    assert len(pretrained.best(Fixed(), torch.zeros(1))) == 4  # of five that were asked for


def cell(name):
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    return "".join(next(c for c in cells if c["id"] == name)["source"])


def test_the_cells_of_the_notebook_run_with_and_without_weights(hub, weights, capsys):
    scope = {"nets": nets}
    exec(cell("trained-resnet34"), scope)
    exec(cell("three-nets"), scope)
    assert capsys.readouterr().out == pretrained.MISSING + "\n"
    torch.save(weights, hub / "resnet34-b627a593.pth")
    exec(cell("three-nets"), scope)
    said = capsys.readouterr().out
    assert len(said.splitlines()) == 4
    assert said.count("class ") == 20
