"""A computation written down while it runs, and played back from then on.

At every step vmap and autograd find out anew what is to be computed. For small nets that takes as
long as the computation itself, and the answer is always the same.
"""

import operator
from collections import Counter
from functools import partial

from torch import Tensor, fx, nn
from torch.fx.node import map_aggregate
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.weak import WeakTensorKeyDictionary

# To record takes as long as 10 to 20 calls, and saves a quarter to a half of each that follows.
WORTH = 20


class Recorded:
    """A function of tensors that from its 20th call on, for inputs of one shape, is played back.

    function: computes a tensor from tensors. What else it reads, it must find at the same place in
    memory each time, and what it decides must not depend on numbers (see ``is_known``).
    """

    def __init__(self, function):
        self.function, self.calls, self.recordings = function, Counter(), {}

    def __call__(self, *inputs):
        """Compute what the function would, to the last bit; without a gradient, once recorded."""
        form = tuple((x.shape, x.stride()) for x in inputs)
        self.calls[form] += 1
        if self.calls[form] == WORTH:
            result, self.recordings[form] = record(self.function, inputs)
            return result
        return self.recordings.get(form, self.function)(*inputs)


def record(function, inputs):
    """Return function(*inputs), and a function that computes it from other inputs of these shapes.

    The latter is ``function`` itself if a number was read from a tensor: nobody knows what for.
    """
    with _Recorder(inputs) as recorder:
        result = function(*inputs)
    return result, recorder.player(result) if recorder.is_complete else function


def is_known(net):
    """Whether nothing but the layers of PyTorch and of this course decides what a net computes.

    Code of the reader's own might count its calls, or print something at each.
    """
    return all(
        type(part).forward.__module__.startswith(("torch.nn.modules.", "helpers."))
        and not (part._forward_hooks or part._forward_pre_hooks)
        and not any(map(callable, vars(part).values()))
        for part in net.modules()
    )


class _Recorder(TorchDispatchMode):
    """Writes down the operations that autograd and vmap call in this thread, as a graph."""

    def __init__(self, inputs):
        super().__init__()
        self.graph, self.is_complete = fx.Graph(), True
        # Tensors that were there before, such as parameters, and views of them: {id: tensor}.
        self.constants, self.given = {}, self.graph.placeholder("constants")
        self.nodes = WeakTensorKeyDictionary()
        for number, x in enumerate(inputs):
            self.nodes[x] = self.graph.placeholder(f"x{number}")

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        result = operation(*args, **(kwargs or {}))
        source = next((a for a in args if isinstance(a, Tensor)), None)
        if source is None or not _is_view(result, source):
            self._write(operation, args, kwargs or {}, result)
        elif self._is_constant(source):  # so is its view
            pass
        elif _geometry(result) == _geometry(source):
            self.nodes[result] = self.nodes[source]
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
        return partial(play, [constant.detach() for constant in self.constants.values()])


def _is_view(result, source):
    """Whether a result is another view of the memory of its source."""
    if not isinstance(result, Tensor) or result is source:
        return False
    memories = [tensor.untyped_storage().data_ptr() for tensor in (result, source)]
    return memories[0] == memories[1] != 0


def _geometry(tensor):
    bits = tensor.is_conj(), tensor.is_neg()
    return tensor.shape, tensor.stride(), tensor.data_ptr(), tensor.dtype, *bits
