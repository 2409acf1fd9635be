"""Measuring instruments for nets: what flows through, where the loss leads; they leave no trace."""

from contextlib import ExitStack, contextmanager
from typing import NamedTuple

import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from helpers.inputs.arguments import as_lists, check_kind, unmoved
from helpers.inputs.data import as_tensor
from helpers.inputs.numbers import is_whole
from helpers.nets import Block


class Call(NamedTuple):
    """One call of a module: its dotted name in the net, the module, its first argument and its
    result, both tensors.
    """

    name: str
    module: nn.Module
    input: torch.Tensor
    output: torch.Tensor


def is_leaf(module):
    """Whether a module has no parts: a layer, rather than a block of layers."""
    return next(module.children(), None) is None


@contextmanager
def recording(net, choose=is_leaf):
    """Record the calls of all modules that ``choose(module)`` picks; yield the growing list.

    The Calls are in the order in which the modules finished. Tensors are detached and not copied: a
    layer that works in place would change what was recorded before it. The hooks are gone when the
    block ends, also by an error. Raises ValueError for a net and a ``choose`` that are none, and
    where a module takes or makes no tensor.
    """
    check_kind("the net", net)
    if isinstance(choose, type) or not callable(choose):
        raise ValueError(f"choose = {choose!r}, but it must be a function of a module, as is_leaf")
    calls = []

    def recorder(name):
        def record(module, inputs, named, output):
            first = next(iter([*inputs, *named.values()]), None)
            if not isinstance(first, torch.Tensor) or not isinstance(output, torch.Tensor):
                kind = f"{name or 'the net'}, {type(module).__name__},"
                raise ValueError(f"{kind} takes or makes no tensor: leave it out with choose")
            calls.append(Call(name, module, first.detach(), output.detach()))

        return record

    with ExitStack() as hooks:
        for name, module in net.named_modules():
            if choose(module):
                hook = module.register_forward_hook(recorder(name), with_kwargs=True)
                hooks.enter_context(hook)
        yield calls


def blocks(net):
    """Return the ``nets.Block``s of an nn.Sequential, in their order; ValueError if it is none."""
    if not isinstance(net, nn.Sequential):
        kind = type(net).__name__
        raise ValueError(f"the net is of type {kind}, but must be an nn.Sequential with blocks")
    return [part for part in net if isinstance(part, Block)]


def gradient(net, x, y):
    """Return the gradient of the mean cross-entropy as one vector (parameters,).

    net: any module; its parameters are taken in the order of ``net.parameters()``.
    x, y: images (n, ...) that fit the net, and their classes (n,).
    Raises ValueError for a net that is none, has no parameters, or frozen ones.
    """
    check_kind("the net", net)
    x, parameters = _fitting(net, x), list(net.parameters())
    if not all(parameter.requires_grad for parameter in parameters):
        raise ValueError("parts of the net are frozen; net.requires_grad_(True) mends that")
    y = as_tensor("y", y).to(x.device).long()
    with unmoved(net), torch.enable_grad():
        loss = cross_entropy(net(x), y)
        found = torch.autograd.grad(loss, parameters, allow_unused=True, materialize_grads=True)
    return parameters_to_vector(found)


def _fitting(net, x):
    """A copy of images, as a tensor of the net's precision, on its device."""
    like = next(net.parameters(), None)
    if like is None:
        raise ValueError("the net has no parameters")
    return as_tensor("x", x).to(like, copy=True)


@contextmanager
def moved(net, change):
    """Let the parameters of ``net`` be elsewhere for a while: at theta + ``change``.

    change: a vector (parameters,), as ``gradient`` returns one. The old numbers are back when the
    block ends, also by an error. Running statistics are not parameters: they are not put back.
    Raises ValueError for a ``change`` of another shape.
    """
    before = parameters_to_vector(net.parameters()).detach().clone()
    change = torch.as_tensor(change).to(before)
    if change.shape != before.shape:
        shape = tuple(change.shape)
        raise ValueError(f"change has shape {shape}, but the net has {len(before)} parameters")
    try:
        vector_to_parameters(before + change, net.parameters())
        yield net
    finally:
        vector_to_parameters(before, net.parameters())


@torch.no_grad()
def after_each_block(net, x):
    """Return the signals of an nn.Sequential: before its first block, then after each block.

    x: images (n, ...). The list has one entry more than the net has blocks, each (n, units) or (n,
    channels, height, width). The last layers of the net can read any of them: Greff et al. 2017,
    arXiv 1612.07771, look at a residual net in this way. Raises ValueError for a net without
    blocks.
    """
    if not (known := blocks(net)):
        raise ValueError("the net has no nets.Block")
    with unmoved(net), recording(net, known.__contains__) as calls:
        net(_fitting(net, x))
    return [calls[0].input, *(call.output for call in calls)]


def without(net, numbers):
    """Return an nn.Sequential without some of its blocks (Veit et al. 2016, arXiv 1605.06431).

    numbers: of the blocks to leave out, counted from 1. The new net shares its layers with ``net``,
    which stays whole. Raises ValueError for a number that no block has.
    """
    patient = blocks(net)
    (numbers,) = as_lists(numbers=[numbers] if is_whole(numbers) else numbers)
    known = range(1, len(patient) + 1)
    if unknown := [number for number in numbers if not is_whole(number) or number not in known]:
        raise ValueError(f"no block has the number {unknown}; they are 1 to {len(patient)}")
    places = [place for place, part in enumerate(net) if isinstance(part, Block)]
    gone = {places[number - 1] for number in numbers}
    return nn.Sequential(*(part for place, part in enumerate(net) if place not in gone))
