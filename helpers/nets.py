"""Plain and residual nets in PyTorch: one class of block, told apart by one switch.

Examples come first here, as everywhere in PyTorch: ``a`` is (examples, units), the transpose of the
lecture's, or (examples, channels, height, width) for feature maps.
"""

import operator

import torch
from torch import nn

from helpers.block import SKIPS

STARTS = ("pytorch", "he", "zero")
SHORTCUTS = ("A", "B", "C")


class Block(nn.Module):
    """Two layers, and a shortcut past both of them.

    ``skip`` is "none" (plain), "inside" (He et al. 2015, arXiv 1512.03385, figure 2) or "outside"
    (He et al. 2016, arXiv 1603.05027, figure 4c), and can be changed at any time: it has no
    parameters. ``layers`` are the two layers without their g, any two modules; without it they are
    fully connected, ``width`` units each: (examples, width) in and out. ``Ws``, a module, stands on
    the shortcut; without it a[l] is added as it is. The initial numbers are those of PyTorch's own
    start, from ``seed`` alone, or, with ``seed`` None, not set: see ``start``. Raises ValueError
    for an unknown ``skip`` or a width below 1.
    """

    def __init__(self, width, skip="inside", seed=0, layers=None, Ws=None):
        super().__init__()
        _check_sizes(width=width)
        self.skip = _known("skip", skip, SKIPS)
        self.first, self.second = layers or [
            nn.utils.skip_init(nn.Linear, width, width) for _ in range(2)
        ]
        self.Ws = Ws or nn.Identity()
        if seed is not None:
            start(self, "pytorch", seed)

    def forward(self, a):
        z = self.second(torch.relu(self.first(a)))
        match self.skip:
            case "none":
                return torch.relu(z)
            case "inside":
                return torch.relu(z + self.Ws(a))
            case "outside":
                return torch.relu(z) + self.Ws(a)
            case _:
                _known("skip", self.skip, SKIPS)

    def extra_repr(self):
        return f"skip={self.skip!r}"


class ZeroPadding(nn.Module):
    """Ws of ones and zeros on feature maps: keep every ``stride``-th pixel, and add ``more``
    channels of zeros.

    (examples, channels, height, width) becomes (examples, channels + more, ...), its sides divided
    by ``stride`` and rounded up. Option A of He et al. 2015, section 3.3.
    Raises ValueError for a ``stride`` below 1 or a negative ``more``.
    """

    def __init__(self, stride, more):
        super().__init__()
        if not (_whole(stride) and _whole(more)) or stride < 1 or more < 0:
            raise ValueError(
                f"stride = {stride!r} and more = {more!r}, but zero padding needs ints from 1 and "
                "0 on"
            )
        self.stride, self.more = stride, more

    def forward(self, a):
        return nn.functional.pad(
            a[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.more)
        )

    def extra_repr(self):
        return f"stride={self.stride}, more={self.more}"


def convolutional_block(inputs, outputs, stride=1, skip="inside", shortcut="A", seed=0):
    """Return the same Block on feature maps: two 3 x 3 "same" convolutions, each with batch
    normalisation.

    (examples, inputs, height, width) becomes (examples, outputs, height, width), the sides divided
    by ``stride`` and rounded up. ``shortcut`` says what Ws is (He et al. 2015, sections 3.3 and
    4.1): "A" zero padding where dimensions change, "B" a learned 1 x 1 convolution there, "C" a
    learned one in every block. ``seed`` as for ``Block``. Raises ValueError for an unknown ``skip``
    or ``shortcut``, for "B" or "C" without a skip, for a width or ``stride`` below 1, and where "A"
    would have to drop channels.
    """
    _known("skip", skip, SKIPS)
    _known("shortcut", shortcut, SHORTCUTS)
    _check_sizes(inputs=inputs, outputs=outputs, stride=stride)
    if skip == "none" and shortcut != "A":
        raise ValueError(
            f"shortcut = {shortcut!r} puts weights on the shortcut, but a plain net has none: use "
            "'A'"
        )
    layers = convolution(inputs, outputs, 3, stride), convolution(outputs, outputs, 3)
    return Block(outputs, skip, seed, layers, _Ws(shortcut, inputs, outputs, stride))


def _Ws(shortcut, inputs, outputs, stride):
    changes = stride != 1 or inputs != outputs
    if shortcut == "A" and outputs < inputs:
        raise ValueError(
            f"shortcut = 'A' pads with zeros, so it cannot drop channels ({inputs} to {outputs}): "
            "use 'B' or 'C'"
        )
    if shortcut == "C" or (shortcut == "B" and changes):
        return convolution(inputs, outputs, 1, stride)
    return ZeroPadding(stride, outputs - inputs) if changes else None


def convolution(inputs, outputs, kernel, stride=1):
    """Return a "same" convolution with batch normalisation: at stride 1 the output keeps height and
    width.

    The convolution has no bias, since the normalisation that follows has one (beta). Raises
    ValueError for sizes that are not whole numbers above 0.
    """
    _check_sizes(inputs=inputs, outputs=outputs, kernel=kernel, stride=stride)
    same = (kernel - 1) // 2
    layer = nn.utils.skip_init(
        nn.Conv2d, inputs, outputs, kernel, stride=stride, padding=same, bias=False
    )
    return nn.Sequential(layer, nn.BatchNorm2d(outputs))


def fully_connected(layers, skip="inside", start="he", seed=0, inputs=64, width=64, classes=10):
    """Return a net of ``layers`` weight layers: one into ``width`` units, blocks of two, one into
    the classes.

    Maps images or vectors with ``inputs`` numbers each, (examples, ...), to scores (logits) of
    shape (examples, classes). ``start`` sets the initial numbers, see ``start``; nets of one seed
    and start have the same ones whatever their ``skip``. Raises ValueError unless ``layers`` is
    even and at least 2, and for an unknown ``skip`` or ``start``, or a width below 1.
    """
    if not _whole(layers) or layers < 2 or layers % 2:
        raise ValueError(
            f"layers = {layers!r}, but a net has a first and a last layer and blocks of two: 2, 4, "
            "6, ... (an int)"
        )
    _known("skip", skip, SKIPS)
    _check_sizes(inputs=inputs, width=width, classes=classes)
    net = nn.Sequential(
        nn.Flatten(),
        nn.utils.skip_init(nn.Linear, inputs, width),
        nn.ReLU(),
        *(Block(width, skip, seed=None) for _ in range(layers // 2 - 1)),
        nn.utils.skip_init(nn.Linear, width, classes),
    )
    return _started(net, start, seed)


def convolutional(
    layers, skip="inside", start="he", shortcut="A", seed=0, channels=1, width=16, classes=10
):
    """Return a net for small images, with ``layers`` = 6n + 2 weight layers: He et al. 2015,
    section 4.2.

    One 3 x 3 convolution, then three stages of n blocks with ``width``, 2 ``width`` and 4 ``width``
    channels, the second and third stage at half the height and width of the one before, then the
    mean over all pixels and one fully connected layer. Maps images (examples, channels, height,
    width) to scores (examples, classes). ``start`` and ``seed`` as for ``fully_connected``,
    ``skip`` and ``shortcut`` as for ``convolutional_block``. Raises ValueError unless ``layers`` is
    8, 14, 20, ..., for an unknown ``skip``, ``start`` or ``shortcut``, and for a ``width``,
    ``channels`` or ``classes`` below 1.
    """
    if not _whole(layers) or layers < 8 or layers % 6 != 2:
        raise ValueError(
            f"layers = {layers!r}, but a net of three stages has 6n + 2 of them: 8, 14, 20, 26, "
            "... (an int)"
        )
    _check_sizes(channels=channels, width=width, classes=classes)
    first = [convolution(channels, width, 3), nn.ReLU()]
    stages = [((layers - 2) // 6, width * 2**stage) for stage in range(3)]
    net = nn.Sequential(*first, *_stages(stages, skip, shortcut), *_head(4 * width, classes))
    return _started(net, start, seed)


def resnet34(skip="inside", start="he", shortcut="A", seed=0, classes=1000):
    """Return the net of 34 weight layers of He et al. 2015 (table 1, figure 3), or its plain twin,
    untrained.

    Maps images (examples, 3, height, width), 224 x 224 in the paper, to scores (examples, classes).
    Arguments and errors as for ``convolutional``.
    """
    _check_sizes(classes=classes)
    first = [convolution(3, 64, 7, stride=2), nn.ReLU(), nn.MaxPool2d(3, stride=2, padding=1)]
    stages = [(3, 64), (4, 128), (6, 256), (3, 512)]
    net = nn.Sequential(*first, *_stages(stages, skip, shortcut), *_head(512, classes))
    return _started(net, start, seed)


def _stages(stages, skip, shortcut):
    """The blocks of all stages, each stage a pair (blocks, channels); from the second on it starts
    with stride 2.
    """
    inputs = stages[0][1]
    for stage, (blocks, channels) in enumerate(stages):
        for number in range(blocks):
            yield convolutional_block(
                inputs, channels, 2 if stage and not number else 1, skip, shortcut, seed=None
            )
            inputs = channels


def _head(channels, classes):
    return nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.utils.skip_init(nn.Linear, channels, classes)


def start(net, start="pytorch", seed=0):
    """Give every layer of ``net`` fresh initial numbers, from ``seed`` alone, and return the net.

    "pytorch": W and b uniform in +- 1 / sqrt(fan_in), what nn.Linear and nn.Conv2d do by
    themselves; "he": W normal with deviation sqrt(2 / fan_in), b = 0 (He et al. 2015, arXiv
    1502.01852, equation 10); "zero": as "he", then the last layer of every block is zero, so that a
    residual block starts as the identity: W = 0 and b = 0, or, where the block ends in a batch
    normalisation, its gamma = 0 (Goyal et al. 2017, arXiv 1706.02677, section 5.1). fan_in is the
    number of inputs of one unit, kernel height x width x channels for a convolution. A batch
    normalisation starts with gamma = 1, beta = 0 and fresh running statistics. What stands on
    shortcuts does not change the numbers of the other layers. Raises ValueError for an unknown
    ``start``.
    """
    _known("start", start, STARTS)
    generator = torch.Generator().manual_seed(int(seed))
    on_shortcuts = {
        part for block in net.modules() if isinstance(block, Block) for part in block.Ws.modules()
    }
    for layer in sorted(
        net.modules(), key=on_shortcuts.__contains__
    ):  # last, so that all others keep their numbers
        if isinstance(layer, nn.Linear | nn.Conv2d):
            _start_layer(layer, start, generator)
        elif isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
            layer.reset_parameters()
    if start == "zero":
        for block in net.modules():
            if isinstance(block, Block):
                _silence(block)
    return net


def _silence(block):
    """Set the last layer of the branch that has weights to zero: a linear one, a convolution or a
    normalisation.
    """
    last = [
        layer for layer in block.second.modules() if getattr(layer, "weight", None) is not None
    ][-1]
    nn.init.zeros_(last.weight)
    if last.bias is not None:
        nn.init.zeros_(last.bias)


_started = start  # the functions above have an argument of the same name


def _start_layer(layer, start, generator):
    if start == "pytorch":
        bound = layer.weight[0].numel() ** -0.5
        nn.init.uniform_(layer.weight, -bound, bound, generator=generator)
        if layer.bias is not None:
            nn.init.uniform_(layer.bias, -bound, bound, generator=generator)
    else:
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu", generator=generator)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)


def _known(name, value, choices):
    if value not in choices:
        raise ValueError(
            f"{name} = {value!r} is not known; use one of {', '.join(map(repr, choices))}"
        )
    return value


def _check_sizes(**sizes):
    for name, size in sizes.items():
        if not _whole(size) or size < 1:
            raise ValueError(f"{name} = {size!r}, but it must be a whole number above 0")


def _whole(size):
    """Whether a size is an integer, of Python, NumPy or PyTorch; 8.0 is none, and layers would not
    take it.
    """
    try:
        operator.index(size)
    except TypeError:
        return False
    return True
