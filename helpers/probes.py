"""Measuring instruments for nets: they record what flows through, and clean up after themselves."""

from contextlib import contextmanager
from typing import NamedTuple

import torch


class Call(NamedTuple):
    """One call of a module: its dotted name in the net, the module, its first argument and its
    result, both tensors.
    """

    name: str
    module: torch.nn.Module
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
    block ends, also by an error.
    """
    calls = []

    def recorder(name):
        def record(module, inputs, named, output):
            first = next(iter([*inputs, *named.values()]))
            calls.append(Call(name, module, first.detach(), output.detach()))

        return record

    chosen = [(name, module) for name, module in net.named_modules() if choose(module)]
    hooks = [
        module.register_forward_hook(recorder(name), with_kwargs=True) for name, module in chosen
    ]
    try:
        yield calls
    finally:
        for hook in hooks:
            hook.remove()
