"""Optimisers that people hand in: functions that make one of torch.optim."""

import inspect
from functools import partial

import torch

FORM = "it must make one of torch.optim, as torch.optim.Adam and partial(torch.optim.SGD, ...) do"


def of_net(optimizer, net, rate):
    """Return the optimiser of what learns in a net. Raises ValueError as ``made`` does."""
    return made(optimizer, [p for p in net.parameters() if p.requires_grad], rate)


def made(optimizer, parameters, rate):
    """Return ``optimizer(parameters, lr=rate)``.

    parameters: a list of tensors.
    Raises ValueError if that is no optimiser, or one that asks for the loss again and again.
    """
    name = _name(optimizer)
    if not callable(optimizer):
        raise ValueError(f"optimizer = {name}, but {FORM}")
    try:
        found = optimizer(parameters, lr=float(rate))
    except Exception as error:
        reason = str(error).split("\n")[0]
        raise ValueError(f"optimizer = {name} refuses this training: {reason}") from error
    if not isinstance(found, torch.optim.Optimizer):
        raise ValueError(f"optimizer = {name} makes a {type(found).__name__}, but {FORM}")
    # By its name: a schedule puts a function in the place of the method, with ``self`` before it.
    closure = inspect.signature(found.step).parameters.get("closure")
    if closure is not None and closure.default is inspect.Parameter.empty:
        raise ValueError(
            f"optimizer = {name} computes the loss several times in a step, which the loop here "
            "does not do: choose another, or write the loop yourself"
        )
    return found


def _name(optimizer):
    if isinstance(optimizer, torch.optim.Optimizer):
        return f"a ready {type(optimizer).__name__}"
    if isinstance(optimizer, partial):
        return _name(optimizer.func)
    return getattr(optimizer, "__name__", repr(optimizer))


def check_element_wise(optimizer, device):
    """Raise ValueError for an optimiser that a stack of nets would change.

    In a stack, all numbers of a net are one row, and nets of one rate share an optimiser. That
    makes no difference to one that treats each number by itself. Others look at whole matrices
    (Muon) or at norms (LARS, a clipped gradient).
    """
    whole = torch.tensor([0.3, -0.1, 0.2, 0.5, -0.4, 0.1, 0.7, -0.2], device=device)
    parts = whole[:6].view(3, 2), whole[6:].view(1, 2)
    apart = torch.cat([_walk(optimizer, part) for part in parts])
    try:
        together = _walk(optimizer, whole)
    except (ValueError, RuntimeError) as error:
        raise ValueError(f"{error}; in lockstep, the parameters of a net are one vector") from error
    if not torch.allclose(apart, together, rtol=1e-4, atol=1e-5):
        raise ValueError(
            f"optimizer = {_name(optimizer)} does not treat each number by itself, so it cannot "
            "train nets in lockstep; train each by itself, with training.train"
        )


def _walk(optimizer, start):
    """Return the numbers of ``start`` after three steps, each with a gradient of its own that gets
    large enough to be clipped, as one vector.
    """
    part = start.clone().requires_grad_()
    learner = made(optimizer, [part], 0.01)
    if len(learner.param_groups) > 1:
        raise ValueError(
            f"optimizer = {_name(optimizer)} makes groups of parameters, but in lockstep the "
            "parameters of a net are one vector; train each by itself, with training.train"
        )
    for step in range(3):
        part.grad = (4 * start - 0.3 * step) * 30**step
        learner.step()
    return part.detach().flatten()
