"""Train one net, or many of one architecture in lockstep; the result is a history of plain numbers.

The whole data set lies in memory as tensors. In lockstep the nets' parameters are stacked and every layer of all nets
is one batched matrix product, which on two cores is several times faster than one net after another.
"""

import copy
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial

import torch
from torch.func import functional_call, stack_module_state, vmap
from torch.nn.functional import cross_entropy

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
    """Train many nets of one architecture in lockstep, in place; return one History each.

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


def lockstep(nets, data, *, epochs, learning_rates, seeds, batch=128, optimizer=adam, measure_every=1, **settings):
    """Train ``nets`` in lockstep; yield the list of their histories before training and after each measured epoch.

    data: (x_train, y_train, x_test, y_test), arrays or tensors; x (images, ...) of numbers, y (images,) of classes.
    learning_rates, seeds: one for each net. The seed alone orders the batches: nets of one seed see the same ones.
    ``optimizer(groups, **settings)`` is one of torch.optim that treats each number by itself: Adam, SGD, RMSprop, ...
    The histories yielded are the same objects each time, growing. The nets hold their trained parameters once the
    generator ends or is closed; parameters with ``requires_grad`` off stay as they are.
    A net whose loss is no longer finite is frozen, and marked ``diverged`` when it is measured next; the others are not
    touched by it.
    Raises ValueError for data that are not finite or do not fit the nets or each other, for nets of different
    architecture or given twice, for ``epochs``, ``batch`` or ``measure_every`` below 1, for a learning rate that is not
    above 0, and for lists of different length.
    """
    _check({"epochs": epochs, "batch": batch, "measure_every": measure_every}, nets, learning_rates, seeds)
    data = _tensors(data)
    _check_fit(nets[0], data, batch)
    model = _Stack(nets)
    groups = [{"params": [row], "lr": float(rate)} for row, rate in zip(model.rows, learning_rates, strict=True)]
    orders = [torch.Generator().manual_seed(int(seed)) for seed in seeds]
    moments = {epoch for epoch in range(epochs + 1) if epoch % measure_every == 0} | {epochs}
    return _epochs(model, nets, data, optimizer(groups, **settings), orders, batch, moments)


def _epochs(model, nets, data, optimizer, orders, batch, moments):
    x_train, y_train, *_ = data
    histories = [History() for _ in nets]
    try:
        for epoch in range(max(moments) + 1):
            if epoch > 0:
                shuffled = torch.stack([torch.randperm(len(x_train), generator=order) for order in orders])
                with _mode(model.template, training=True):
                    for indices in shuffled.split(batch, dim=1):
                        model.backward(x_train[indices], y_train[indices], frozen=[h.diverged for h in histories])
                        optimizer.step()
            if epoch in moments:
                _measure(model, epoch, histories, *data)
                yield histories
            if all(history.diverged for history in histories):
                return
    finally:
        model.write_back(nets)


class _Stack:
    """Nets of one architecture as one: the trained parameters of each net are a row of (nets, parameters)."""

    def __init__(self, nets):
        self.template = nets[0]
        with ExitStack() as modes:  # stacking asks for nets of one mode
            for net in nets:
                modes.enter_context(_mode(net, training=True))
            parameters, self.constants = stack_module_state(nets)
        trained = [name for name, parameter in self.template.named_parameters() if parameter.requires_grad]
        self.constants |= {name: value.detach() for name, value in parameters.items() if name not in trained}
        theta = torch.cat([parameters[name].detach().flatten(1) for name in trained], dim=1)
        self.rows, self.views, at = list(theta.unbind()), {}, 0
        for name in trained:
            size = parameters[name][0].numel()
            self.views[name] = theta[:, at : at + size].view(parameters[name].shape).requires_grad_()
            at += size

    def _one(self, parameters, constants, x):
        return functional_call(self.template, (parameters, constants), (x,))

    def scores(self, x):
        """The scores of all nets for the same images (nets, images, classes), in chunks, so that memory stays small."""
        chunk = max(1, min(512, 2**21 // (len(self.rows) * x[0].numel())))
        all_nets = vmap(self._one, in_dims=(0, 0, None))
        return torch.cat([all_nets(self.views, self.constants, part) for part in x.split(chunk)], dim=1)

    def backward(self, x, y, frozen):
        """Set the gradient of each net's row, none where ``frozen``; x (nets, batch, ...), y (nets, batch)."""
        losses = vmap(cross_entropy)(vmap(self._one)(self.views, self.constants, x), y)
        # A weight that has no way to the loss (Ws of a net that was switched to plain) gets a gradient of 0.
        parts = torch.autograd.grad(losses.sum(), list(self.views.values()), materialize_grads=True)
        gradients = torch.cat([part.flatten(1) for part in parts], dim=1)
        for row, gradient, loss, skipped in zip(self.rows, gradients, losses, frozen, strict=True):
            row.grad = None if skipped or not loss.isfinite() else gradient

    @torch.no_grad()
    def write_back(self, nets):
        for i, net in enumerate(nets):
            for name, view in self.views.items():
                net.get_parameter(name).copy_(view[i])
            for name, buffer in net.named_buffers():
                buffer.copy_(self.constants[name][i])


@contextmanager
def _mode(net, training):
    """Put a net and all its parts into training or evaluation mode, and back again."""
    before = {module: module.training for module in net.modules()}
    net.train(training)
    try:
        yield
    finally:
        for module, mode in before.items():
            module.training = mode


@torch.no_grad()
def _measure(model, epoch, histories, x_train, y_train, x_test, y_test):
    """Add the exact losses and errors over all images to the histories of the nets that still learn."""
    with _mode(model.template, training=False):
        scores, test_scores = model.scores(x_train), model.scores(x_test)
    losses = [cross_entropy(own, y_train).item() for own in scores]
    training, test = _errors(scores, y_train), _errors(test_scores, y_test)
    for history, row, loss, *errors in zip(histories, model.rows, losses, training, test, strict=True):
        finite = abs(loss) < float("inf") and bool(row.isfinite().all())
        history.diverged = history.diverged or not finite
        if not history.diverged:
            history.rows.append((epoch, loss, *errors))


def _errors(scores, y):
    """Fractions of wrong images of each net: scores (nets, images, classes), y (images,)."""
    return (scores.argmax(dim=2) != y).double().mean(dim=1).tolist()


def _tensors(data):
    """The four arrays as tensors, once they are known to be usable."""
    x_train, y_train, x_test, y_test = (torch.as_tensor(array) for array in data)
    for name, x, y in (("training", x_train, y_train), ("test", x_test, y_test)):
        if len(x) != len(y) or len(x) == 0:
            raise ValueError(f"there are {len(x)} {name} images and {len(y)} labels; each image needs one label")
        bad = int((~x.float().isfinite()).sum())
        if bad:
            raise ValueError(f"the {name} images hold {bad} values that are infinite or not a number; mend them first")
        if y.ndim != 1:
            raise ValueError(
                f"the {name} labels have shape {tuple(y.shape)}, but must be ({len(x)},): one class an image"
            )
        if y.is_floating_point() or y.is_complex():
            raise ValueError(f"the {name} labels are of type {y.dtype}; classes are whole numbers from 0 on")
    return x_train.float(), y_train.long(), x_test.float(), y_test.long()


@torch.no_grad()
def _check_fit(net, data, batch):
    """Send one image through the net, and compare the labels with the number of its scores."""
    x_train, y_train, x_test, y_test = data
    shape = tuple(x_train.shape[1:])
    try:
        with _mode(net, training=False):
            classes = net(x_train[:1]).shape[1]
    except (RuntimeError, ValueError) as error:
        raise ValueError(f"the net cannot take images of shape {shape} in float32: {error}") from error
    if tuple(x_test.shape[1:]) != shape:
        raise ValueError(f"training images have shape {shape}, but test images {tuple(x_test.shape[1:])}")
    if batch == 1 or len(x_train) % batch == 1:
        _check_lone_image(net, x_train, batch)
    labels = torch.cat([y_train, y_test])
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= classes:
        raise ValueError(f"the labels go from {low} to {high}, but the net has {classes} classes: 0 to {classes - 1}")


def _check_lone_image(net, x_train, batch):
    """A normalisation over the batch may not be able to take a single image; say so before the training."""
    try:
        copy.deepcopy(net).train()(x_train[:1])
    except ValueError as error:
        raise ValueError(f"batch = {batch} leaves one image alone, and this net needs two: choose another") from error


def _check(counts, nets, learning_rates, seeds):
    if not nets or not len(nets) == len(learning_rates) == len(seeds):
        raise ValueError(
            f"{len(nets)} nets, {len(learning_rates)} learning rates and {len(seeds)} seeds; give one of each per net"
        )
    for name, value in counts.items():
        if value < 1:
            raise ValueError(f"{name} = {value}, but it must be at least 1")
    for rate in learning_rates:
        if not rate > 0:
            raise ValueError(f"learning rate {rate}, but it must be above 0")
    if len(set(map(id, nets))) < len(nets):
        raise ValueError("the same net is given twice; build one for each training")
    if len({str(net) for net in nets}) > 1:
        raise ValueError("nets in lockstep must have one architecture and one skip; train the others in a second call")
