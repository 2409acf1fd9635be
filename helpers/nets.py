"""Plain and residual nets in PyTorch: one class of block, told apart by one switch.

Examples come first here, as everywhere in PyTorch: ``a`` is (examples, units), the transpose of the
lecture's, or (examples, channels, height, width) for feature maps.
"""

import torch
from torch import nn

from helpers.block import SKIPS, check_known
from helpers.inputs import arguments, parts, rehearsal
from helpers.inputs.numbers import check_seed, check_whole, is_whole

STARTS = ("pytorch", "he", "identity")
SHORTCUTS = ("A", "B", "C")


class Block(nn.Module):
    """Two layers, and a shortcut past both of them; maps (examples, width) to the same shape.

    width: units of each layer, if ``layers`` is not given.
    skip: "none" (plain), "inside" (He et al. 2015, arXiv 1512.03385, figure 2) or "outside" (He et
        al. 2016, arXiv 1603.05027, figure 4c). It has no parameters and can be changed at any time.
    seed: sets PyTorch's own initial numbers (see ``initialise``); with None, they are not set.
    layers: the two layers without their g, any modules; by default fully connected ones.
    Ws: a module for the shortcut; by default a[l] is added as it is.
    Raises ValueError for an unknown ``skip``, a width below 1, and layers that are no two modules.
    """

    def __init__(self, width, skip="inside", seed=0, layers=None, Ws=None):
        super().__init__()
        check_whole(width=width)
        self.skip = check_known("skip", skip, SKIPS)
        layers = (linear(width, width), linear(width, width)) if layers is None else layers
        parts.check_layers(layers, Ws := nn.Identity() if Ws is None else Ws)
        (self.first, self.second), self.Ws = layers, Ws
        if seed is not None:
            initialise(self, "pytorch", seed)

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
                check_known("skip", self.skip, SKIPS)

    def extra_repr(self):
        return f"skip={self.skip!r}"


class ZeroPadding(nn.Module):
    """Ws of ones and zeros: keep every ``stride``-th pixel, and add ``more`` channels of zeros.

    (examples, channels, height, width) becomes (examples, channels + more, ...), its sides divided
    by ``stride`` and rounded up. Option A of He et al. 2015, section 3.3.
    Raises ValueError for a ``stride`` below 1 or a negative ``more``.
    """

    def __init__(self, stride, more):
        super().__init__()
        check_whole(stride=stride)
        check_whole(0, more=more)
        self.stride, self.more = stride, more

    def forward(self, a):
        kept = a[:, :, :: self.stride, :: self.stride]
        return nn.functional.pad(kept, (0, 0, 0, 0, 0, self.more))

    def extra_repr(self):
        return f"stride={self.stride}, more={self.more}"


def convolutional_block(inputs, outputs, stride=1, skip="inside", shortcut="A", seed=0):
    """Return a Block of two 3 x 3 "same" convolutions, each with batch normalisation.

    inputs, outputs: channels; (examples, inputs, height, width) becomes (examples, outputs, ...).
    stride: divides height and width, which are rounded up.
    skip, seed: as for ``Block``.
    shortcut: what Ws is (He et al. 2015, sections 3.3 and 4.1): "A" zero padding where dimensions
        change, "B" a learned 1 x 1 convolution there, "C" a learned one in every block.
    Raises ValueError for an unknown ``skip`` or ``shortcut``, for "B" or "C" without a skip, for a
    size below 1, and where "A" would have to drop channels.
    """
    check_known("shortcut", shortcut, SHORTCUTS)
    if skip == "none" and shortcut != "A":
        raise ValueError(
            f"shortcut = {shortcut!r} puts weights on the shortcut, but a plain net has none: "
            "use 'A'"
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
    """Return a "same" convolution with batch normalisation: stride 1 keeps height and width.

    The convolution has no bias, since the normalisation that follows has one (beta).
    Raises ValueError for sizes that are not whole numbers above 0, and for an even ``kernel``.
    """
    check_whole(inputs=inputs, outputs=outputs, kernel=kernel, stride=stride)
    if kernel % 2 == 0:
        raise ValueError(f"kernel = {kernel}, but one with a pixel in its middle is odd: 1, 3, 5")
    options = {"stride": stride, "padding": (kernel - 1) // 2, "bias": False}
    layer = _unset(nn.Conv2d, inputs, outputs, kernel, **options)
    return nn.Sequential(layer, nn.BatchNorm2d(outputs))


def linear(inputs, outputs):
    """Return a fully connected layer whose numbers are not set yet."""
    check_whole(inputs=inputs, outputs=outputs)
    return _unset(nn.Linear, inputs, outputs)


def _unset(layer, *sizes, **options):
    """Make a layer; what PyTorch draws for it is thrown away, and nobody's next number changes.

    nn.utils.skip_init draws nothing, and takes four times as long for layers as small as ours.
    """
    with torch.random.fork_rng(devices=[]):
        return layer(*sizes, **options)


def fully_connected(layers, skip="inside", start="he", seed=0, inputs=64, width=64, classes=10):
    """Return a net: one layer into ``width`` units, blocks of two layers, one into the classes.

    layers: weight layers, 2, 4, 6, ...
    skip: as for ``Block``.
    start, seed: as for ``initialise``; nets of one start and seed have the same initial numbers,
        whatever their ``skip``. (The start "identity" is what its name says instead.)
    inputs, width, classes: numbers of an image, units of a layer, scores.
    Maps images or vectors (examples, ...) to scores (logits), (examples, classes).
    Raises ValueError for other ``layers``, an unknown ``skip`` or ``start``, and a size below 1.
    """
    if not is_whole(layers) or layers < 2 or layers % 2:
        raise ValueError(
            f"layers = {layers!r}, but a net has a first and a last layer and blocks of two: "
            "2, 4, 6, ... (an int)"
        )
    check_known("skip", skip, SKIPS)
    check_whole(inputs=inputs, width=width, classes=classes)
    net = nn.Sequential(
        nn.Flatten(),
        linear(inputs, width),
        nn.ReLU(),
        *(Block(width, skip, seed=None) for _ in range(layers // 2 - 1)),
        linear(width, classes),
    )
    return initialise(net, start, seed)


def convolutional(
    layers, skip="inside", start="he", shortcut="A", seed=0, channels=1, width=16, classes=10
):
    """Return a net for small images: He et al. 2015, section 4.2.

    One 3 x 3 convolution; three stages of n blocks with ``width``, 2 ``width`` and 4 ``width``
    channels, each new stage at half the height and width; the mean over all pixels; one fully
    connected layer. Maps (examples, channels, height, width) to scores (examples, classes).
    layers: weight layers, 6n + 2: 8, 14, 20, ...
    skip, shortcut: as for ``convolutional_block``.
    start, seed: as for ``fully_connected``.
    channels, width, classes: of the images, of the first stage, and the number of scores.
    Raises ValueError for other ``layers``, an unknown word, and a size below 1.
    """
    if not is_whole(layers) or layers < 8 or layers % 6 != 2:
        raise ValueError(
            f"layers = {layers!r}, but a net of three stages has 6n + 2 of them: "
            "8, 14, 20, 26, ... (an int)"
        )
    check_whole(channels=channels, width=width, classes=classes)
    first = [convolution(channels, width, 3), nn.ReLU()]
    stages = [((layers - 2) // 6, width * 2**stage) for stage in range(3)]
    return initialise(_in_stages(first, stages, skip, shortcut, classes), start, seed)


def resnet34(skip="inside", start="he", shortcut="A", seed=0, classes=1000, blocks=(3, 4, 6, 3)):
    """Return the net of 34 layers of He et al. 2015 (table 1, figure 3), or its plain twin.

    Maps images (examples, 3, height, width), 224 x 224 in the paper, to scores (examples, classes).
    It is not trained. Arguments and errors are those of ``convolutional``.
    blocks: in each stage; (2, 2, 2, 2) makes the net of 18 layers in that table.
    """
    (blocks,) = arguments.as_lists(blocks=blocks)
    check_whole(classes=classes, stages=len(blocks))
    check_whole(**{f"blocks[{stage}]": count for stage, count in enumerate(blocks)})
    first = [convolution(3, 64, 7, stride=2), nn.ReLU(), nn.MaxPool2d(3, stride=2, padding=1)]
    stages = [(count, 64 * 2**stage) for stage, count in enumerate(blocks)]
    return initialise(_in_stages(first, stages, skip, shortcut, classes), start, seed)


def _in_stages(first, stages, skip, shortcut, classes):
    """The first layers; stages (blocks, channels), of which all but the first start with stride 2;
    the mean over all pixels; one fully connected layer.
    """
    net, inputs = nn.Sequential(*first), stages[0][1]
    for stage, (blocks, channels) in enumerate(stages):
        for number in range(blocks):
            stride = 2 if stage and not number else 1
            net.append(convolutional_block(inputs, channels, stride, skip, shortcut, seed=None))
            inputs = channels
    return net.extend([nn.AdaptiveAvgPool2d(1), nn.Flatten(), linear(inputs, classes)])


def initialise(net, start="pytorch", seed=0):
    """Give the layers of ``net`` initial numbers, from ``seed`` alone, and return the net.

    start: "pytorch", W and b uniform in +- 1 / sqrt(fan_in), as nn.Linear and nn.Conv2d do it;
        "he", W normal with standard deviation sqrt(2 / fan_in), b = 0 (He et al. 2015, arXiv
        1502.01852, equation 10); "identity", as "he", then every block becomes the identity for
        an input that a ReLU has passed: of a residual block the last layer is 0 (W and b, or gamma
        of a normalisation: Goyal et al. 2017, arXiv 1706.02677, section 5.1), of a plain block
        both layers copy (W = I and b = 0, or kernels that keep the pixel in their middle).
    fan_in counts the inputs of a unit: of a convolution, kernel height x width x channels. In
    nn.BatchNorm1d and 2d gamma = 1, beta = 0; layers of other types keep the numbers they have.
    Raises ValueError for an unknown ``start``, and for a ``net`` that is none or has lazy layers.
    """
    check_known("start", start, STARTS)
    arguments.check_kind("the net", net)
    if rehearsal.is_lazy_net(net):
        raise ValueError("the net has lazy layers: give it images once, and they get their shapes")
    generator = torch.Generator().manual_seed(check_seed(seed))
    blocks = [part for part in net.modules() if isinstance(part, Block)]
    on_shortcuts = {part for block in blocks for part in _parts(block.Ws)}
    # Shortcuts last, so that their layers do not change the numbers of the others.
    for layer in sorted(net.modules(), key=on_shortcuts.__contains__):
        if isinstance(layer, nn.Linear | nn.Conv2d):
            _initialise_layer(layer, start, generator)
        elif isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
            layer.reset_parameters()
    if start == "identity":
        for block in blocks:
            (_copy if block.skip == "none" else _silence)(block)
    return net


def _parts(layer):
    """All modules in a layer; there are none in a function."""
    return layer.modules() if isinstance(layer, nn.Module) else ()


def _copy(block):
    """Let both layers of a plain block return their input."""
    for layer in block.modules():
        if isinstance(layer, nn.Linear):
            nn.init.eye_(layer.weight)
        elif isinstance(layer, nn.Conv2d):
            nn.init.dirac_(layer.weight)


def _silence(block):
    """Set the last layer with weights (linear, convolution, normalisation) of the branch to 0."""
    with_weights = [m for m in _parts(block.second) if getattr(m, "weight", None) is not None]
    if not with_weights:
        raise ValueError("the second layer of a block has no weights: it is never the identity")
    last = with_weights[-1]
    nn.init.zeros_(last.weight)
    if last.bias is not None:
        nn.init.zeros_(last.bias)


@torch.no_grad()
def _initialise_layer(layer, start, generator):
    """Draw on the CPU, so that the numbers are the same on every device."""
    parameters = [p for p in (layer.weight, layer.bias) if p is not None]
    W, *b = [torch.zeros_like(p, device="cpu", requires_grad=False) for p in parameters]
    if start == "pytorch":
        bound = W[0].numel() ** -0.5
        for numbers in (W, *b):
            nn.init.uniform_(numbers, -bound, bound, generator=generator)
    else:
        nn.init.kaiming_normal_(W, nonlinearity="relu", generator=generator)
    for parameter, numbers in zip(parameters, (W, *b), strict=True):
        parameter.copy_(numbers)
