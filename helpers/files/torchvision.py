"""torchvision's names for what a ResNet has learned, and the course's names for the same.

torchvision's library is not needed. A file of weights is read as numbers: no code in it is run.
"""

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import torch

# The layers of a block: torchvision's name, and ours in nets.convolutional_block.
LAYERS = {
    "conv1": "first.0",
    "bn1": "first.1",
    "conv2": "second.0",
    "bn2": "second.1",
    "downsample.0": "Ws.0",
    "downsample.1": "Ws.1",
}
COUNTER = "num_batches_tracked"  # of a normalisation; files from before 2018 lack it
PREFIXES = re.compile(r"^(module\.|_orig_mod\.)+")  # of nn.DataParallel and torch.compile
CHECKPOINTS = ("state_dict", "model")  # where they keep the weights; torchvision's own as a model


def renamed(weights, like):
    """Return torchvision's weights under our names, as the ``like`` of the net to be filled has.

    weights: a path, torchvision's state dict, or a checkpoint with one under "state_dict" or
        "model"; names may begin with "module.", as nn.DataParallel writes them, or "_orig_mod.".
    like: the state dict of our net, such as nets.resnet34(shortcut="B").state_dict().

    Returns {name: tensor} for ``load_state_dict``. Raises OSError for a file that cannot be opened,
    and ValueError for one that holds no weights, for those of another net, and for shapes that do
    not fit.
    """
    given = _given(weights)
    ours = _their_names(like)
    _check_blocks(given, ours)
    if lacking := [name for name in ours.keys() - given.keys() if not name.endswith(COUNTER)]:
        raise ValueError(f"the weights lack {_some(lacking)}; the net has {len(ours)} tensors")
    if unknown := given.keys() - ours.keys():
        mend = ': build it with shortcut = "B"' * all(".downsample." in name for name in unknown)
        raise ValueError(f"the weights have {_some(unknown)}, which the net has no place for{mend}")
    found = {name: given.get(theirs, like[name]) for theirs, name in ours.items()}
    for theirs, name in ours.items():
        shape, wanted = tuple(found[name].shape), tuple(like[name].shape)
        if shape != wanted:
            mend = f": build the net with classes = {shape[0]}" if theirs.startswith("fc.") else ""
            raise ValueError(f"{theirs} has the shape {shape}, and the net takes {wanted}{mend}")
    return found


def _given(weights):
    """The state dict in a path, a checkpoint or a state dict; without prefixes."""
    if isinstance(weights, str | Path):
        weights = _read(Path(weights).expanduser())
    if isinstance(weights, Mapping):
        inside = (weights[key] for key in CHECKPOINTS if isinstance(weights.get(key), Mapping))
        weights = next(inside, weights)
    tensors = isinstance(weights, Mapping) and all(map(torch.is_tensor, weights.values()))
    if not tensors or not weights:
        kind = type(weights).__name__
        raise ValueError(f"these are no weights but a {kind}: give torchvision's state dict")
    return {PREFIXES.sub("", str(name)): tensor for name, tensor in weights.items()}


def _read(path):
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except Exception as error:  # a file of something else may raise anything
        mend = "fetch it again; of a net that was saved whole, save net.state_dict() instead"
        if path.suffix == ".safetensors":
            mend = "give the dictionary that safetensors.torch.load_file makes of it"
        raise ValueError(
            f"{path} is no file of weights by torch.save, or is damaged "
            f"({type(error).__name__}): {mend}"
        ) from error


def _their_names(like):
    """{torchvision's name: ours}. A new stage begins where the number of channels changes."""
    layers = {ours: theirs for theirs, ours in LAYERS.items()}
    found, stage, place, channels = {}, 0, 0, None
    for name, tensor in like.items():
        layer, _, which = name.rpartition(".")
        if name.endswith(".first.0.weight"):  # a block begins
            is_new, channels = len(tensor) != channels, len(tensor)
            stage, place = stage + is_new, 0 if is_new else place + 1
        theirs = {"0.0": "conv1", "0.1": "bn1"}.get(layer, "fc")
        if inside := layers.get(layer.partition(".")[2]):
            theirs = f"layer{stage}.{place}.{inside}"
        found[f"{theirs}.{which}"] = name
    return found


def _check_blocks(given, ours):
    """Raise ValueError for weights of a net with other blocks."""
    if any(".conv3." in name for name in given):
        raise ValueError(
            "the weights are of a net whose blocks have three layers, such as ResNet-50; this net "
            "takes blocks of two, those of ResNet-34"
        )
    found, wanted = (
        {match[0] for name in names if (match := re.match(r"layer\d+\.\d+\b", name))}
        for names in (given, ours)
    )
    if found != wanted:
        each = Counter(name.split(".")[0] for name in sorted(found))  # stages in their order
        mend = f": build it with blocks = {tuple(each.values())}" if found else ""
        raise ValueError(
            f"the weights have {len(found)} blocks named as torchvision does (layer1.0, ...), and "
            f"the net has {len(wanted)}{mend}"
        )


def _some(names):
    names = sorted(names)
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
