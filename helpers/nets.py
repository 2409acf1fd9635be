"""Plain and residual nets in PyTorch: one class of block, told apart by one switch.

Examples are rows here, as everywhere in PyTorch: ``a`` has shape (examples, units), the transpose of the lecture's.
"""

import torch
from torch import nn

SKIPS = ("none", "inside", "outside")
STARTS = ("pytorch", "he", "zero")


class Block(nn.Module):
    """Two fully connected layers of ``width`` units, and a shortcut past both of them: (examples, width) in and out.

    ``skip`` is "none" (plain), "inside" (He et al. 2015, arXiv 1512.03385, figure 2) or "outside" (He et al. 2016,
    arXiv 1603.05027, figure 4c), and can be changed at any time: it has no parameters. The initial numbers are those
    of PyTorch's own start, from ``seed`` alone; see ``start``.
    Raises ValueError for an unknown ``skip`` or a width below 1.
    """

    def __init__(self, width, skip="inside", seed=0):
        super().__init__()
        _check_width(width)
        self.skip = _known("skip", skip, SKIPS)
        self.first = nn.utils.skip_init(nn.Linear, width, width)
        self.second = nn.utils.skip_init(nn.Linear, width, width)
        start(self, "pytorch", seed)

    def forward(self, a):
        z = self.second(torch.relu(self.first(a)))
        match self.skip:
            case "none":
                return torch.relu(z)
            case "inside":
                return torch.relu(z + a)
            case "outside":
                return torch.relu(z) + a
            case _:
                _known("skip", self.skip, SKIPS)

    def extra_repr(self):
        return f"skip={self.skip!r}"


def fully_connected(layers, skip="inside", start="he", seed=0, inputs=64, width=64, classes=10):
    """Return a net of ``layers`` weight layers: one into ``width`` units, blocks of two, one into the classes.

    Maps images or vectors with ``inputs`` numbers each, (examples, ...), to scores (logits) of shape
    (examples, classes). ``start`` sets the initial numbers, see ``start``; nets of one seed and start have the same
    ones whatever their ``skip``. Raises ValueError unless ``layers`` is even and at least 2, and for an unknown
    ``skip`` or ``start``, or a width below 1.
    """
    if layers < 2 or layers % 2:
        raise ValueError(f"layers = {layers}, but a net has a first and a last layer and blocks of two: 2, 4, 6, ...")
    _known("skip", skip, SKIPS)
    _check_width(width)
    net = nn.Sequential(
        nn.Flatten(),
        nn.utils.skip_init(nn.Linear, inputs, width),
        nn.ReLU(),
        *(Block(width, skip) for _ in range(layers // 2 - 1)),
        nn.utils.skip_init(nn.Linear, width, classes),
    )
    return _started(net, start, seed)


def start(net, start="pytorch", seed=0):
    """Give every linear layer of ``net`` fresh initial numbers, from ``seed`` alone, and return the net.

    "pytorch": W and b uniform in +- 1 / sqrt(fan_in), what nn.Linear does by itself;
    "he": W normal with deviation sqrt(2 / fan_in), b = 0 (He et al. 2015, arXiv 1502.01852, equation 10);
    "zero": as "he", then W = 0 and b = 0 in the last layer of every block, so that a residual block starts as the
    identity (the idea of Goyal et al. 2017, arXiv 1706.02677, section 5.1, without normalisation).
    Raises ValueError for an unknown ``start``.
    """
    _known("start", start, STARTS)
    generator = torch.Generator().manual_seed(seed)
    for layer in net.modules():
        if isinstance(layer, nn.Linear):
            _start_layer(layer, start, generator)
    if start == "zero":
        for block in net.modules():
            if isinstance(block, Block):
                nn.init.zeros_(block.second.weight)
                nn.init.zeros_(block.second.bias)
    return net


_started = start  # ``fully_connected`` has an argument of the same name


def _start_layer(layer, start, generator):
    if start == "pytorch":
        bound = layer.in_features**-0.5
        nn.init.uniform_(layer.weight, -bound, bound, generator=generator)
        if layer.bias is not None:
            nn.init.uniform_(layer.bias, -bound, bound, generator=generator)
    else:
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu", generator=generator)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)


def _known(name, value, choices):
    if value not in choices:
        raise ValueError(f"{name} = {value!r} is not known; use one of {', '.join(map(repr, choices))}")
    return value


def _check_width(width):
    if width < 1:
        raise ValueError(f"width = {width}, but a layer needs at least 1 unit")
