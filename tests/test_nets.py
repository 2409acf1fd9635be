"""The nets: the formula, the switch, the starts."""

import importlib.metadata
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from helpers import block as B
from helpers import nets, probes


def random_images(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def is_block(module):
    return isinstance(module, nets.Block)


def has_W(module):
    return isinstance(module, nn.Conv2d | nn.Linear)


def blocks_of(net):
    return [module for module in net.modules() if is_block(module)]


def count(net):
    return sum(parameter.numel() for parameter in net.parameters())


@pytest.mark.parametrize("skip", nets.SKIPS)
def test_block_is_the_block_of_the_lecture(skip):
    """helpers.block is tested against PyTorch's layers; the two modules must also agree with each
    other.
    """
    block = nets.Block(5, skip).double()
    W1, b1, W2, b2 = (p.detach().numpy() for p in block.parameters())
    a = np.random.default_rng(0).normal(size=(5, 7))
    expected = B.block(a, W1, b1[:, None], W2, b2[:, None], skip=skip)
    assert np.allclose(block(torch.tensor(a.T)).detach().numpy(), expected.T, atol=1e-12)


@pytest.mark.parametrize("layers", [2, 4, 20, 56])
@pytest.mark.parametrize("skip", nets.SKIPS)
def test_layers_are_counted_as_weight_layers(layers, skip):
    net = nets.fully_connected(layers, skip)
    linear = [module for module in net.modules() if isinstance(module, nn.Linear)]
    assert len(linear) == layers
    assert [b.skip for b in net.modules() if isinstance(b, nets.Block)] == [skip] * (
        layers // 2 - 1
    )
    assert net(torch.zeros(3, 8, 8)).shape == (3, 10)


def test_plain_net_has_no_secret_skip():
    """Cut the branch of one block: a plain net loses all of its input, a residual one does not."""
    x = torch.rand(20, 8, 8, generator=torch.Generator().manual_seed(0))
    for skip in nets.SKIPS:
        net = nets.fully_connected(8, skip, seed=0)
        nn.init.zeros_(net[4].second.weight)
        spread = net(x).std(dim=0).max().item()
        assert spread == 0 if skip == "none" else spread > 0.01


@pytest.mark.parametrize("start", ["pytorch", "he"])
def test_arms_of_one_seed_start_from_the_same_numbers(start):
    plain, inside, outside = (
        nets.fully_connected(8, skip, start, seed=3).state_dict() for skip in nets.SKIPS
    )
    other = nets.fully_connected(8, "none", start, seed=4).state_dict()
    for name, value in plain.items():
        assert torch.equal(value, inside[name])
        assert torch.equal(value, outside[name])
    assert not torch.equal(plain["1.weight"], other["1.weight"])


def test_start_pytorch_is_what_linear_does_by_itself():
    net = nets.initialise(nn.Sequential(nn.Linear(7, 5), nn.Linear(5, 3)), "pytorch", seed=11)
    with torch.random.fork_rng():
        torch.manual_seed(11)
        theirs = nn.Sequential(nn.Linear(7, 5), nn.Linear(5, 3))
    for name, value in net.state_dict().items():
        assert torch.allclose(value, theirs.state_dict()[name], rtol=1e-6)


def test_start_he_has_its_deviation_and_no_bias():
    layer = nets.initialise(nn.Linear(500, 400), "he", seed=0)
    assert layer.weight.std().item() == pytest.approx((2 / 500) ** 0.5, rel=0.01)
    assert not layer.bias.any()


@pytest.mark.parametrize("skip", nets.SKIPS)
def test_start_identity_is_the_identity_to_the_last_bit(skip):
    net = nets.fully_connected(20, skip, "identity", seed=0)
    a = torch.relu(torch.randn(10, 64, generator=torch.Generator().manual_seed(0)))
    for block in net:
        if isinstance(block, nets.Block):
            assert torch.equal(block(a), a)
            assert block.second.weight.any() == (skip == "none")
            assert block.first.weight.any()  # only the last layer is zero
    shallow = nn.Sequential(*net[:3], net[-1])
    x = torch.rand(5, 8, 8)
    assert torch.equal(net(x), shallow(x))


def test_global_random_state_is_left_alone():
    before = torch.random.get_rng_state()
    nets.convolutional(8, shortcut="C", seed=1)
    nets.fully_connected(8, start="he", seed=1)
    nets.fully_connected(8, start="pytorch", seed=1)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_skip_can_be_switched_later():
    block = nets.Block(3, "none")
    a = torch.rand(2, 3)
    plain = block(a)
    block.skip = "outside"
    assert torch.equal(block(a), plain + a)
    assert "outside" in repr(block)
    block.skip = "insid"
    with pytest.raises(ValueError, match="skip = 'insid' is not known"):
        block(a)


def test_blocks_of_different_seeds_differ():
    first, again, second = nets.Block(4, seed=1), nets.Block(4, seed=1), nets.Block(4, seed=2)
    assert torch.equal(first.first.weight, again.first.weight)
    assert not torch.equal(first.first.weight, second.first.weight)


@pytest.mark.parametrize("start", nets.STARTS)
def test_layers_without_a_bias_can_be_started(start):
    layer = nets.initialise(nn.Linear(4, 4, bias=False), start)
    assert layer.weight.any()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"layers": 8.0}, "layers = 8.0, but a net has .* 2, 4, 6, ... .an int."),
        ({"layers": "8"}, "layers = '8', but"),
        ({"layers": 8, "width": 16.0}, "width = 16.0, but it must be a whole number above 0"),
        ({"layers": 8, "classes": None}, "classes = None, but it must be a whole number above 0"),
        ({"layers": 0}, "layers = 0, but a net has a first and a last layer and blocks of two"),
        ({"layers": 7}, "layers = 7"),
        (
            {"layers": 8, "skip": "over"},
            "skip = 'over' is not known; use one of 'none', 'inside', 'outside'",
        ),
        (
            {"layers": 8, "start": "luck"},
            "start = 'luck' is not known; use one of 'pytorch', 'he', 'identity'",
        ),
        ({"layers": 8, "width": 0}, "width = 0, but it must be a whole number above 0"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        nets.fully_connected(**arguments)


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


@pytest.mark.parametrize("start", ["pytorch", "he"])
def test_convolutional_arms_of_one_seed_start_from_the_same_numbers(start):
    plain, inside, outside = (nets.convolutional(14, skip, start, seed=3) for skip in nets.SKIPS)
    assert count(plain) == count(inside) == count(outside)
    for residual in (inside, outside):
        assert residual.state_dict().keys() == plain.state_dict().keys()
        assert all(map(torch.equal, residual.state_dict().values(), plain.state_dict().values()))
    other = nets.convolutional(14, "none", start, seed=4)
    assert not torch.equal(plain[0][0].weight, other[0][0].weight)


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


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("shortcut", nets.SHORTCUTS)
@pytest.mark.parametrize("skip", ["inside", "outside"])
def test_start_identity_leaves_convolutional_shortcuts_alone(skip, shortcut, training):
    net = nets.convolutional(14, skip, "identity", shortcut).train(training)
    a = torch.relu(random_images(3, 16, 8, 8))
    with torch.no_grad():
        for block in blocks_of(net):
            alone = block.Ws(a)
            if isinstance(block.Ws, nn.Identity):
                assert torch.equal(block(a), a)
            assert torch.equal(block(a), torch.relu(alone) if skip == "inside" else alone)
            a = torch.relu(alone)


def test_start_identity_lets_plain_convolutions_copy_what_option_A_would_add():
    net = nets.convolutional(14, "none", "identity").eval()
    a = torch.relu(random_images(3, 16, 8, 8))
    with torch.no_grad():
        for block in blocks_of(net):
            stride = block.first[0].stride[0]
            shortcut = nets.ZeroPadding(stride, block.first[0].out_channels - a.shape[1])
            torch.testing.assert_close(block(a), shortcut(a), rtol=1e-4, atol=1e-6)
            a = block(a)


@pytest.mark.parametrize("shortcut", nets.SHORTCUTS)
def test_start_identity_sets_the_last_gamma_of_each_block_and_no_other(shortcut):
    net = nets.convolutional(14, start="identity", shortcut=shortcut)
    last = [block.second[1] for block in blocks_of(net)]
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert (module.weight == (0 if module in last else 1)).all()
            assert not module.bias.any()
        if isinstance(module, nn.Conv2d):
            assert module.weight.any()


def test_start_pytorch_is_what_conv2d_does_by_itself():
    net = nets.initialise(
        nn.Sequential(nn.Conv2d(7, 5, 3), nn.Conv2d(5, 3, 1, bias=False)), "pytorch", seed=11
    )
    with torch.random.fork_rng():
        torch.manual_seed(11)
        theirs = nn.Sequential(nn.Conv2d(7, 5, 3), nn.Conv2d(5, 3, 1, bias=False))
    for name, value in net.state_dict().items():
        assert torch.allclose(value, theirs.state_dict()[name], rtol=1e-6)


@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_start_he_counts_the_inputs_of_a_convolution(kernel):
    layer = nets.initialise(nn.Conv2d(60, 400, kernel), "he", seed=0)
    assert layer.weight.std().item() == pytest.approx((2 / (kernel * kernel * 60)) ** 0.5, rel=0.02)
    assert layer.weight.mean().item() == pytest.approx(0, abs=0.02 * layer.weight.std().item())
    assert not layer.bias.any()


def test_a_new_start_forgets_the_running_statistics():
    net = nets.convolutional(8, seed=5)
    fresh = {name: value.clone() for name, value in net.state_dict().items()}
    net(random_images(4, 1, 8, 8))
    assert not torch.equal(net[0][1].running_mean, fresh["0.1.running_mean"])
    nets.initialise(net, "he", seed=5)
    assert all(torch.equal(value, fresh[name]) for name, value in net.state_dict().items())


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


@pytest.mark.parametrize(
    "make",
    [
        lambda: nets.Block(4.0),
        lambda: nets.ZeroPadding(2.0, 4),
        lambda: nets.ZeroPadding(2, 4.0),
        lambda: nets.convolution(1, 4, 3.0),
        lambda: nets.convolutional_block(4, 8, 2.0),
        lambda: nets.resnet34(classes=10.0),
    ],
)
def test_sizes_are_ints(make):
    with pytest.raises(ValueError, match=r"= [0-9.]+.*, but"):
        make()


def test_sizes_may_be_those_of_numpy():
    assert nets.fully_connected(np.int64(4), width=np.int32(8))(torch.zeros(2, 64)).shape == (2, 10)


def test_zero_padding_cannot_drop_channels_or_stand_still():
    with pytest.raises(ValueError, match=r"cannot drop channels \(8 to 4\): use 'B' or 'C'"):
        nets.convolutional_block(8, 4)
    with pytest.raises(ValueError, match="stride = 0"):
        nets.ZeroPadding(0, 0)
    assert nets.convolutional_block(8, 4, shortcut="B")(torch.zeros(2, 8, 3, 3)).shape == (
        2,
        4,
        3,
        3,
    )


@pytest.fixture(scope="module")
def torchvision():
    """PyTorch's own library of vision models: the oracle for the net of 34 layers."""
    package = Path(importlib.metadata.distribution("torchvision").locate_file("torchvision"))
    try:
        torch.ops.load_library(next(package.glob("_C.*")))
    except OSError:
        # A CPU build of torch cannot load the compiled operators of a CUDA build of torchvision,
        # and two of them are then missed by `import torchvision`. No ResNet calls them: to declare
        # their names until then is enough.
        library = torch.library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    import torchvision

    return torchvision


@pytest.fixture(scope="module")
def theirs(torchvision):
    """torchvision's ResNet-34, with no gamma, beta or running statistics at its start."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = torchvision.models.resnet34()
        with torch.no_grad():
            for name, value in net.state_dict().items():
                if value.ndim == 1 and value.dtype == torch.float32:
                    value.uniform_(*((1, 3) if name.endswith("running_var") else (0.2, 0.8)))
    return net.eval()


def test_resnet34_is_that_of_torchvision(theirs):
    ours = nets.resnet34(shortcut="B").eval()
    assert count(ours) == count(theirs) == 21_797_672
    layers = theirs.state_dict()
    assert len(layers) == len(ours.state_dict())
    ours.load_state_dict(
        dict(zip(ours.state_dict(), layers.values(), strict=True))
    )  # shapes are checked there
    images = random_images(2, 3, 64, 64)
    with (
        torch.no_grad(),
        probes.recording(ours, has_W) as mine,
        probes.recording(theirs, has_W) as others,
    ):
        torch.testing.assert_close(ours(images), theirs(images), rtol=1e-4, atol=1e-4)
    assert len(mine) == len(others) == 34 + 3
    for my, other in zip(mine, others, strict=True):
        torch.testing.assert_close(my.output, other.output, rtol=1e-4, atol=1e-4)


@pytest.fixture(scope="module")
def resnet34():
    return nets.resnet34(shortcut="A")


def test_resnet34_has_the_stages_of_the_paper(resnet34):
    """He et al. 2015, table 1: 3, 4, 6 and 3 blocks at 56, 28, 14 and 7 pixels a side, for an image
    of 224.
    """
    assert count(resnet34) == 21_623_848
    with torch.no_grad(), probes.recording(resnet34, is_block) as calls:
        assert resnet34(torch.zeros(1, 3, 224, 224)).shape == (1, 1000)
    stages = {(1, 64, 56, 56): 3, (1, 128, 28, 28): 4, (1, 256, 14, 14): 6, (1, 512, 7, 7): 3}
    assert [call.output.shape for call in calls] == [
        shape for shape, blocks in stages.items() for _ in range(blocks)
    ]
    assert len([module for module in resnet34.modules() if has_W(module)]) == 34


def test_plain_twin_of_resnet34_differs_in_its_skips_only(resnet34):
    plain = nets.resnet34("none")
    assert {block.skip for block in blocks_of(plain)} == {"none"}
    assert {block.skip for block in blocks_of(resnet34)} == {"inside"}
    assert plain.state_dict().keys() == resnet34.state_dict().keys()
    with pytest.raises(ValueError, match="a plain net has none"):
        nets.resnet34("none", shortcut="B")


def test_variants_of_the_shortcut_start_from_the_same_numbers_everywhere_else():
    a, b, c = (
        nets.convolutional(14, shortcut=shortcut, seed=2, width=4).state_dict()
        for shortcut in nets.SHORTCUTS
    )
    for name, value in a.items():
        assert torch.equal(value, b[name])
        assert torch.equal(value, c[name])
    assert len(a) < len(b) < len(c)
