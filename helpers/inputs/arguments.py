"""Nets that people hand in: whether they can be trained with these numbers and these data."""

import inspect
from contextlib import contextmanager

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from helpers.inputs import rehearsal, suspects
from helpers.inputs.data import tensors
from helpers.inputs.numbers import check_above_zero, check_alike, check_seed, check_whole

DECIDES = "its forward decides by the numbers that it computes, or takes one out, as item does"
# What vmap's own sentences contain, and what they mean to whoever wrote the net.
REFUSALS = {
    "random operation": "what it computes is random, as in nn.Dropout",
    "data-dependent": DECIDES,
    ".item()": DECIDES,
    "deepcopy": "it keeps what it computed, which cannot be copied",
}


def as_lists(**several):
    """Return each value as a list. Raises ValueError for one that is a single thing."""
    return [_as_list(name, values) for name, values in several.items()]


def _as_list(name, values):
    try:
        if isinstance(values, nn.Module | str | set):  # which have no order, or no entries
            raise TypeError
        return list(values)
    except TypeError:
        said = type(values).__name__ if isinstance(values, nn.Module | set) else repr(values)
        raise ValueError(f"{name} = {said}, but it must be a list") from None


def comparison(makes, rates, seeds):
    """Return the rates and the seeds as lists. Raises ValueError if there is nothing to compare."""
    if not isinstance(makes, dict) or not makes:
        raise ValueError(f"makes is {makes!r:.80}, but it must be a dictionary, {{kind: make}}")
    for kind, make in makes.items():
        check_maker(f"makes[{kind!r}]", make)
    rates, seeds = as_lists(rates=rates, seeds=seeds)
    check_above_zero(**{f"rates[{place}]": rate for place, rate in enumerate(rates)})
    if not rates or not seeds or len(set(map(float, rates))) < len(rates):
        raise ValueError(f"rates = {rates} and seeds = {seeds}; give some of each, each rate once")
    return rates, seeds


def check_maker(name, make):
    """Raise ValueError for what cannot be called with a seed alone."""
    try:
        inspect.signature(make).bind(0)
        fits = not isinstance(make, nn.Module)
    except ValueError:  # what is written in C need not tell
        fits = True
    except TypeError:
        fits = False
    if not fits:
        raise ValueError(
            f"{name} (of type {type(make).__name__}) must be a function of one argument, the seed, "
            "such as lambda seed: nets.fully_connected(20, seed=seed)"
        )


def check(nets, learning_rates, seeds, epochs, batch, measure_every):
    """Raise ValueError for numbers that make no training, and for nets that cannot learn."""
    if torch.is_inference_mode_enabled():
        raise ValueError(
            "no net learns in torch.inference_mode, which keeps no gradients: "
            "call this outside of it"
        )
    if not nets or not len(nets) == len(learning_rates) == len(seeds):
        raise ValueError(
            f"{len(nets)} nets, {len(learning_rates)} learning rates and {len(seeds)} seeds; "
            "give one of each per net"
        )
    check_whole(epochs=epochs, batch=batch, measure_every=measure_every)
    for rate, seed in zip(learning_rates, seeds, strict=True):
        check_above_zero(learning_rate=rate)
        check_seed(seed)
    for number, net in enumerate(nets):
        name = f"net number {number}" if len(nets) > 1 else "the net"
        check_kind(name, net)
        _check_parameters(name, list(net.parameters()))
    learned = [p for net in nets for p in net.parameters() if p.requires_grad]
    if len(set(learned)) < len(learned):
        raise ValueError(
            "the same net is given twice, or two nets share a layer that learns; build one for "
            "each training"
        )


def check_kind(name, net):
    """Raise ValueError for what is no net; ``name`` is what a sentence calls it."""
    if isinstance(net, nn.Module):
        return
    mend = ""
    if isinstance(net, type):
        mend = f" {net.__name__}: build a net of it, as {net.__name__}(...) does"
    elif isinstance(net, list | tuple):
        mend = ": train takes one net, and train_many a list of them"
    elif callable(net):
        mend = ": if it builds nets, call it"
    kind = "the class" if isinstance(net, type) else f"of type {type(net).__name__}"
    raise ValueError(f"{name} must be a torch.nn.Module, but is {kind}{mend}")


def _check_parameters(name, parameters):
    if not any(p.requires_grad for p in parameters):
        frozen = ": all are frozen, and net.requires_grad_(True) mends that" if parameters else ""
        raise ValueError(f"{name} has no parameter that learns{frozen}")
    if any(not is_lazy(p) and p.is_inference() for p in parameters):
        raise ValueError(f"{name} was built in torch.inference_mode: build it outside of that")
    devices = sorted({str(p.device) for p in parameters})
    if "meta" in devices:
        raise ValueError(
            f"{name} is on the device meta, which keeps no numbers: build it elsewhere"
        )
    if len(devices) > 1:
        raise ValueError(
            f"{name} has parameters on {' and '.join(devices)}; net.to({devices[0]!r}) mends that"
        )


def fitting(net, data, batch, seed=0):
    """Return the four arrays as tensors on the net's device, the images in its precision.

    seed: what lazy layers draw their numbers from.
    Warns of what looks like a mistake in the net (see ``suspects``). Raises ValueError if the data
    do not fit each other or the net.
    """
    like = next((p for p in net.parameters() if p.is_floating_point()), None)
    if like is None:
        raise ValueError("the parameters of the net are no real numbers")
    if torch.is_autocast_enabled(like.device.type):
        raise ValueError(
            "torch.autocast keeps the weights of the first step for all others: call this outside "
            "of it, and use it in the forward of a net, or lockstep(..., bfloat16=True)"
        )
    found = tensors(data, like.device, like.dtype)
    x_train, y_train, x_test, y_test = found
    check_alike(x_train, x_test)
    with unmoved(net), torch.random.fork_rng(devices=[]), torch.enable_grad():
        torch.default_generator.manual_seed(int(seed))
        scores = rehearsal.score(net.eval(), x_train[:2])
        _check_classes(torch.cat([y_train, y_test]), scores.shape[1])
        rehearsal.check_learns(net, x_train, y_train, batch)
        rehearsal.check_measures(net, x_train, x_test)
        suspects.look(net.eval(), x_train, y_train, scores)
    return found


@contextmanager
def unmoved(net):
    """Give a net back with its modes and running statistics."""
    modes = [(module, module.training) for module in net.modules()]
    buffers = [
        (module, name, buffer, buffer.clone())
        for module in net.modules()
        for name, buffer in module.named_buffers(recurse=False)
        if not is_lazy(buffer)
    ]
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode
        with torch.no_grad():
            for module, name, buffer, before in buffers:
                buffer.copy_(before)
                setattr(module, name, buffer)  # a forward may have put another in its place


def _check_classes(labels, classes):
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= classes:
        mend = f"build it with classes = {high + 1}"
        if low < 0:
            mend = "number them from 0 on, as np.unique(y, return_inverse=True)[1] does"
        elif (low, high) == (1, classes):
            mend = "subtract 1 from all labels"
        raise ValueError(
            f"the labels go from {low} to {high}, but the net has {classes} classes: "
            f"0 to {classes - 1}; {mend}"
        )


@contextmanager
def alone_if_refused(number):
    """Turn what vmap raises, errors of many types, into a sentence; ``number`` is that of a net."""
    try:
        yield
    except (RuntimeError, ValueError) as error:
        reason = rehearsal.first_line(error)
        reason = next((said for part, said in REFUSALS.items() if part in reason), reason)
        raise ValueError(
            f"net number {number} cannot be trained in lockstep ({reason}); train it by itself, "
            "with training.train"
        ) from error
