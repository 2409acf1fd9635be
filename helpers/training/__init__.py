"""Train one net, or many of them in lockstep; the result is a history of plain numbers.

The whole data set lies in memory as tensors. In lockstep nets of one structure are stacked: each layer of all of them
is one batched matrix product or one grouped convolution, with channels last. PyTorch shares the work of each among the
cores; worker processes with one core each, as in ``sweeps``, are faster still.
"""

from dataclasses import dataclass, field
from functools import partial

import torch
from torch import nn

from . import _checks
from ._stack import Stack

adam = partial(torch.optim.Adam, fused=True)  # one pass over memory instead of a dozen; the same numbers


@dataclass
class History:
    """What one training measured: a row (epoch, training loss, training error, test error) for each moment.

    The first row is the net before training. The loss is the mean cross-entropy in nats; errors are fractions of images
    put into a wrong class. ``history.training_loss`` and its like are the columns, as lists.
    ``diverged``: the loss became infinite or not a number; the rows end before that.
    ``stopped``: the training was interrupted; the rows hold what was measured until then.
    """

    rows: list[tuple[int, float, float, float]] = field(default_factory=list)
    diverged: bool = False
    stopped: bool = False

    epoch = property(lambda self: [row[0] for row in self.rows])
    training_loss = property(lambda self: [row[1] for row in self.rows])
    training_error = property(lambda self: [row[2] for row in self.rows])
    test_error = property(lambda self: [row[3] for row in self.rows])


def train(net, data, *, epochs, learning_rate, seed=0, **options):
    """Train one net in place; return its History. See ``train_many`` for arguments and errors."""
    return train_many([net], data, epochs=epochs, learning_rates=[learning_rate], seeds=[seed], **options)[0]


def train_many(nets, data, **arguments):
    """Train many nets in lockstep, in place; return one History each.

    ``arguments`` are those of ``lockstep``. An interrupt (the stop button of Jupyter) ends the training early: the
    nets and histories keep what was reached, and each history says ``stopped``.
    """
    histories = [History() for _ in nets]
    progress = lockstep(nets, data, **arguments)
    try:
        histories = next(progress)
        for _ in progress:
            pass
    except KeyboardInterrupt:
        for history in histories:
            history.stopped = True
    return histories


def lockstep(
    nets, data, *, epochs, learning_rates, seeds, batch=128, optimizer=adam, measure_every=1, bfloat16=False, **settings
):
    """Train ``nets`` in lockstep; yield the list of their histories before training and after each measured epoch.

    data: (x_train, y_train, x_test, y_test), arrays or tensors; x (images, ...) of numbers, y (images,) of classes.
    They go to the device of the nets, the images in the precision of the nets.
    learning_rates, seeds: one for each net. The seed alone orders the batches: nets of one seed see the same ones.
    ``optimizer(groups, **settings)`` is one of torch.optim that treats each number by itself: Adam, SGD, RMSprop, ...
    ``bfloat16`` trains as GPUs like it: products in that type where PyTorch holds it safe. It rounds the steps, but
    neither the parameters nor what is measured.
    Each net ends as if trained by itself, but for rounding, since sums are taken in another order. In float32 that can
    put the input of a ReLU that is nearly 0 on the other side, and from there on nets drift apart; in float64 nine
    digits and more stay equal over an epoch.
    The nets may differ in their ``skip``, and in all else: those of one structure are stacked.
    The histories yielded are the same objects each time, growing. The nets hold their trained parameters once the
    generator ends or is closed; parameters with ``requires_grad`` off stay as they are.
    A net whose loss is no longer finite is frozen, and marked ``diverged`` when it is measured next; the others are not
    touched by it.
    Raises ValueError for data that are not finite or do not fit the nets or each other, for a net given twice or
    without a parameter that learns, for ``epochs``, ``batch`` or ``measure_every`` below 1, for a learning rate that is
    not above 0, for lists of different length, and in torch.inference_mode. Also for a net that cannot be trained in
    lockstep: one with random layers, such as nn.Dropout, or with what torch.func.vmap refuses, such as a normalisation
    with momentum=None or a forward that branches on the numbers.
    """
    _checks.check({"epochs": epochs, "batch": batch, "measure_every": measure_every}, nets, learning_rates, seeds)
    histories, stacks = [History() for _ in nets], []
    for kind in _kinds(nets):
        like = next(nets[kind[0]].parameters())
        fitting = _checks.tensors(data, like.device, like.dtype)
        _checks.check_fit(nets[kind[0]], fitting, batch)
        of_kind = ([items[i] for i in kind] for items in (nets, histories, learning_rates, seeds))
        stacks.append(Stack(*of_kind, fitting, partial(optimizer, **settings), bfloat16))
        _checks.check_together(stacks[-1], kind[0])
    moments = {epoch for epoch in range(epochs + 1) if epoch % measure_every == 0} | {epochs}
    return _epochs(stacks, histories, batch, moments)


def _epochs(stacks, histories, batch, moments):
    try:
        for epoch in range(max(moments) + 1):
            if epoch > 0:
                for stack in stacks:
                    stack.learn(batch)
            if epoch in moments:
                measured = [stack.measure() for stack in stacks]  # all of them, before an interrupt can come between
                for stack, found in zip(stacks, measured, strict=True):
                    stack.note(epoch, found)
                yield histories
            if all(history.diverged for history in histories):
                return
    finally:
        for stack in stacks:
            stack.write_back()


def _kinds(nets):
    """The positions of the nets of each structure."""
    kinds = {}
    for i, net in enumerate(nets):
        kinds.setdefault(_structure(net), []).append(i)
    return kinds.values()


def _structure(net):
    """What must be equal for nets to be stacked: their layers, down to each switch, and what is trained of them."""
    usual = vars(nn.Module()).keys() - {"_forward_hooks", "_forward_pre_hooks"}
    layers = [
        (name, type(part), str(_whole({key: value for key, value in vars(part).items() if key not in usual})))
        for name, part in net.named_modules()
    ]
    numbers = [(name, p.shape, p.dtype, p.device, p.requires_grad) for name, p in net.named_parameters()]
    return *layers, *numbers, *((name, buffer.shape) for name, buffer in net.named_buffers())


def _whole(value):
    """The value as it is to be compared: ``str`` would leave out what stands in the middle of a large array."""
    if isinstance(value, nn.Module):  # in a list of the reader's own, where PyTorch does not see it
        return id(value)
    if hasattr(value, "tolist"):  # tensors, and what NumPy has
        dense = value.to_dense() if isinstance(value, torch.Tensor) else value
        return str(value.dtype), value.shape, dense.tolist()
    if isinstance(value, dict):
        return {key: _whole(item) for key, item in value.items()}
    return [type(value), *map(_whole, value)] if isinstance(value, list | tuple) else value
