"""Nets of one structure trained as one: torch.func.vmap computes all of them with the code of the
first, and what it computes again and again is traced and played back.
"""

import copy
import operator
from dataclasses import fields, is_dataclass
from functools import partial
from types import MethodType

import torch
from torch import nn
from torch.func import functional_call, vmap
from torch.nn.functional import cross_entropy
from torch.overrides import TorchFunctionMode

from helpers.lockstep import pixels, tracing

BACKWARD_HOOKS = ("_backward_hooks", "_backward_pre_hooks", "_post_accumulate_grad_hooks")
CHUNK_NUMBERS = 2**21  # how many numbers of images are measured at once: memory stays small


class Stack:
    """Nets of one structure as one: what each net learns is a row of (nets, parameters).

    nets: a list of them, of one structure (see ``groups``).
    data: (x_train, y_train, x_test, y_test), tensors.
    rates, seeds: one learning rate and one seed for each net.
    optimizer: makes one of torch.optim from a list of tensors and lr; called once for each rate.
    bfloat16: whether products are taken in that type while training.
    """

    def __init__(self, nets, data, rates, seeds, optimizer, bfloat16=False):
        self.nets, self.data, self.bfloat16 = nets, data, bfloat16
        self.template = copy.deepcopy(nets[0])
        pixels.suit_pixels(self.template)
        self.orders = [torch.Generator().manual_seed(int(seed)) for seed in seeds]
        states = [dict(net.named_parameters()) | dict(net.named_buffers()) for net in nets]
        self.fixed = {name: torch.stack([s[name].detach() for s in states]) for name in states[0]}
        trained = [name for name, p in nets[0].named_parameters() if p.requires_grad]
        trained = {name: self.fixed.pop(name) for name in trained}
        # A number for itself is (nets,): it needs an axis to be flattened.
        theta = torch.cat([values[:, None].flatten(1) for values in trained.values()], dim=1)
        self.learned = {
            name: view.requires_grad_() for name, view in _views(theta, trained).items()
        }
        gradients = torch.zeros_like(theta)
        self.gradients = _views(gradients, trained)
        of_rate = {float(rate): [] for rate in rates}
        self.rows, self.diverged = list(theta), theta.new_zeros(len(nets), dtype=torch.bool)
        for row, gradient, rate in zip(self.rows, gradients, rates, strict=True):
            row.grad = gradient
            of_rate[float(rate)].append(row)
        self.optimizers = [optimizer(rows, lr=rate) for rate, rows in of_rate.items()]
        # Calls what is computed at every step, and at every measurement.
        self._call = tracing.Traces() if tracing.is_known(self.template) else operator.call

    def scores(self, x):
        """The scores of each net for its own images: (nets, images, ...) to (nets, images,
        classes).
        """
        x = pixels.pixels_first(x) if x.ndim == 5 else x
        return vmap(partial(functional_call, self.template))((self.learned, self.fixed), x)

    @torch.enable_grad()  # whatever the caller has switched off
    def learn(self, batch, is_halted=lambda: False):
        """Train all nets for one epoch, in steps of ``batch`` images, each net in its own order."""
        images, device = len(self.data[0]), self.data[0].device
        order = torch.stack(
            [torch.randperm(images, generator=own, device="cpu") for own in self.orders]
        )
        self.template.train()
        for chosen in order.to(device).split(int(batch), dim=1):
            if is_halted():
                return
            self.diverged |= ~self.differentiate(chosen).isfinite()
            for number in self.diverged.nonzero().ravel().tolist():
                self.rows[number].grad = None  # a net that diverged stays as it is from now on
            for optimizer in self.optimizers:
                optimizer.step()

    def images(self, chosen):
        """The training images ``chosen`` (nets, batch), as the nets are given them."""
        return self.data[0][chosen]

    def differentiate(self, chosen):
        """Set the gradients of the losses for the images ``chosen`` (nets, batch); return the
        losses (nets,).
        """
        return self._call(self._set_gradients, self.images(chosen), self.data[1][chosen])

    def _set_gradients(self, x, y):
        with torch.autocast(x.device.type, torch.bfloat16, enabled=self.bfloat16):
            losses = cross_entropy(self.scores(x).mT, y, reduction="none").mean(dim=1)
        # A weight that has no way to the loss (Ws of a net that was made plain) has the gradient 0.
        found = torch.autograd.grad(
            losses.sum(), list(self.learned.values()), materialize_grads=True
        )
        for slot, gradient in zip(self.gradients.values(), found, strict=True):
            slot.copy_(gradient)
        return losses.detach()

    def rehearse(self):
        """Try one step without learning: vmap raises errors of many types for nets it refuses."""
        _check_nothing_is_lost(self.nets, self.data[0][:2])
        before = {name: values.clone() for name, values in self.fixed.items()}
        images = torch.arange(min(2, len(self.data[0])), device=self.data[0].device)
        chosen = images.expand(len(self.nets), -1)
        try:
            self.template.train()
            with torch.enable_grad():
                self.differentiate(chosen)
            self.template.eval()
            with torch.no_grad():
                self.scores(self.data[0][chosen])
        finally:  # running statistics
            for name, values in before.items():
                self.fixed[name].copy_(values)

    @torch.no_grad()
    def measure(self):
        """The loss, training error and test error of each net over all images: a list of triples.

        The loss of a net that diverged is NaN.
        """
        x_train, y_train, x_test, y_test = self.data
        self.template.eval()
        scores, test_scores = self._same_for_all(x_train), self._same_for_all(x_test)
        losses = cross_entropy(scores.mT, y_train.expand(len(scores), -1), reduction="none")
        losses = losses.mean(dim=1).masked_fill(self.diverged, torch.nan).tolist()
        return list(zip(losses, wrong(scores, y_train), wrong(test_scores, y_test), strict=True))

    def _same_for_all(self, x):
        """The scores of all nets for the same images: (images, ...) to (nets, images, classes)."""
        nets = len(self.nets)
        chunk = max(1, min(256, CHUNK_NUMBERS // (nets * x[0].numel())))
        parts = [self._call(self.scores, part.expand(nets, *part.shape)) for part in x.split(chunk)]
        return torch.cat(parts, dim=1)

    @torch.no_grad()
    def write_back(self):
        """Give the nets what was learned: their parameters and buffers."""
        for number, net in enumerate(self.nets):
            for name, view in self.learned.items():
                net.get_parameter(name).copy_(view[number])
            for name, buffer in net.named_buffers():
                buffer.copy_(self.fixed[name][number])


def wrong(scores, y):
    """Fractions of wrong images (...) of scores (..., images, classes), the labels y (images,)."""
    # Counted on the CPU: Apple's GPUs have no float64.
    return (scores.argmax(dim=-1) != y).cpu().double().mean(dim=-1).tolist()


def groups(nets):
    """The positions of the nets of each structure: a list of lists."""
    found = {}
    for number, net in enumerate(nets):
        found.setdefault(_structure(net), []).append(number)
    return list(found.values())


def _check_nothing_is_lost(nets, x):
    """Raise ValueError for what vmap would pass over without a word."""
    for net in nets:
        for name, part in [*net.named_parameters(), *net.named_modules()]:
            if any(getattr(part, kind, None) for kind in BACKWARD_HOOKS):
                raise ValueError(f"the gradient hook of its {name} would not be called")
    if len({p.dtype for p in nets[0].parameters() if p.requires_grad}) > 1:
        raise ValueError("its parameters are of several types, but in a stack they are one row")
    _check_forward(nets[0], x)


def _check_forward(net, x):
    """Try it with other tensors as its parameters, as vmap does: it must take those, wherever it
    keeps its own (in a list, say), and must not ask for gradients, which no tensor has in vmap.
    """
    copied = copy.deepcopy(net).train()
    before, counts, own, given = dict(copied.named_buffers()), _counts(copied), [], {}
    for name, p in [*net.named_parameters(), *copied.named_parameters()]:
        given[name] = p.detach().requires_grad_(p.requires_grad)
        own += [(name, p)] * p.requires_grad
    with torch.random.fork_rng(devices=[]), torch.enable_grad(), _NoGradients():
        total = functional_call(copied, given, x).sum()
    for name, buffer in copied.named_buffers():
        if buffer is not before.get(name):
            raise ValueError(f"its forward assigns {name}: let it change that in place, with copy_")
    if changed := sorted(name for name, _ in counts - _counts(copied)):
        raise ValueError(f"its forward changes {changed[0]}, and all nets would share that number")
    found = torch.autograd.grad(total, [p for _, p in own], allow_unused=True)
    for (name, _), gradient in zip(own, found, strict=True):
        if gradient is not None:
            raise ValueError(f"its forward takes {name} from a list or a function that keeps it")


def _counts(net):
    """The numbers that modules keep outside of tensors, such as of the steps until now."""
    kept = ((name, *pair) for name, part in net.named_modules() for pair in vars(part).items())
    return {
        (f"{name}.{key}".lstrip("."), value)
        for name, key, value in kept
        if isinstance(value, int | float)
    }


class _NoGradients(TorchFunctionMode):
    """Refuses to say whether a tensor has a gradient, on which a hook of it may depend."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function in (torch.Tensor.requires_grad.__get__, torch.Tensor.grad_fn.__get__):
            raise ValueError("its forward asks whether a tensor has a gradient")
        return function(*args, **(kwargs or {}))


def _structure(net):
    """The key by which nets are stacked: each layer with its settings, and what learns.

    A tensor that stands at several places is one: each place has the name of the first.
    """
    usual = vars(nn.Module()).keys() - {"_forward_hooks", "_forward_pre_hooks"}
    layers, first, twice = [], {}, {"remove_duplicate": False}
    for name, part in net.named_modules(**twice):
        settings = {key: value for key, value in vars(part).items() if key not in usual}
        layers.append((name, type(part), str(_whole(settings))))
    for name, t in [*net.named_parameters(**twice), *net.named_buffers(**twice)]:
        layers.append((first.setdefault(id(t), name), t.shape, t.dtype, t.device, t.requires_grad))
    return tuple(layers)


def _whole(value):
    """The value, all of it: ``str`` would leave out the middle of a large array."""
    # A net in a list of the reader's own, where PyTorch does not see it, or what is bound to one.
    if isinstance(value, nn.Module | MethodType):
        return id(value)
    if hasattr(value, "tolist"):  # tensors, and what NumPy has
        dense = value.to_dense() if isinstance(value, torch.Tensor) else value
        return str(value.dtype), value.shape, dense.tolist()
    if is_dataclass(value) and not isinstance(value, type):
        return [type(value), [_whole(getattr(value, field.name, None)) for field in fields(value)]]
    if isinstance(value, dict):
        return {key: _whole(item) for key, item in value.items()}
    return [type(value), *map(_whole, value)] if isinstance(value, list | tuple) else value


def _views(rows, like):
    """Views by name, of the shapes of ``like``, into rows (nets, parameters)."""
    parts = rows.split([values[0].numel() for values in like.values()], dim=1)
    shaped = zip(like.items(), parts, strict=True)
    return {name: part.view(values.shape) for (name, values), part in shaped}
