"""Fully connected nets without autograd: the same products in the same order, in the same memory at every step."""

from collections import Counter
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

_KINDS = {
    F.linear: "linear",
    **dict.fromkeys((torch.relu, Tensor.relu, F.relu), "relu"),
    **dict.fromkeys((torch.add, Tensor.add), "add"),
    **dict.fromkeys((torch.flatten, Tensor.flatten), "flatten"),
}
_QUESTIONS = {"__get__", "__len__", "size", "dim"}  # about shapes: what a tensor holds cannot change the answer


class _Step(NamedTuple):
    """What was computed, from which values, and the number of the result; value 0 are the images."""

    kind: str
    inputs: list[int]
    out: int
    W: str | None = None
    b: str | None = None


class _Recorder(TorchFunctionMode):
    """Writes down what is computed in its thread; other threads go on unseen."""

    def __init__(self, x, parameters):
        super().__init__()
        self.steps, self.complete, self.seen = [], True, {id(x): 0}
        self.parameters = {id(parameter): name for name, parameter in parameters}
        self.kept = [x]  # a tensor that is gone could leave its id to another one

    def __torch_function__(self, function, types, arguments=(), settings=None):
        result = function(*arguments, **(settings or {}))
        if isinstance(result, Tensor):
            self.complete = self._record(_KINDS.get(function), arguments, settings, result) and self.complete
        else:
            self.complete = self.complete and getattr(function, "__name__", None) in _QUESTIONS
        return result

    def _record(self, kind, arguments, settings, result):
        """Write down one result; return whether it is of a known kind, and its gradient the usual one."""
        ids = [id(part) for part in arguments]
        names = [self.parameters.get(one) for one in ids[1:]] if kind == "linear" else []
        inputs = [self.seen.get(one) for one in (ids[:1] if kind in ("linear", "flatten") else ids)]
        if kind is None or None in [*inputs, *names] or settings not in (None, {}, {"inplace": False}):
            return False
        self.kept.append(result)
        if kind == "flatten":
            self.seen[id(result)] = inputs[0]
            return result.ndim == 2 and len(result) == len(arguments[0])
        self.seen[id(result)] = len(self.kept)
        self.steps.append(_Step(kind, inputs, len(self.kept), *names))
        alike = all(part.shape == result.shape for part in arguments) if kind == "add" else result.ndim == 2
        numbers = {"linear": 3, "relu": 1, "add": 2}[kind]
        return alike and len(arguments) == numbers and result.requires_grad and result.dtype == self.kept[0].dtype


def program_of(net, x):
    """A fully connected net as what it computes of the images ``x`` in training, in steps; else None."""
    recorder = _Recorder(x, net.named_parameters())
    with torch.enable_grad(), recorder:  # what a function of its own gradient does inside would need none
        scores = net.train()(x)
    steps = recorder.steps
    return steps if recorder.complete and _plain(steps, recorder.seen.get(id(scores))) else None


def _plain(steps, scores):
    """Whether every value is used, by nothing else if a ReLU overwrites it, and every W and b by one layer, once."""
    made, readers = {step.out for step in steps}, Counter(value for step in steps for value in step.inputs)
    used = [name for step in steps if step.kind == "linear" for name in (step.W, step.b)]
    return (
        scores in made
        and all((readers[value] > 0) != (value == scores) for value in made)
        and all(step.kind == "linear" or made.issuperset(step.inputs) for step in steps)
        and all(step.kind != "relu" or readers[step.inputs[0]] == 1 for step in steps)
        and len(set(used)) == len(used)
    )


class Replay:
    """The gradients of fully connected nets written out: autograd's products, in the same memory at every step."""

    def __init__(self, program, views, slots, batch, x):
        nets, self.forward = len(next(iter(views.values()))), []
        self.x, value = x.new_empty(nets * batch, x[0].numel()), {}
        value[0] = self.x.view(nets, batch, -1)
        for kind, inputs, out, *names in program:
            a = value[inputs[0]]
            if kind == "linear":
                W, b = (views[name].detach() for name in names)
                # Those of one class lie side by side: sums over ten classes are faster that way.
                value[out] = a.new_empty(nets, len(W[0]), batch).mT if out == program[-1].out else a @ W.mT
                self.forward.append(partial(torch.baddbmm, b[:, None], a, W.mT, out=value[out]))
            elif kind == "relu":
                value[out] = a
                self.forward.append(a.relu_)
            else:
                value[out] = torch.empty_like(a)
                self.forward.append(partial(torch.add, a, value[inputs[1]], out=value[out]))
        self.scores = value[out]
        self.upstream = torch.empty_like(self.scores)
        self.share = self.scores.new_full((nets, batch, 1), 1 / batch)
        self.backward = list(_backward(program, value, views, slots, self.upstream))

    @torch.no_grad()
    def __call__(self, x, y, chosen):
        """Fill the slots, return the losses (nets,); ``chosen`` (nets, batch) are positions in x and y."""
        torch.index_select(x.flatten(1), 0, chosen.flatten(), out=self.x)
        for step in self.forward:
            step()
        losses = self._losses(y[chosen][..., None])
        for step in self.backward:
            step()
        return losses

    def _losses(self, y):
        """The mean cross-entropy of each net, and its gradient: (softmax - 1 at the true class) / batch."""
        top = self.scores.amax(2, keepdim=True)
        torch.sub(self.scores, top, out=self.upstream).exp_()
        total = self.upstream.sum(2, keepdim=True)
        self.upstream.mul_(self.share / total).scatter_add_(2, y, -self.share)
        return (total.log() + top - self.scores.gather(2, y)).mean((1, 2))


def _backward(program, value, views, slots, upstream):
    """The steps that lead from the gradient of the scores to those of all parameters."""
    g, spare = {program[-1].out: upstream}, []

    def memory(a):
        fitting = [i for i, one in enumerate(spare) if one.shape == a.shape][-1:]
        return spare.pop(fitting[0]) if fitting else torch.empty_like(a)

    for kind, inputs, out, *names in reversed(program):
        own = g.pop(out)
        if kind == "linear":
            (source,), W = inputs, views[names[0]].detach()
            yield partial(torch.bmm, own.mT, value[source], out=slots[names[0]])
            yield partial(torch.sum, own, 1, out=slots[names[1]])
            if source in g:
                yield partial(torch.baddbmm, g[source], own, W, out=g[source])
            elif source != 0:
                g[source] = memory(value[source])
                yield partial(torch.bmm, own, W, out=g[source])
            spare.append(own)
        elif kind == "relu":
            g[inputs[0]] = own
            yield partial(torch.ops.aten.threshold_backward.grad_input, own, value[out], 0, grad_input=own)
        else:
            for source in inputs:
                if source not in g:
                    g[source] = memory(own)
                    yield partial(g[source].copy_, own)
                else:
                    yield partial(g[source].add_, own)
            spare.append(own)
