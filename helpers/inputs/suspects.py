"""Mistakes that raise no error: a net trains, but not as it was meant to. Each gets one warning."""

import re
import sys
import warnings
from contextlib import ExitStack
from math import nan, sqrt

import torch
from torch import nn

OWN = ("helpers.", "torch.", "contextlib")  # whose lines a warning does not point at
LARGE = 20.0  # numbers of images and scores whose size is no longer that of 1
NORMALISATIONS = (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm)
# What a net may end in that takes scores away: the node of PyTorch's graph, its name, and why not.
CLIPPED = "scores below it are all the same, and nothing is learned from them"
BOUNDED = "scores cannot get large, so the loss cannot get small"
ENDS = {
    "Relu": ("a ReLU", CLIPPED),
    "Hardtanh": ("a g with two bounds", BOUNDED),
    "Clamp": ("a clamp", "scores beyond it are all the same, and nothing is learned from them"),
    "Abs": ("an absolute value", "a score and its opposite are one"),
    "Softplus": ("a softplus", CLIPPED),
    "Hardsigmoid": ("a sigmoid", BOUNDED),
    "ClampMin": ("a ReLU", CLIPPED),
    "Gelu": ("a GELU", CLIPPED),
    "Silu": ("a SiLU", CLIPPED),
    "Sigmoid": ("a sigmoid", BOUNDED),
    "Tanh": ("a tanh", BOUNDED),
    "Softmax": ("a softmax", "the loss, cross-entropy, has one inside; two of them learn slowly"),
}
PASSING = ("View", "UnsafeView", "Squeeze", "Unsqueeze", "Alias", "Clone", "ToCopy", "Transpose")
MIN_IMAGES = 50  # fewer do not tell guessing from knowing


def warn(message):
    """Warn, at the line of the notebook or the file that called the helpers."""
    level, frame = 1, sys._getframe()
    while frame.f_back and frame.f_globals.get("__name__", "").startswith(OWN):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, stacklevel=level)


def look(net, x, y, scores):
    """Warn of what looks like a mistake: in a net, training images, labels, the first scores."""
    leaves = _leaves(scores)
    found = [_hidden(net, leaves), _cut_off(net, x[:2], leaves), _frozen(net)]
    found += [_end(scores.detach(), scores.grad_fn), _one_class(y), _all_alike(x)]
    found += [_unscaled(x, scores)]
    for message in filter(None, found):
        warn(message)


def _leaves(scores):
    """Return the set of tensors that the scores depend on; None if a node of their graph hides it.

    Tensors are hashed by what they are, not by their numbers.
    """
    found, seen, todo = set(), set(), [scores.grad_fn]
    while todo:
        node = todo.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if "Checkpoint" in node.name():
            return None
        if node.name().endswith("AccumulateGrad"):
            found.add(node.variable)
        todo += [before for before, _ in node.next_functions]
    return found


def _hidden(net, leaves):
    """What the scores depend on and PyTorch does not see: layers in a Python list, say."""
    hidden = (leaves or set()) - set(net.parameters())
    if not hidden:
        return None
    count = sum(leaf.numel() for leaf in hidden)
    for name, part in net.named_modules():
        for attribute, value in vars(part).items():
            if any(not hidden.isdisjoint(_numbers(each)) for each in _parts(value)):
                said = f"{name}.{attribute} is {_how_hidden(value, count)}".lstrip(".")
                return f"{said}; write self.{attribute} = {_mend(value)}"
    return (
        f"{count:,} numbers that the scores depend on are not the net's own, and are not trained: "
        "make their layers attributes of the net; if that is meant, freeze them with "
        "requires_grad_(False)"
    )


def _how_hidden(value, count):
    if isinstance(value, torch.Tensor):
        return "a tensor that PyTorch does not train"
    kind = type(value).__name__
    return f"a Python {kind}, in which PyTorch sees nothing: its {count:,} numbers are not trained"


def _mend(value):
    if isinstance(value, torch.Tensor):
        return "nn.Parameter(...)"
    kind = "Module" if any(isinstance(part, nn.Module) for part in _parts(value)) else "Parameter"
    return f"nn.{kind}{'Dict' if isinstance(value, dict) else 'List'}(...)"


def _parts(value):
    """Yield the modules and tensors in a value, in whatever lists and dicts they are wrapped."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, dict | list | tuple | set):
        for item in value.values() if isinstance(value, dict) else value:
            yield from [item] if isinstance(item, nn.Module) else _parts(item)


def _numbers(part):
    return [part] if isinstance(part, torch.Tensor) else part.parameters()


def _cut_off(net, x, leaves):
    """Layers that compute, and to which no gradient comes back."""
    if leaves is None or leaves.issuperset(p for p in net.parameters() if p.requires_grad):
        return None
    called, names = set(), []
    with ExitStack() as hooks:
        for part in net.modules():
            hooks.enter_context(part.register_forward_hook(lambda m, *_: called.add(m)))
        net(x)
    for name, part in net.named_modules():
        own = [p for p in part.parameters(recurse=False) if p.requires_grad]
        if part in called and own and leaves.isdisjoint(own):
            names.append(name or type(part).__name__)
    if not names:
        return None
    return (
        f"no gradient comes back to {_and_more(names)}: look for detach, torch.no_grad or .data in "
        "forward; if that is meant, freeze them with requires_grad_(False)"
    )


def _and_more(names):
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _frozen(net):
    """Layers that are frozen while others learn on both sides of them, and more of them.

    A net that learns only at one place (a new head, a new block), or only in small layers among
    frozen ones, is meant that way.
    """
    parts = [("", net)]
    while len(parts) == 1:
        parts = [pair for pair in parts[0][1].named_children() if _has_numbers(pair[1])]
    learns = [any(p.requires_grad for p in part.parameters()) for _, part in parts]
    if True not in learns:  # there are no parts, or only normalisations learn
        return None
    first, last = learns.index(True), len(learns) - 1 - learns[::-1].index(True)
    names = [parts[place][0] for place in range(first, last) if not learns[place]]
    if not names or len(names) > sum(learns):
        return None
    return (
        f"{_and_more(names)} of the net {'is' if len(names) == 1 else 'are'} frozen while layers "
        "before and after learn; if that is not meant, write net.requires_grad_(True)"
    )


def _has_numbers(part):
    return not isinstance(part, NORMALISATIONS) and next(part.parameters(), None) is not None


def _end(scores, node):
    """What a net ends in that the loss cannot do with."""
    # A node is called ReluBackward0, say: that of Relu.
    while (name := re.sub(r"Backward\d*$", "", node.name() if node else "")) in PASSING:
        node = node.next_functions[0][0]
    sums_to_one = bool((scores.float().sum(1) - 1).abs().max() < 1e-2 and scores.min() >= 0)
    if scores.shape[1] > 1 and sums_to_one:
        name = "Softmax"
    if name not in ENDS:
        return None
    end, why = ENDS[name]
    return f"the net ends in {end}, but must end in scores of any size: {why}; leave it out"


def _one_class(y):
    """Labels of which there is nothing to learn."""
    if len(y) == 1 or y.min() != y.max():
        return None
    return f"all training labels are {int(y[0])}, so there is nothing to tell apart"


def _all_alike(x):
    """Images that are all zero, as whole pixels divided by 255 with // are."""
    if len(x) == 1 or not torch.equal(x, x[:1].expand_as(x)):
        return None
    return "all training images are the same, so there is nothing to tell apart"


def _unscaled(x, scores):
    """Pixels from 0 to 255, which make the first scores as large."""
    size = x[:256].float().square().mean().sqrt().item()
    if size < LARGE or scores.detach().abs().max() < LARGE:
        return None
    return (
        f"the numbers of the images are about {size:.0f} in size, and so are the scores: nets "
        "start from numbers near 1, so use datasets.standardise, or divide by 255"
    )


def look_back(histories):
    """Warn if nets learned the training images, and know the test images by guessing only."""
    by_heart = [history for history in histories if _is_by_heart(history)]
    if by_heart:
        trained, test = by_heart[0].final_training_error, by_heart[0].final_test_error
        which = f"{len(by_heart)} of {len(histories)} nets" if histories[1:] else "the net"
        warn(
            f"{which} learned the training images by heart ({trained:.0%} wrong), but does no "
            f"better than guessing with the test images ({test:.0%} wrong): do the labels belong "
            "to the images?"
        )


def _is_by_heart(history):
    training, test = history.chance
    learned = 2 * history.final_training_error < training
    return learned and history.final_test_error >= test


def chance(*several):
    """Return, for each of the labels y (n,), the error from which on guessing does as well.

    A guess that is always the most common class is wrong for all others. The limit is two standard
    deviations below that, and NaN for fewer than MIN_IMAGES images: too few to tell.
    """
    found = []
    for y in several:
        share = torch.bincount(y.cpu()).max().item() / len(y)
        limit = 1 - share - 2 * sqrt(share * (1 - share) / len(y))
        found.append(limit if len(y) >= MIN_IMAGES and limit > 0 else nan)
    return tuple(found)
