"""What people hand in for notebook 6: {exercise: {name: (solution, words of its own answer)}}."""

import copy
from collections import OrderedDict

import numpy as np
import torch
from torch import nn

from helpers import nets
from helpers.exercises import n06


def unchanged(maps, W, b):
    pooled = maps.amax(dim=(2, 3))
    powers = torch.exp(pooled @ W.T + b)
    return powers / powers.sum(dim=0)


def only_the_mean(maps, W, b):
    powers = torch.exp(maps.mean(dim=(2, 3)) @ W.T + b)
    return powers / powers.sum(dim=0)


def mean_and_axis(maps, W, b):
    powers = torch.exp(maps.mean(dim=(2, 3)) @ W.T + b)
    return powers / powers.sum(dim=1, keepdim=True)


def largest_of_each_class(maps, W, b):
    scores = maps.mean(dim=(2, 3)) @ W.T + b
    powers = torch.exp(scores - scores.amax(dim=0))
    return powers / powers.sum(dim=1, keepdim=True)


def largest_pixel(maps, W, b):
    return (maps.amax(dim=(2, 3)) @ W.T + b).softmax(dim=1)


def wrong_axis(maps, W, b):
    return (maps.mean(dim=(2, 3)) @ W.T + b).softmax(dim=0)


def two_axes(maps, W, b):
    scores = maps.mean(dim=(2, 3)) @ W.T + b
    powers = torch.exp(scores - scores.max(dim=1, keepdim=True).values)
    return powers / powers.sum(dim=0)


def largest_pixel_overflows(maps, W, b):
    powers = torch.exp(maps.flatten(2).max(dim=2).values @ W.T + b)
    return powers / powers.sum(dim=1, keepdim=True)


def largest_of_all(maps, W, b):
    scores = maps.mean(dim=(2, 3)) @ W.T + b
    powers = torch.exp(scores - scores.max())
    return powers / powers.sum(dim=1, keepdim=True)


def sum_of_all(maps, W, b):
    powers = torch.exp(maps.mean(dim=(2, 3)) @ W.T + b)
    return powers / powers.sum()


def axis_lost(maps, W, b):
    powers = torch.exp(maps.mean(dim=(2, 3)) @ W.T + b)
    return powers / powers.sum(dim=1)


def axis_lost_where_it_fits(maps, W, b):
    scores = maps.mean(dim=(2, 3)) @ W.T + b
    powers = torch.exp(scores - scores.amax(dim=1, keepdim=True))
    return powers / powers.sum(dim=1, keepdim=powers.shape[0] != powers.shape[1])


def sum_of_pixels(maps, W, b):
    return torch.softmax(maps.sum(dim=(2, 3)) @ W.T + b, dim=1)


def flattened(maps, W, b):
    return torch.softmax(maps.flatten(1) @ W.T + b, dim=1)


def scores_only(maps, W, b):
    return maps.mean(dim=(2, 3)) @ W.T + b


def logarithms(maps, W, b):
    return (maps.mean(dim=(2, 3)) @ W.T + b).log_softmax(1)


def b_forgotten(maps, W, b):
    return (maps.mean(dim=(2, 3)) @ W.T).softmax(1)


def clamped(maps, W, b):
    powers = torch.exp((maps.mean(dim=(2, 3)) @ W.T + b).clamp(max=50))
    return powers / powers.sum(dim=1, keepdim=True)


def chosen_class(maps, W, b):
    return (maps.mean(dim=(2, 3)) @ W.T + b).argmax(dim=1)


def in_words(maps, W, b):
    return "probabilities"


def by_functional(maps, W, b):
    pooled = nn.functional.adaptive_avg_pool2d(maps, 1).flatten(1)
    return nn.functional.softmax(nn.functional.linear(pooled, W, b), dim=-1)


def by_logarithms(maps, W, b):
    scores = torch.einsum("nchw,kc->nk", maps, W) / maps[0, 0].numel() + b
    return torch.exp(scores - scores.logsumexp(dim=1, keepdim=True))


def by_loops(maps, W, b):
    rows = []
    for image in maps.double().numpy():
        scores = W.double().numpy() @ [channel.mean() for channel in image] + b.numpy()
        powers = np.exp(scores - max(scores))
        rows.append([power / sum(powers) for power in powers])
    return rows


NAMES = (
    "blocks",
    "convolutions",
    "same convolutions",
    "shortcuts that need Ws",
    "channels at the end",
    "pixels on a side at the end",
)


def counted(*numbers):
    return dict(zip(NAMES, numbers, strict=True))


def inserted(net, make, places):
    parts = list(net)
    for place in places:
        parts.insert(place, make(parts[place - 1].second[0].out_channels))
    return nn.Sequential(*parts)


def ends(net):
    n = (len(net) - 5) // 3
    return 2 + 3 * n, 2 + 2 * n, 2 + n


def zero(width, skip="inside"):
    return nets.initialise(nets.convolutional_block(width, width, skip=skip), "identity")


def not_started(net):
    return inserted(net, lambda width: nets.convolutional_block(width, width), ends(net))


def he_start(net):
    def make(width):
        return nets.initialise(nets.convolutional_block(width, width), "he")

    return inserted(net, make, ends(net))


def another_seed(net):
    return inserted(net, lambda width: nets.convolutional_block(width, width, seed=9), ends(net))


def copied_blocks(net):
    parts = list(net)
    for place in ends(net):
        parts.insert(place, copy.deepcopy(parts[place - 1]))
    return nn.Sequential(*parts)


def silent_copies(net):
    parts = list(net)
    for place in ends(net):
        block = copy.deepcopy(parts[place - 1])
        nn.init.zeros_(block.second[1].weight)
        nn.init.zeros_(block.second[1].bias)
        parts.insert(place, block)
    return nn.Sequential(*parts)


def places_of_20_layers(net):
    return inserted(net, zero, (11, 8, 5))


def all_in_the_last_stage(net):
    return inserted(net, zero, [ends(net)[0]] * 3)


def one_block(net):
    return inserted(net, zero, ends(net)[:1])


def behind_every_block(net):
    return inserted(net, zero, range(len(net) - 3, 2, -1))


def one_width(net):
    width = net[2].second[0].out_channels
    return inserted(net, lambda _: zero(width), ends(net))


def a_fresh_net(net):
    blocks = len(net) - 5
    return nets.convolutional(2 * blocks + 8, width=net[2].second[0].out_channels, start="identity")


def outside(net):
    return inserted(net, lambda width: zero(width, "outside"), ends(net))


def plain(net):
    return inserted(net, lambda width: zero(width, "none"), ends(net))


def all_gammas(net):
    def make(width):
        block = nets.convolutional_block(width, width)
        for part in block.modules():
            if isinstance(part, nn.BatchNorm2d):
                nn.init.zeros_(part.weight)
        return block

    return inserted(net, make, ends(net))


def whole_net_at_zero(net):
    deeper = inserted(net, lambda width: nets.convolutional_block(width, width), ends(net))
    return nets.initialise(deeper, "identity")


def first_gamma(net):
    def make(width):
        block = nets.convolutional_block(width, width)
        nn.init.zeros_(block.first[1].weight)
        return block

    return inserted(net, make, ends(net))


def zero_after_zero(net, part):
    def make(width):
        block = zero(width)
        nn.init.zeros_(getattr(block, part)[0].weight)
        return block

    return inserted(net, make, ends(net))


def W2_and_gamma(net):
    return zero_after_zero(net, "second")


def W1_and_gamma(net):
    return zero_after_zero(net, "first")


def nearly_0(net):
    def make(width):
        block = zero(width)
        nn.init.constant_(block.second[1].weight, 1e-6)
        return block

    return inserted(net, make, ends(net))


def the_old_net(net):
    by_copies = nn.Sequential(*net)
    by_insert(by_copies)
    return net


def the_same_block_again(net):
    parts = list(net)
    for place in ends(net):
        parts.insert(place, parts[place - 1])
    return nn.Sequential(*parts)


def fully_connected_blocks(net):
    return inserted(net, nets.Block, ends(net))


def frozen(net):
    return inserted(net, lambda width: zero(width).requires_grad_(False), ends(net))


def without_layers(net):
    return inserted(net, lambda width: nn.Identity(), ends(net))


def a_list(net):
    return list(inserted(net, zero, ends(net)))


def behind_the_first_block_of_a_stage(net):
    parts = []
    for part in copy.deepcopy(net):
        parts.append(part)
        if isinstance(part, nn.ReLU):
            parts.append(zero(net[2].second[0].out_channels))
        elif isinstance(part, nets.Block) and isinstance(part.Ws, nets.ZeroPadding):
            parts.append(zero(part.second[0].out_channels))
    return nn.Sequential(*parts)


def by_insert(net):
    for place in ends(net):
        block = nets.convolutional_block(*[net[place - 1].second[0].out_channels] * 2, seed=4)
        with torch.no_grad():
            block.second[1].weight *= 0
        net.insert(place, block)
    return net


class OwnBlock(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.one, self.two = (nn.Conv2d(width, width, 3, padding=1) for _ in range(2))
        nn.init.zeros_(self.two.weight)
        nn.init.zeros_(self.two.bias)

    def forward(self, a):
        return torch.relu(self.two(torch.relu(self.one(a))) + a)


def without_normalisation(net):
    return inserted(net, OwnBlock, ends(net))


def W_at_zero(net):
    def make(width):
        block = nets.initialise(nets.convolutional_block(width, width), "he", seed=width)
        nn.init.zeros_(block.second[0].weight)
        return block

    return inserted(net, make, ends(net))


class Gated(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.one, self.two = (nn.Conv2d(width, width, 3, padding=1, bias=False) for _ in range(2))
        self.gate = nn.Parameter(torch.zeros(1))

    def forward(self, a):
        return torch.relu(a + self.gate * self.two(torch.relu(self.one(a))))


class Copying(nn.Module):
    """The identity without a shortcut, by kernels that copy."""

    def __init__(self, width):
        super().__init__()
        self.one, self.two = (nn.Conv2d(width, width, 3, padding=1, bias=False) for _ in range(2))
        nn.init.dirac_(self.one.weight)
        nn.init.dirac_(self.two.weight)

    def forward(self, a):
        return torch.relu(self.two(torch.relu(self.one(a))))


class Detached(OwnBlock):
    def forward(self, a):
        return super().forward(a.detach())


def with_class(kind):
    return lambda net: inserted(net, kind, ends(net))


def a_list_of_parts(net):
    return nn.ModuleList(inserted(net, zero, ends(net)))


def convolutions_at_zero(net):
    def make(width):
        block = nets.convolutional_block(width, width)
        for part in (block.first[0], block.second[0]):
            nn.init.zeros_(part.weight)
        return block

    return inserted(net, make, ends(net))


def image_by_image(maps, W, b):
    return [(W @ image.mean(dim=(1, 2)) + b).softmax(dim=0) for image in maps]


def by_replace(theirs):
    renamed = {}
    for name, tensor in theirs.items():
        ours = name.replace("downsample.", "Ws.")
        for number, layer in ((1, "first"), (2, "second")):
            ours = ours.replace(f"conv{number}", f"{layer}.0").replace(f"bn{number}", f"{layer}.1")
        renamed[ours] = tensor
    return renamed


def by_cases(theirs):
    def place(layer):
        match layer:
            case "conv1" | "conv2":
                return "first.0" if layer[-1] == "1" else "second.0"
            case "bn1" | "bn2":
                return "first.1" if layer[-1] == "1" else "second.1"
        return layer.replace("downsample", "Ws")

    pairs = ((name.rpartition("."), tensor) for name, tensor in theirs.items())
    return OrderedDict((f"{place(layer)}.{which}", tensor) for (layer, _, which), tensor in pairs)


def copied(theirs):
    return {name: tensor.clone() for name, tensor in n06.named(theirs).items()}


def by_order(theirs):
    """Right only if torchvision's dictionary comes in its own order."""
    shortcut = "B" if "downsample.0.weight" in theirs else "A"
    block = nets.convolutional_block(3, 3, 1, shortcut="C" if shortcut == "B" else "A")
    return dict(zip(block.state_dict(), theirs.values(), strict=True))


def swapped(*pairs):
    """The right places, but for layers that are exchanged."""
    layers = dict(n06.LAYERS)
    for one, other in pairs:
        layers[one], layers[other] = layers[other], layers[one]
    return lambda theirs: n06.named(theirs, layers)


def changed(change):
    """A solution that does something more to the right dictionary."""

    def solution(theirs):
        ours = n06.named(theirs)
        change(ours)
        return ours

    return solution


def gamma_and_beta(ours):
    ours["first.1.weight"], ours["first.1.bias"] = ours["first.1.bias"], ours["first.1.weight"]


def without_shortcut(theirs):
    return n06.named({name: tensor for name, tensor in theirs.items() if "down" not in name})


WRONG = {
    "head": {
        "unchanged": (
            unchanged,
            "not the mean, and the sum goes along the images, not along the classes of one im",
        ),
        "only the mean": (
            only_the_mean,
            "along the classes of one image, and exp of a large score overflows: ",
        ),
        "mean and axis": (mean_and_axis, "exp of a large score overflows: for scores around 1000"),
        "largest of each class": (
            largest_of_each_class,
            "the largest score of each class is taken off",
        ),
        "largest pixel": (largest_pixel, "the pooling takes the largest pixel, not the mean: "),
        "wrong axis": (
            wrong_axis,
            "the sum goes along the images, not along the classes of one image: ",
        ),
        "two axes": (two_axes, "is taken off, but then the sum goes along the images: "),
        "largest pixel overflows": (
            largest_pixel_overflows,
            "not the mean, and exp of a large score overflows",
        ),
        "largest of all": (largest_of_all, "is left with 0 / 0"),
        "sum of all": (sum_of_all, "should be 0.1236, and yours is 0.05727"),
        "axis lost": (axis_lost, "The size of tensor a (5) must match the size of tensor b (2)"),
        "axis lost where it fits": (
            axis_lost_where_it_fits,
            "one image, but for as many images as classes",
        ),
        "sum of pixels": (sum_of_pixels, "the sum of the pixels"),
        "flattened": (flattened, "it raises RuntimeError in line 2"),
        "scores": (scores_only, "without softmax"),
        "logarithms": (logarithms, "logarithms of probabilities"),
        "b forgotten": (b_forgotten, "b is forgotten"),
        "clamped": (clamped, "but for scores around 1000"),
        "the class": (chosen_class, "has shape (2,) and should have (2, 5)"),
        "in words": (in_words, "it should give numbers, and gives a str"),
    },
    "net_of_56": {
        "56 / 2 blocks": (counted(28, 55, 53, 2, 64, 8), "the number of blocks is not 28"),
        "n blocks": (counted(9, 55, 53, 2, 64, 8), "the number of blocks is not 9"),
        "all layers": (
            counted(27, 56, 53, 2, 64, 8),
            "the number of convolutions is not 56: all of the 56 layers but one",
        ),
        "first convolution forgotten": (
            counted(27, 54, 53, 2, 64, 8),
            "the number of convolutions is not 54",
        ),
        "all same": (counted(27, 55, 55, 2, 64, 8), "the number of same convolutions is not 55"),
        "three strided": (
            counted(27, 55, 52, 2, 64, 8),
            "the number of same convolutions is not 52",
        ),
        "a Ws for each stage": (
            counted(27, 55, 53, 3, 64, 8),
            "the number of shortcuts that need Ws is not 3",
        ),
        "doubled once": (
            counted(27, 55, 53, 2, 32, 8),
            "the number of channels at the end is not 32",
        ),
        "doubled three times": (
            counted(27, 55, 53, 2, 128, 8),
            "128: 16 in the first stage, and twice as many in each",
        ),
        "halved three times": (
            counted(27, 55, 53, 2, 64, 4),
            "the side at the end is not 4 pixels: 32 in the first stage, and half of it in each of "
            "the other two",
        ),
        "ResNet-34": (counted(27, 55, 53, 2, 512, 7), "those of ResNet-34"),
        "a list": ([27, 55, 53, 2, 64, 8], "and yours is a list"),
        "nothing": ({}, "there is no entry 'blocks'; the 6 entries are: blocks, convolutions, "),
        "a name with a slip": (
            {
                name.replace("that need", "which need"): count
                for name, count in counted(27, 55, 53, 2, 64, 8).items()
            },
            "there is no entry 'shortcuts that need Ws'",
        ),
        "words": (
            counted("27", 55, 53, 2, 64, 8),
            "blocks should be given in numbers, without quotes, and yours is '27'",
        ),
    },
    "deepen": {
        "copies": (
            with_class(Copying),
            "when all numbers of the new blocks are halved, the scores of",
        ),
        "detached": (
            with_class(Detached),
            "for 20 images, and 0 should be, another gradient flows",
        ),
        "convolutions at zero": (convolutions_at_zero, "more than one layer of the branch is at 0"),
        "a ModuleList": (
            a_list_of_parts,
            "the net that it returns raises NotImplementedError: Module",
        ),
        "not started": (not_started, "PyTorch's own numbers"),
        "He's start": (he_start, "He's numbers, with gamma = 1"),
        "silent copies": (silent_copies, "changes the shape, and so does a copy of it: make a"),
        "another seed": (another_seed, "the scores have changed"),
        "copied blocks": (copied_blocks, "the scores have changed"),
        "places of 20 layers": (
            places_of_20_layers,
            "right for 20 layers that begin with 4 channels, but for 8 layers",
        ),
        "all in the last stage": (all_in_the_last_stage, "all new blocks are in the last stage"),
        "one block": (one_block, "the new net has 22 layers with weights and should have 26"),
        "behind every block": (behind_every_block, "after every old one"),
        "one width": (one_width, "the net that it returns raises RuntimeError: Given groups=1"),
        "a fresh net": (a_fresh_net, "the scores have changed"),
        "outside": (outside, "sleeps"),
        "plain": (plain, "the plain block is silent"),
        "all gammas": (all_gammas, "at 0, so only the last beta learns"),
        "first gamma": (
            first_gamma,
            "the first gamma is 0 and not the last; after a short training 15 arrays",
        ),
        "W2 and gamma": (W2_and_gamma, "and a convolution before them is 0 as well"),
        "W1 and gamma": (W1_and_gamma, "and a convolution before them is 0 as well"),
        "gamma nearly 0": (nearly_0, ", which differs by "),
        "the old net": (the_old_net, "this is the net as it was"),
        "lambda net: net": (lambda net: net, "this is the net as it was"),
        "a net": (nets.convolutional(26, width=4), "it should be a function, and is a net"),
        "the same block again": (the_same_block_again, "is there twice, and is one block"),
        "fully connected": (fully_connected_blocks, "nets.Block has fully connected layers"),
        "whole net at zero": (whole_net_at_zero, "the scores have changed"),
        "frozen": (frozen, "18 arrays have requires_grad = False"),
        "nn.Identity": (without_layers, "nn.Identity has no layers"),
        "a list": (a_list, "returns a list"),
    },
    "to_ours": {
        "convolutions exchanged": (
            swapped(("conv1", "conv2")),
            "in first.0.weight is conv2.weight, and conv1.weight should be there",
        ),
        "normalisations exchanged": (
            swapped(("bn1", "bn2")),
            "in first.1.bias is bn2.bias, and bn1.bias should be there",
        ),
        "first and second exchanged": (
            swapped(("conv1", "conv2"), ("bn1", "bn2")),
            "in first.0.weight is conv2.weight, and conv1",
        ),
        "shortcut exchanged": (
            swapped(("downsample.1", "bn2")),
            "in Ws.1.bias is bn2.bias, and downsample.1.bias",
        ),
        "gamma and beta": (
            changed(gamma_and_beta),
            "in first.1.bias is bn1.weight, and bn1.bias should be there",
        ),
        "by order": (by_order, "for a block that begins a stage, in Ws.0.weight is "),
        "shortcut forgotten": (without_shortcut, "there is no entry 'Ws."),
        "old names": (dict, "there is no entry 'Ws.0.weight'; the 18 entries are"),
        "one too many": (
            changed(lambda ours: ours.update({"conv1.weight": ours["first.0.weight"]})),
            "our block has no 'conv1.weight', and what it has are 18 tensors",
        ),
        "rounded": (
            changed(lambda ours: ours.update({"first.1.bias": ours["first.1.bias"].round()})),
            "in first.1.bias is something that is none of torchvision's tensors, and bn1.bias",
        ),
        "lists": (
            changed(lambda ours: ours.update({"first.1.bias": ours["first.1.bias"].tolist()})),
            "first.1.bias should be a tensor, and yours is a list",
        ),
        "values alone": (lambda theirs: list(theirs.values()), "of 18 entries, and yours is a"),
        "no shortcut in sight": (
            lambda theirs: n06.named({n: theirs[n] for n in [*theirs, "downsample.0.weight"]}),
            "right for a block that begins a stage, but for a block within a stage, it raises Key",
        ),
    },
}
RIGHT = {
    "head": [image_by_image, by_functional, by_logarithms, by_loops],
    "net_of_56": [
        counted(27, 55, 53, 2, 64, 8),
        counted(*map(float, (27, 55, 53, 2, 64, 8))),
        dict(reversed(counted(27, 55, 53, 3 - 1, 16 * 2**2, torch.tensor(32 // 4)).items())),
    ],
    "deepen": [
        with_class(Gated),
        behind_the_first_block_of_a_stage,
        by_insert,
        without_normalisation,
        W_at_zero,
    ],
    "to_ours": [by_replace, by_cases, copied],
}
