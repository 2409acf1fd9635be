"""Whether a net takes these images, and learns from them: tried on a few, before any training."""

import copy
import re
from contextlib import ExitStack

import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.nn.parameter import is_lazy

# What to write for images that a net takes in another form: tried on the net before it is said.
FORMS = {
    "give them a channel, as x_train[:, None] does": lambda x: x[:, None],
    "put the channels first, as np.moveaxis(x_train, -1, 1) does": lambda x: x.movedim(-1, 1),
    "make each a vector, as x_train.reshape(len(x_train), -1) does": lambda x: x.flatten(1),
    "repeat the channel, as np.repeat(x_train, 3, axis=1) does": lambda x: x.repeat(1, 3, 1, 1),
    "repeat it as a channel, as np.repeat(x_train[:, None], 3, axis=1) does": (
        lambda x: x[:, None].repeat(1, 3, 1, 1)
    ),
}
AT_ONCE = 256  # images that are measured at once


def is_lazy_net(net):
    """Return whether a net has layers that get their shapes from the first images."""
    return any(map(is_lazy, [*net.parameters(), *net.buffers()]))


def check_learns(net, x, y, batch):
    """Raise ValueError if a step would fail: tried there and back with two images, and with one."""
    net.train()
    if len(x) == 1:
        _check_lone_image(net, x, "there is one training image", "")
    scores = score(net, x[:2])
    if batch == 1 or len(x) % batch == 1:
        _check_lone_image(net, x, f"batch = {batch} leaves one image alone", ": choose another")
    try:
        learned = [p for p in net.parameters() if p.requires_grad]
        torch.autograd.grad(cross_entropy(scores, y[:2]), learned, allow_unused=True)
    except Exception as error:  # a backward of the reader's own may raise anything
        reason, mend = first_line(error), ""
        if "use_reentrant=True" in reason:  # a checkpoint that only loss.backward() can take
            return
        if "inplace operation" in reason:
            reason = "an operation in place, such as h += ..., changes what the gradient needs"
            mend = ": write h = h + ..."
        raise ValueError(f"the net cannot learn from these images: {reason}{mend}") from error


def check_measures(net, *sets):
    """Raise ValueError if a net cannot be measured on one of these sets of images."""
    if any(len(x) % AT_ONCE == 1 for x in sets):
        said = f"one image would be measured alone ({AT_ONCE} at once are)"
        _check_lone_image(net.eval(), sets[0], said, ": add one, or leave one out")


def _check_lone_image(net, x, said, mend):
    """A normalisation over the batch may not be able to take a single image."""
    try:
        scores = net(x[:1])
    except Exception as error:  # a forward may raise anything
        raise ValueError(f"{said}, and this net needs two{mend}") from error
    _check_scores(scores, 1)


def score(net, x):
    """Return the scores of images, with gradients; ValueError says why there are none."""
    shown, was_lazy = x.clone(), is_lazy_net(net)
    try:
        scores = net(shown)
    except Exception as error:  # a forward may raise anything
        again = "; build the net again, since its lazy layers have shapes now"
        raise ValueError(f"{_explain(net, x, error)}{again if was_lazy else ''}") from error
    if not torch.equal(shown, x):
        raise ValueError(
            "the net changes the images that it is given, by an operation in place: let its "
            "forward begin with x = x.clone()"
        )
    _check_scores(scores, len(x))
    return scores


def _check_scores(scores, count):
    rows = f"a tensor ({count}, classes), one row of scores an image"
    if not isinstance(scores, torch.Tensor):
        raise ValueError(f"the net makes a {type(scores).__name__}, but must make {rows}")
    if scores.ndim != 2 or len(scores) != count:
        shape, images = tuple(scores.shape), "image" if count == 1 else "images"
        raise ValueError(f"the net makes {shape} of {count} {images}, but must make {rows}")
    if not scores.requires_grad:
        raise ValueError(
            "no gradient comes back from the scores of the net: its forward must not use "
            "torch.no_grad, detach, .data, NumPy or argmax"
        )


def _explain(net, x, error):
    """Say which part of a net cannot take what it is given, and which form the net would take."""
    shape, dtype = tuple(x.shape[1:]), str(x.dtype).removeprefix("torch.")
    reason, mend = _where(_copied(net), x) or first_line(error), ""
    for form, change in FORMS.items():
        try:
            _check_scores(_copied(net)(change(x)), len(x))
        except Exception:  # not this form, then
            continue
        mend = f"; it takes {tuple(change(x).shape[1:])}, so {form}, and x_test alike"
        break
    return f"the net cannot take images of shape {shape} in {dtype}: {reason}{mend}"


def _copied(net):
    try:
        return copy.deepcopy(net)
    except Exception:  # a net that keeps what it computed cannot be copied
        return net


def first_line(error):
    """Return the first line of an error's text; the type as well, if its sentences are terse."""
    text = str(error).strip().split("\n")[0]
    if isinstance(error, RuntimeError | ValueError) and text:
        return text
    return f"{type(error).__name__}: {text}"


def _where(net, x):
    """Return which layer fails, and what it was given; None if it is the net's own forward."""
    entered = []

    def enter(name):
        return lambda part, given, named: entered.append((name, part, [*given, *named.values()]))

    def leave(*_):  # a hook that returned something would replace the output
        entered.pop()

    try:
        with ExitStack() as hooks:
            for name, part in net.named_modules():
                hooks.enter_context(part.register_forward_pre_hook(enter(name), with_kwargs=True))
                hooks.enter_context(part.register_forward_hook(leave))
            net(x)
    except Exception as error:
        match entered[-1:]:
            case [(name, part, [torch.Tensor() as given, *_])] if name:
                layer = part if not list(part.children()) else type(part).__name__
                reason = f" ({first_line(error)})"
                shown = isinstance(part, nn.Linear | nn.Conv2d)  # they show what shapes they take
                if shown and not re.search("type|device", reason):
                    reason = ""
                return f"its layer {name}, {layer}, is given {tuple(given.shape)}{reason}"
    return None
