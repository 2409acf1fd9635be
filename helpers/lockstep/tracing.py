"""A computation written down while it runs, and played back from then on.

At every step vmap and autograd find out anew what is to be computed. For small nets that takes as
long as the computation itself, and the answer is always the same.
"""

import operator
from collections import Counter
from functools import partial
from threading import Lock

import torch
from torch import Tensor, fx, nn
from torch.fx.node import map_aggregate
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.weak import WeakTensorKeyDictionary

# The call that is traced: early, since a trace saves in some 10 calls the time that it takes.
TRACED_AT = 10


class Traces:
    """Calls functions of tensors, and plays them back from their 11th call for one layout on.

    What else a function reads must stay where it is in memory. It must not decide by numbers, nor
    take them out with ``tolist`` or NumPy.
    """

    def __init__(self):
        self.calls, self.players = Counter(), {}

    def __call__(self, function, *inputs):
        """Return function(*inputs), to the last bit; without its gradient, once traced."""
        layout = function.__name__, *((x.shape, x.stride()) for x in inputs)
        self.calls[layout] += 1
        if self.calls[layout] == TRACED_AT:
            result, self.players[layout] = trace(function, *inputs)
            return result
        return (self.players.get(layout) or function)(*inputs)


def trace(function, *inputs):
    """Return function(*inputs), and what computes it from other inputs of the same layout.

    The latter is None if an operation returned a number: nobody knows what for.
    """
    with _ONE_AT_A_TIME, _Tracer(inputs) as tracer:
        result = function(*inputs)
    return result, tracer.player(result) if tracer.is_complete else None


# PyTorch notes in a variable of its own, which all threads share, that something is dispatched.
_ONE_AT_A_TIME = Lock()


def is_known(net):
    """Whether a net is built of PyTorch's and this course's classes alone, without hooks.

    Code of the reader's own might note or print something at each call.
    """
    return not nn.modules.module._has_any_global_hook() and all(
        type(part).__module__.startswith(("torch.nn.modules.", "helpers."))
        and not (part._forward_hooks or part._forward_pre_hooks or part._backward_hooks)
        and not any(map(callable, vars(part).values()))
        for part in net.modules()
    )


class _Tracer(TorchDispatchMode):
    """Writes down the operations that autograd and vmap call in this thread, as a graph."""

    def __init__(self, inputs):
        super().__init__()
        self.graph, self.is_complete = fx.Graph(), True
        # Tensors that were there before, such as parameters, and views of them, which are kept
        # alive: {id: tensor}.
        self.constants, self.given = {}, self.graph.placeholder("constants")
        self.nodes = WeakTensorKeyDictionary()
        for number, x in enumerate(inputs):
            self.nodes[x] = self.graph.placeholder(f"x{number}")

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        result = operation(*args, **(kwargs or {}))
        is_view = operation.is_view and isinstance(result, Tensor)
        if is_view and self._is_constant(args[0]):
            pass  # a view of a constant is one, too
        elif (is_view and _geometry(result) == _geometry(args[0])) or _is_once(operation, *args):
            self.nodes[result] = self._node(args[0])
        else:
            self._write(operation, args, kwargs or {}, result)
        return result

    def _write(self, operation, args, kwargs, result):
        args, kwargs = (map_aggregate(given, self._node) for given in (args, kwargs))
        node = self.graph.call_function(operation, args, kwargs)
        if isinstance(result, Tensor):
            self.nodes[result] = node
            return
        for number, part in enumerate(result if isinstance(result, list | tuple) else [result]):
            if isinstance(part, Tensor):
                self.nodes[part] = self.graph.call_function(operator.getitem, (node, number))
            elif part is not None:
                self.is_complete = False

    def _is_constant(self, tensor):
        return tensor not in self.nodes or id(tensor) in self.constants

    def _node(self, value):
        if isinstance(value, Tensor) and value not in self.nodes:
            place = self.given, len(self.constants)
            self.nodes[value] = self.graph.call_function(operator.getitem, place)
            self.constants[id(value)] = value
        return self.nodes[value] if isinstance(value, Tensor) else value

    def player(self, result):
        """The function that computes ``result`` again."""
        self.graph.output(self._node(result))
        self.graph.eliminate_dead_code()
        play = fx.GraphModule(nn.Module(), self.graph).forward
        return partial(_below_autograd, play, list(self.constants.values()))


def _below_autograd(play, *inputs):
    """Play where the operations were traced: how a convolution is computed depends on it."""
    with torch._C._AutoDispatchBelowAutograd():
        return play(*inputs)


def _is_once(operation, x=None, factor=None, *_):
    """Whether x is taken times 1, as vmap takes each bias: one operation of nine, for nothing.

    No module of PyTorch or of this course goes on to change such a product in place.
    """
    return operation is torch.ops.aten.mul.Scalar and factor == 1 and x.is_floating_point()


def _geometry(tensor):
    bits = tensor.is_conj(), tensor.is_neg()
    return tensor.shape, tensor.stride(), tensor.data_ptr(), tensor.dtype, *bits
