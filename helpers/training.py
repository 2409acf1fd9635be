"""Train a net, or many nets at once, and compare kinds of nets fairly; each result is a History.

``train`` is the loop, step by step. ``train_many`` gives each of many nets what ``train`` gives it,
in less time. ``fair`` trains one kind of net at several learning rates, with several seeds;
``best`` says which rate served it best.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from math import inf, isfinite, nan

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from helpers.lockstep import checks
from helpers.lockstep.stack import Stack, groups, wrong
from helpers.setup import machine

adam = partial(
    torch.optim.Adam, fused=True
)  # one pass over memory instead of a dozen; the same numbers


@dataclass
class History:
    """What one training measured: a row (epoch, training loss, training error, test error) for each
    moment.

    The first row is the net before training. The loss is the mean cross-entropy in nats; errors are
    fractions of images put into a wrong class. The columns are lists: ``history.training_loss``.
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

    @property
    def final_loss(self):
        """The last training loss, in nats; infinite for a net that diverged."""
        return inf if self.diverged else self.training_loss[-1]

    @property
    def final_training_error(self):
        """The last training error, a fraction; NaN for a net that diverged."""
        return nan if self.diverged else self.training_error[-1]

    @property
    def final_test_error(self):
        """The last test error, a fraction; NaN for a net that diverged."""
        return nan if self.diverged else self.test_error[-1]

    def add(self, epoch, loss, training_error, test_error):
        """Append a row, or note that the net diverged."""
        self.diverged = self.diverged or not isfinite(loss)
        if not self.diverged:
            self.rows.append((epoch, loss, training_error, test_error))


@torch.enable_grad()  # whatever the caller has switched off
def train(net, data, *, epochs, learning_rate, seed=0, batch=128, optimizer=adam, measure_every=1):
    """Train one net in place, and return its History.

    net: a torch.nn.Module; it maps x (images, ...) to scores (images, classes).
    data: (x_train, y_train, x_test, y_test), arrays or tensors; y (images,) holds classes from 0
    on.
    epochs: how many times the net sees all training images.
    learning_rate: the size of a step.
    seed: orders the images; nets of one seed see the same batches.
    batch: images in one step.
    optimizer: a function of parameters and lr, such as partial(torch.optim.SGD, momentum=0.9).
    measure_every: epochs between two rows of the History; the first and the last are always there.

    An interrupt (Jupyter's stop button) ends the training early and keeps what was reached.
    Raises ValueError for data that do not fit the net, and for numbers that make no training.
    """
    checks.check(
        [net], [learning_rate], [seed], epochs=epochs, batch=batch, measure_every=measure_every
    )
    x, y, *test = checks.fitting(net, data, batch)
    order = torch.Generator().manual_seed(seed)
    updates = optimizer([p for p in net.parameters() if p.requires_grad], lr=learning_rate)
    history = History()
    history.add(0, *measure(net, x, y, *test))
    try:
        for epoch in range(1, epochs + 1):
            net.train()
            for images in torch.randperm(len(x), generator=order).split(batch):
                updates.zero_grad()
                loss = cross_entropy(net(x[images]), y[images])
                loss.backward()
                updates.step()
            if epoch % measure_every == 0 or epoch == epochs:
                history.add(epoch, *measure(net, x, y, *test))
    except KeyboardInterrupt:
        history.stopped = True
    return history


@torch.no_grad()
def measure(net, x_train, y_train, x_test, y_test):
    """Return the training loss (nats), the training error and the test error (fractions) of a net.

    As in ``train``: x (images, ...) and y (images,) are tensors. The net's mode stays as it was.
    """
    was_training = net.training
    net.eval()
    scores, test_scores = (
        torch.cat([net(part) for part in x.split(256)]) for x in (x_train, x_test)
    )
    net.train(was_training)
    return cross_entropy(scores, y_train).item(), wrong(scores, y_train), wrong(test_scores, y_test)


def train_many(
    nets, data, *, epochs, learning_rates, seeds, batch=128, optimizer=adam, measure_every=1
):
    """Train many nets in place, in less time than one after another; return one History each.

    Each net ends as ``train`` would leave it, but for rounding. Arguments and errors are those of
    ``lockstep``. An interrupt ends all trainings early, and keeps what was reached.
    """
    progress = lockstep(
        nets,
        data,
        epochs=epochs,
        learning_rates=learning_rates,
        seeds=seeds,
        batch=batch,
        optimizer=optimizer,
        measure_every=measure_every,
    )
    histories = [History() for _ in nets]
    try:
        for now in progress:
            histories = now
    except KeyboardInterrupt:
        for history in histories:
            history.stopped = True
    return histories


def lockstep(
    nets,
    data,
    *,
    epochs,
    learning_rates,
    seeds,
    batch=128,
    optimizer=adam,
    measure_every=1,
    bfloat16=False,
):
    """Train ``nets`` together; yield their Histories before training and after each measured epoch.

    nets: a list; those of one structure are stacked and computed as one net, and the stacks of
    several structures (plain and residual, say) train at the same time, one on each core.
    learning_rates, seeds: lists with one for each net; the rest is as for ``train``.
    bfloat16: take products in that type while training, as is usual on GPUs; measure without it.

    The Histories are the same objects each time, growing. The nets hold what they learned once the
    generator ends or is closed. Sums are taken in another order than by ``train``. In float32 that
    can put the input of a ReLU that is nearly 0 on the other side, and from there on two nets drift
    apart; in float64 nine digits and more stay equal over an epoch.
    Raises ValueError as ``train`` does, for a net given twice, for lists of different length, and
    for nets that can be trained only by themselves: with random layers (nn.Dropout), with a forward
    that branches on the numbers, or with whatever else torch.func.vmap refuses.
    """
    checks.check(
        nets, learning_rates, seeds, epochs=epochs, batch=batch, measure_every=measure_every
    )
    histories, stacks = [History() for _ in nets], {}
    for alike in groups(nets):
        own_nets, own_rates, own_seeds = (
            [of[i] for i in alike] for of in (nets, learning_rates, seeds)
        )
        fitting = checks.fitting(own_nets[0], data, batch)
        stack = Stack(own_nets, fitting, own_rates, own_seeds, optimizer, bfloat16)
        checks.check_together(stack, alike[0])
        stacks[stack] = [histories[i] for i in alike]
    moments = {epoch for epoch in range(epochs + 1) if epoch % measure_every == 0} | {epochs}
    return _epochs(stacks, histories, batch, moments)


def _epochs(stacks, histories, batch, moments):
    """Train all stacks, {Stack: its Histories}, to the last of the ``moments``."""
    workers = max(1, min(len(stacks), machine.cores() // torch.get_num_threads()))
    try:
        with ThreadPoolExecutor(workers) as pool:
            for epoch in range(max(moments) + 1):
                if epoch > 0:
                    list(pool.map(lambda stack: stack.learn(batch), stacks))
                if epoch in moments:
                    for own, found in zip(
                        stacks.values(), pool.map(Stack.measure, stacks), strict=True
                    ):
                        for history, row in zip(own, found, strict=True):
                            history.add(epoch, *row)
                    yield histories
    finally:
        for stack in stacks:
            stack.write_back()


def fair(make, data, *, rates, seeds, epochs, batch=128, optimizer=adam, measure_every=1):
    """Train ``make(seed)`` for each seed at each learning rate; return {rate: [one History for each
    seed]}.

    make: a function of a seed, which returns an untrained net: lambda seed:
    nets.fully_connected(20, seed=seed).
    rates: learning rates, the same ones for every kind of net that is to be compared.
    seeds: each sets the initial numbers of a net and orders its images.
    The rest is as for ``train``, and all nets train together, as in ``train_many``.
    """
    pairs = [(rate, seed) for rate in rates for seed in seeds]
    histories = train_many(
        [make(seed) for _, seed in pairs],
        data,
        epochs=epochs,
        learning_rates=[rate for rate, _ in pairs],
        seeds=[seed for _, seed in pairs],
        batch=batch,
        optimizer=optimizer,
        measure_every=measure_every,
    )
    found = {rate: [] for rate in rates}
    for (rate, _), history in zip(pairs, histories, strict=True):
        found[rate].append(history)
    return found


def best(histories):
    """Return the learning rate, of {rate: Histories}, whose median final training loss is lowest.

    A net that diverged counts as infinitely bad. Of equals, the first.
    """
    return min(
        histories, key=lambda rate: np.median([history.final_loss for history in histories[rate]])
    )
