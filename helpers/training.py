"""Train one net, or many of one architecture in lockstep; the result is a history of plain numbers.

The whole data set lies in memory as tensors. In lockstep the nets' parameters are stacked and every layer of all nets
is one batched matrix product, which on two cores is several times faster than one net after another.
"""

from dataclasses import dataclass, field
from functools import partial

import torch
from torch.func import functional_call, stack_module_state, vmap
from torch.nn.functional import cross_entropy
from torch.nn.utils import parameters_to_vector, vector_to_parameters

adam = partial(torch.optim.Adam, fused=True)  # one pass over memory instead of a dozen; the same numbers


@dataclass
class History:
    """What one training measured; entry 0 of each list is the net before training, entry i belongs to ``epoch[i]``.

    ``training_loss`` is the mean cross-entropy in nats; both errors are fractions of images put into a wrong class.
    ``diverged``: the loss became infinite or not a number; the lists end before that.
    ``stopped``: the training was interrupted; the lists hold what was measured until then.
    """

    epoch: list[int] = field(default_factory=list)
    training_loss: list[float] = field(default_factory=list)
    training_error: list[float] = field(default_factory=list)
    test_error: list[float] = field(default_factory=list)
    diverged: bool = False
    stopped: bool = False


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
    ``optimizer(groups, **settings)`` is any of torch.optim. The histories yielded are the same objects each time,
    growing. The nets hold their trained parameters once the generator ends or is closed.
    A net whose loss is no longer finite is frozen and marked ``diverged``; the others are not touched by it.
    Raises ValueError for data that are not finite or do not fit, nets of different architecture, ``epochs`` or
    ``batch`` below 1, a learning rate that is not above 0, or lists of different length.
    """
    x_train, y_train, x_test, y_test = _tensors(data)
    _check(nets, epochs, batch, learning_rates, seeds)
    model = _Stack(nets)
    groups = [{"params": [row], "lr": rate} for row, rate in zip(model.rows, learning_rates, strict=True)]
    optimize = optimizer(groups, **settings)
    orders = [torch.Generator().manual_seed(seed) for seed in seeds]
    histories = [History() for _ in nets]
    try:
        for epoch in range(epochs + 1):
            if epoch > 0:
                shuffled = torch.stack([torch.randperm(len(x_train), generator=order) for order in orders])
                for indices in shuffled.split(batch, dim=1):
                    model.backward(x_train[indices], y_train[indices], skip=[h.diverged for h in histories])
                    optimize.step()
            if epoch % measure_every == 0 or epoch == epochs:
                _measure(model, epoch, histories, x_train, y_train, x_test, y_test)
                yield histories
            if all(history.diverged for history in histories):
                return
    finally:
        model.write_back(nets)


class _Stack:
    """Nets of one architecture as one: each net's parameters are a row of one matrix (nets, parameters)."""

    def __init__(self, nets):
        self.template = nets[0]
        self.theta = torch.stack([parameters_to_vector(net.parameters()).detach() for net in nets])
        self.rows = list(self.theta.unbind())
        self.buffers = stack_module_state(nets)[1]
        self.views, at = {}, 0
        for name, parameter in self.template.named_parameters():
            view = self.theta[:, at : at + parameter.numel()].view(len(nets), *parameter.shape)
            self.views[name] = view.requires_grad_()
            at += parameter.numel()

    def losses_and_scores(self, x, y, in_dims=0):
        """Mean cross-entropy of each net (nets,) and scores (nets, images, classes)."""

        def one(parameters, buffers, x, y):
            scores = functional_call(self.template, (parameters, buffers), (x,))
            return cross_entropy(scores, y), scores

        return vmap(one, in_dims=(0, 0, in_dims, in_dims))(self.views, self.buffers, x, y)

    def backward(self, x, y, skip):
        """Set the gradient of each net's row, except where ``skip`` is true; x (nets, batch, ...), y (nets, batch)."""
        losses, _ = self.losses_and_scores(x, y)
        parts = torch.autograd.grad(losses.sum(), list(self.views.values()))
        gradients = torch.cat([part.flatten(1) for part in parts], dim=1)
        for row, gradient, skipped in zip(self.rows, gradients, skip, strict=True):
            row.grad = None if skipped else gradient

    def write_back(self, nets):
        for i, (net, row) in enumerate(zip(nets, self.rows, strict=True)):
            vector_to_parameters(row.clone(), net.parameters())
            for name, buffer in net.named_buffers():
                buffer.copy_(self.buffers[name][i])


@torch.no_grad()
def _measure(model, epoch, histories, x_train, y_train, x_test, y_test):
    """Append the exact losses and errors over all images to the histories of the nets that still learn."""
    model.template.eval()
    losses, scores = model.losses_and_scores(x_train, y_train, in_dims=None)
    training = (scores.argmax(dim=2) != y_train).float().mean(dim=1).tolist()
    test = (model.losses_and_scores(x_test, y_test, in_dims=None)[1].argmax(dim=2) != y_test).float().mean(dim=1)
    model.template.train()
    finite = (losses.isfinite() & model.theta.isfinite().all(dim=1)).tolist()
    for history, ok, *numbers in zip(histories, finite, losses.tolist(), training, test.tolist(), strict=True):
        history.diverged = history.diverged or not ok
        if history.diverged:
            continue
        history.epoch.append(epoch)
        history.training_loss.append(numbers[0])
        history.training_error.append(numbers[1])
        history.test_error.append(numbers[2])


def _tensors(data):
    """The four arrays as tensors, once they are known to be usable."""
    x_train, y_train, x_test, y_test = (torch.as_tensor(array) for array in data)
    for name, x, y in (("training", x_train, y_train), ("test", x_test, y_test)):
        if len(x) != len(y):
            raise ValueError(f"there are {len(x)} {name} images but {len(y)} labels; each image needs one label")
        bad = int((~x.isfinite()).sum())
        if bad:
            raise ValueError(f"the {name} images hold {bad} values that are infinite or not a number; mend them first")
    return x_train.float(), y_train.long(), x_test.float(), y_test.long()


def _check(nets, epochs, batch, learning_rates, seeds):
    if not nets or not len(nets) == len(learning_rates) == len(seeds):
        raise ValueError(
            f"{len(nets)} nets, {len(learning_rates)} learning rates and {len(seeds)} seeds; give one of each per net"
        )
    for name, value in {"epochs": epochs, "batch": batch}.items():
        if value < 1:
            raise ValueError(f"{name} = {value}, but it must be at least 1")
    for rate in learning_rates:
        if not rate > 0:
            raise ValueError(f"learning rate {rate}, but it must be above 0")
    if len({str(net) for net in nets}) > 1:
        raise ValueError("nets in lockstep must have one architecture and one skip; train the others in a second call")
