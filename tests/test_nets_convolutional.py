"""Convolutional nets, their shortcuts, and what is refused."""

import pytest
import torch
from blocks import blocks_of, count, is_block, random_images
from torch import nn
from torch.nn import functional as F

from helpers import nets, probes


@pytest.mark.parametrize("layers", [8, 14, 20, 32, 56])
@pytest.mark.parametrize("skip", nets.SKIPS)
def test_convolutional_layers_are_counted_as_in_the_paper(layers, skip):
    """6n + 2: the 3 x 3 convolutions and the fully connected layer; what stands on a shortcut does
    not count.
    """
    net = nets.convolutional(layers, skip, shortcut="A" if skip == "none" else "C")
    counted = [
        module
        for module in net.modules()
        if isinstance(module, nn.Linear) or getattr(module, "kernel_size", None) == (3, 3)
    ]
    assert len(counted) == layers
    assert [block.skip for block in blocks_of(net)] == [skip] * ((layers - 2) // 2)
    assert net(torch.zeros(2, 1, 8, 8)).shape == (2, 10)


def test_convolutional_stages_halve_the_sides_and_double_the_channels():
    net = nets.convolutional(14, channels=3, width=5, classes=7)
    with probes.recording(net, is_block) as calls:
        assert net(torch.zeros(2, 3, 32, 32)).shape == (2, 7)
    stages = [(2, 5, 32, 32), (2, 10, 16, 16), (2, 20, 8, 8)]
    assert [call.output.shape for call in calls] == [stage for stage in stages for _ in range(2)]


@pytest.mark.parametrize(
    ("layers", "millions"), [(20, "0.27"), (32, "0.46"), (44, "0.66"), (56, "0.85"), (110, "1.7")]
)
def test_convolutional_nets_are_as_large_as_the_published_ones(layers, millions):
    """He et al. 2015, arXiv 1512.03385, table 6: CIFAR-10, to the digits printed there."""
    digits = len(millions.split(".")[1])
    for skip in ("none", "inside"):
        assert f"{count(nets.convolutional(layers, skip, channels=3)) / 1e6:.{digits}f}" == millions


def test_convolutional_plain_net_has_no_secret_skip():
    """Cut the branches, one at a time: a plain net loses all of its input there, a residual one
    does not.
    """
    x = random_images(20, 1, 8, 8)
    for skip in nets.SKIPS:
        net = nets.convolutional(14, skip, seed=0)
        for block in blocks_of(net):
            gamma = block.second[1].weight
            nn.init.zeros_(gamma)
            spread = net(x).std(dim=0).max().item()
            assert spread == 0 if skip == "none" else spread > 0.01
            nn.init.ones_(gamma)


@pytest.mark.parametrize(
    ("shortcut", "first_of_later_stages", "others"),
    [
        ("A", nets.ZeroPadding, nn.Identity),
        ("B", nn.Sequential, nn.Identity),
        ("C", nn.Sequential, nn.Sequential),
    ],
)
def test_shortcuts_are_those_of_the_paper(shortcut, first_of_later_stages, others):
    net = nets.convolutional(14, shortcut=shortcut)
    expected = [others, others, first_of_later_stages, others, first_of_later_stages, others]
    assert [type(block.Ws) for block in blocks_of(net)] == expected
    for block in blocks_of(net):
        if isinstance(block.Ws, nn.Sequential):
            projection, normalisation = block.Ws
            assert projection.kernel_size == (1, 1)
            assert projection.stride == block.first[0].stride
            assert isinstance(normalisation, nn.BatchNorm2d)


def test_only_learned_shortcuts_have_parameters():
    plain = count(nets.convolutional(14, "none"))
    more = {
        shortcut: count(nets.convolutional(14, shortcut=shortcut)) - plain
        for shortcut in nets.SHORTCUTS
    }
    changing = (
        16 * 32 + 2 * 32 + 32 * 64 + 2 * 64
    )  # W, and gamma and beta, at the start of the later stages
    others = 2 * (16 * 16 + 2 * 16) + (32 * 32 + 2 * 32) + (64 * 64 + 2 * 64)
    assert more == {"A": 0, "B": changing, "C": changing + others}


def by_torch(state, a, skip, projected, stride, training):
    """The block on feature maps, written out in PyTorch's functions; it changes the running
    statistics in ``state``.
    """

    def normalised(z, name):
        mean, variance = state[f"{name}.running_mean"], state[f"{name}.running_var"]
        return F.batch_norm(
            z, mean, variance, state[f"{name}.weight"], state[f"{name}.bias"], training
        )

    z = normalised(F.conv2d(a, state["first.0.weight"], stride=stride, padding=1), "first.1")
    z = normalised(F.conv2d(F.relu(z), state["second.0.weight"], padding=1), "second.1")
    if projected:
        shortcut = normalised(F.conv2d(a, state["Ws.0.weight"], stride=stride), "Ws.1")
    else:
        Ws = torch.eye(
            z.shape[1], a.shape[1], dtype=a.dtype
        )  # the same at every pixel that is kept
        shortcut = F.conv2d(a, Ws[:, :, None, None], stride=stride)
    return {"none": F.relu(z), "inside": F.relu(z + shortcut), "outside": F.relu(z) + shortcut}[
        skip
    ]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(
    ("skip", "shortcut"),
    [("none", "A"), *((skip, shortcut) for skip in ("inside", "outside") for shortcut in "ABC")],
)
@pytest.mark.parametrize(
    ("inputs", "outputs", "stride"), [(4, 4, 1), (4, 7, 1), (4, 4, 2), (4, 8, 2)]
)
def test_convolutional_block_is_the_formula_in_torch(
    inputs, outputs, stride, skip, shortcut, training
):
    block = (
        nets.convolutional_block(inputs, outputs, stride, skip, shortcut, seed=1)
        .double()
        .train(training)
    )
    numbers = torch.Generator().manual_seed(2)
    for name, value in block.state_dict().items():
        if value.ndim == 1:  # gamma, beta, running mean and variance: none of them at its start
            value.uniform_(0.5, 1.5, generator=numbers)
        assert value.any() or "num_batches" in name
    state = {name: value.clone() for name, value in block.state_dict().items()}
    a = random_images(3, inputs, 7, 5).double()
    projected = shortcut == "C" or (shortcut == "B" and (inputs, 1) != (outputs, stride))
    with torch.no_grad():
        expected = by_torch(state, a, skip, projected, stride, training)
        torch.testing.assert_close(block(a), expected, rtol=1e-12, atol=1e-12)
    for name, value in block.state_dict().items():
        if "running" in name and not (skip == "none" and name.startswith("Ws")):
            torch.testing.assert_close(value, state[name], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("height", "width"), [(8, 8), (7, 7), (7, 4), (1, 1)])
@pytest.mark.parametrize(("stride", "more"), [(1, 0), (1, 3), (2, 0), (2, 4), (3, 1)])
def test_zero_padding_is_a_matrix_of_ones_and_zeros(height, width, stride, more):
    a = random_images(2, 5, height, width)
    Ws = torch.zeros(5 + more, 5)
    Ws[range(5), range(5)] = 1  # at the top: the new channels come last
    rows, columns = range(0, height, stride), range(0, width, stride)
    expected = torch.stack(
        [torch.stack([a[:, :, y, x] @ Ws.T for x in columns], -1) for y in rows], -2
    )
    padding = nets.ZeroPadding(stride, more)
    assert torch.equal(padding(a), expected)
    assert list(padding.parameters()) == []
    assert repr(padding) == f"ZeroPadding(stride={stride}, more={more})"


@pytest.mark.parametrize("shortcut", nets.SHORTCUTS)
@pytest.mark.parametrize(
    ("side", "half", "quarter"), [(7, 4, 2), (28, 14, 7), (9, 5, 3), (1, 1, 1)]
)
def test_odd_heights_and_widths_fit(side, half, quarter, shortcut):
    net = nets.convolutional(8, shortcut=shortcut)
    with probes.recording(net, is_block) as calls:
        net(random_images(3, 1, side, side))
    assert [call.output.shape[2:] for call in calls] == [
        (side, side),
        (half, half),
        (quarter, quarter),
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"layers": 8.0}, "layers = 8.0, but a net of three stages has .* 8, 14, .* .an int."),
        ({"layers": 8, "channels": 3.0}, "channels = 3.0, but it must be a whole number above 0"),
        ({"layers": 2}, "layers = 2, but a net of three stages has 6n [+] 2 of them: 8, 14, 20"),
        ({"layers": 18}, "layers = 18"),
        (
            {"layers": 8, "skip": "over"},
            "skip = 'over' is not known; use one of 'none', 'inside', 'outside'",
        ),
        (
            {"layers": 8, "start": "luck"},
            "start = 'luck' is not known; use one of 'pytorch', 'he', 'identity'",
        ),
        ({"layers": 8, "shortcut": "D"}, "shortcut = 'D' is not known; use one of 'A', 'B', 'C'"),
        ({"layers": 8, "width": 0}, "width = 0, but it must be a whole number above 0"),
        ({"layers": 8, "classes": 0}, "classes = 0, but it must be a whole number above 0"),
        (
            {"layers": 8, "skip": "none", "shortcut": "B"},
            "shortcut = 'B' puts weights on .* a plain net has none",
        ),
        (
            {"layers": 8, "skip": "none", "shortcut": "C"},
            "shortcut = 'C' puts weights on .* a plain net has none",
        ),
    ],
)
def test_bad_arguments_of_a_convolutional_net_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        nets.convolutional(**arguments)


def test_zero_padding_cannot_drop_channels_or_stand_still():
    with pytest.raises(ValueError, match=r"cannot drop channels \(8 to 4\): use 'B' or 'C'"):
        nets.convolutional_block(8, 4)
    with pytest.raises(ValueError, match="stride = 0, but it must be a whole number above 0"):
        nets.ZeroPadding(0, 0)
    with pytest.raises(ValueError, match="more = -1, but it must be a whole number from 0 on"):
        nets.ZeroPadding(1, -1)
    assert nets.convolutional_block(8, 4, shortcut="B")(torch.zeros(2, 8, 3, 3)).shape == (
        2,
        4,
        3,
        3,
    )
