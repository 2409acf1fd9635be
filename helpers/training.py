"""Train a net, train many at once, and compare kinds of nets fairly.

``train`` is the loop, step by step. ``train_many`` does to each of many nets what ``train`` does to
one, in less time. ``fair`` gives one kind of net several learning rates and several seeds, and
``best`` says at which rate it did best.
"""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from math import inf, isfinite, nan
from threading import Event

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from helpers.inputs import arguments, optimizers, suspects
from helpers.inputs.rehearsal import AT_ONCE, is_lazy_net
from helpers.lockstep.stack import Stack, groups, wrong
from helpers.setup.machine import cores

# One pass over memory instead of a dozen; the same numbers.
adam = partial(torch.optim.Adam, fused=True)


@dataclass
class History:
    """What was measured in one training: rows (epoch, training loss, training error, test error).

    The first row is the net before training. The loss is the mean cross-entropy over all training
    images, in nats; an error is the fraction of images put into a wrong class.
    ``history.training_loss`` and the like are the columns, as lists.
    ``diverged``: the loss became infinite or not a number; the rows end before that.
    ``stopped``: the training was interrupted; the rows hold what was measured until then.
    ``chance``: the training error and the test error from which on guessing does as well.
    """

    rows: list[tuple[int, float, float, float]] = field(default_factory=list)
    diverged: bool = False
    stopped: bool = False
    chance: tuple[float, float] = (nan, nan)

    epoch = property(lambda self: [row[0] for row in self.rows])
    training_loss = property(lambda self: [row[1] for row in self.rows])
    training_error = property(lambda self: [row[2] for row in self.rows])
    test_error = property(lambda self: [row[3] for row in self.rows])

    # The last entries. A net that diverged, or was stopped before it was measured, is infinitely
    # bad, and has no errors.
    failed = property(lambda self: self.diverged or not self.rows)
    final_loss = property(lambda self: inf if self.failed else self.training_loss[-1])
    final_training_error = property(lambda self: nan if self.failed else self.training_error[-1])
    final_test_error = property(lambda self: nan if self.failed else self.test_error[-1])

    def add(self, epoch, loss, training_error, test_error):
        """Append a row; if its loss is not finite, note that the net diverged."""
        self.diverged = self.diverged or not isfinite(loss)
        if not self.diverged:
            self.rows.append((epoch, loss, training_error, test_error))

    def __repr__(self):
        """Say how the training ended, and whether guessing does as well."""
        epoch, loss, *errors = self.rows[-1] if self.rows else (0, nan, nan, nan)
        parts = []
        for images, error, chance in zip(("training", "test"), errors, self.chance, strict=True):
            guessed = " (no better than guessing)" if error >= chance else ""
            parts.append(f"{error:.1%} of the {images} images wrong{guessed}")
        end = "; diverged" * self.diverged + "; stopped early" * self.stopped
        return f"after epoch {epoch}: training loss {loss:.3g}, {', '.join(parts)}{end}"

    @contextmanager
    def noting_the_end(self, net):
        """Note why a training ends early, and give the net back in the mode it was in."""
        mode = net.training
        try:
            yield
        except KeyboardInterrupt:
            self.stopped = True
        except FloatingPointError:
            self.diverged = True
        finally:
            net.train(mode)
        suspects.look_back([self])


@torch.enable_grad()  # whatever the caller has switched off
def train(net, data, *, epochs, learning_rate, seed=0, batch=128, optimizer=adam, measure_every=1):
    """Train one net in place; return its History. An interrupt ends it, and loses nothing.

    net: a torch.nn.Module that maps images (n, ...) to scores (n, classes).
    data: (x_train, y_train, x_test, y_test), or a Folder; y (n,) holds classes from 0 on.
    epochs: how many times the net sees every training image.
    learning_rate: the size of the steps, above 0.
    seed: the order of the images, one for two nets with one seed; lazy layers start from it, too.
    batch: images in a step.
    optimizer: makes one of torch.optim, such as partial(torch.optim.SGD, momentum=0.9).
    measure_every: epochs from one row of the History to the next; the last epoch has one too.
    Raises ValueError, and warns of mistakes that PyTorch lets pass, each in one sentence.
    """
    arguments.check([net], [learning_rate], [seed], epochs, batch, measure_every)
    x, y, *test = arguments.fitting(net, data, batch, seed)
    learner = optimizers.of_net(optimizer, net, learning_rate)
    shuffler = torch.Generator().manual_seed(int(seed))
    history = History(chance=suspects.chance(y, test[1]))
    history.add(0, *measure(net, x, y, *test))
    with history.noting_the_end(net):
        for epoch in range(1, epochs + 1):
            net.train()
            for chosen in shuffled(len(x), shuffler).split(int(batch)):
                learner.zero_grad()
                loss = finite(cross_entropy(net(x[chosen]), y[chosen]))
                loss.backward()
                learner.step()
            if epoch % measure_every == 0 or epoch == epochs:
                history.add(epoch, *measure(net, x, y, *test))
    return history


def shuffled(images, generator):
    """Return the numbers of all images, in a random order: (images,), on the CPU."""
    return torch.randperm(images, generator=generator, device="cpu")


def finite(loss):
    """Return the loss; raise FloatingPointError if it is infinite or not a number."""
    if not loss.isfinite():
        raise FloatingPointError(f"the loss is {loss.item()}")
    return loss


@torch.no_grad()
def measure(net, x_train, y_train, x_test, y_test):
    """Return the loss (nats), the training error and the test error (fractions) of a net.

    x (n, ...) and y (n,) are tensors that fit the net, which is left in the mode it was in.
    """
    mode = net.training
    net.eval()
    scores, test_scores = (torch.cat([*map(net, x.split(AT_ONCE))]) for x in (x_train, x_test))
    net.train(mode)
    return cross_entropy(scores, y_train).item(), wrong(scores, y_train), wrong(test_scores, y_test)


def train_many(
    nets, data, *, epochs, learning_rates, seeds, batch=128, optimizer=adam, measure_every=1
):
    """Train many nets in place, each as ``train`` would, in less time; return one History each.

    An interrupt ends all trainings, and loses nothing. Arguments, errors, and what rounding may
    change: see ``lockstep``, which yields the same Histories while they grow.
    """
    counts = {"epochs": epochs, "batch": batch, "measure_every": measure_every}
    each = {"learning_rates": learning_rates, "seeds": seeds}
    (nets,) = arguments.as_lists(nets=nets)
    progress = lockstep(nets, data, **each, **counts, optimizer=optimizer)
    histories = [History() for _ in nets]
    try:
        for now in progress:
            histories = now
    except KeyboardInterrupt:
        for history in histories:
            history.stopped = True
    return histories


def lockstep(
    nets, data, *, epochs, learning_rates, seeds, batch=128, optimizer=adam, measure_every=1,
    bfloat16=False,
):  # fmt: skip
    """Train many nets together; yield the list of their Histories at each measured epoch.

    nets: those of one structure become a Stack, and the stacks (plain and residual nets, say) train
        at the same time, one on each core. The nets are up to date once the generator ends.
    learning_rates, seeds: one for each net. The rest is as in ``train``.
    bfloat16: train with products in that type, as GPUs like it; what is measured is not rounded.
    Each net ends as ``train`` would leave it, but for rounding: in float32 a ReLU whose input is
    nearly 0 may fall on the other side, and two nets drift apart from there on; in float64 nine
    digits stay equal over an epoch. (Weight decay shrinks weights without a way to the loss, too.)
    Raises ValueError as ``train`` does, for nets that share what learns, for lists of different
    length, and for nets that torch.func.vmap refuses or gets wrong (nn.Dropout, a forward that
    branches on the numbers, or counts its calls).
    """
    nets, rates, seeds = arguments.as_lists(nets=nets, learning_rates=learning_rates, seeds=seeds)
    arguments.check(nets, rates, seeds, epochs, batch, measure_every)
    histories, stacks = [History() for _ in nets], {}
    for group, stack in _stacks(nets, data, rates, seeds, batch, optimizer, bfloat16):
        stacks[stack] = [histories[i] for i in group]
        for history in stacks[stack]:
            history.chance = suspects.chance(*stack.data[1::2])
    return _epochs(stacks, histories, int(epochs), batch, int(measure_every))


def _stacks(nets, data, learning_rates, seeds, batch, optimizer, bfloat16):
    """Yield the positions of the nets of each structure, and their Stack."""
    for net, seed in zip(nets, seeds, strict=True):
        if is_lazy_net(net):
            arguments.fitting(net, data, batch, seed)
    for group in groups(nets):
        some, rates, of_seeds = ([of[i] for i in group] for of in (nets, learning_rates, seeds))
        tensors = arguments.fitting(some[0], data, batch)
        optimizers.check_element_wise(optimizer, tensors[0].device)
        with arguments.alone_if_refused(group[0]):
            stack = Stack(some, tensors, rates, of_seeds, optimizer, bfloat16)
            stack.rehearse()
        yield group, stack


def _epochs(stacks, histories, epochs, batch, measure_every):
    """Train {Stack: its Histories}; yield whenever they have been measured."""
    halt = Event()
    pool = ThreadPoolExecutor(max(1, cores() // torch.get_num_threads()))
    try:
        for epoch in range(epochs + 1):
            if epoch > 0:
                list(pool.map(lambda stack: stack.learn(batch, halt.is_set), stacks))
            if epoch % measure_every == 0 or epoch == epochs:
                measured = list(pool.map(Stack.measure, stacks))
                for rows, of_stack in zip(measured, stacks.values(), strict=True):
                    for row, history in zip(rows, of_stack, strict=True):
                        history.add(epoch, *row)
                yield histories
            if all(history.diverged for history in histories):
                return
        suspects.look_back(histories)
    finally:
        halt.set()
        try:
            pool.shutdown()
        finally:  # also if the stop button is pressed twice
            for stack in stacks:
                stack.write_back()


def fair(make, data, *, rates, seeds, epochs, batch=128, optimizer=adam, measure_every=1):
    """Train one kind of net at each learning rate with each seed; return {rate: [Histories]}.

    make: a function of a seed that returns an untrained net; called rate by rate, seed by seed.
    rates: learning rates, the same list for every kind of net in a comparison.
    seeds: initial numbers and order of the images; a History for each, in their order.
    The rest is as in ``train``; all nets train together.
    """
    arguments.check_maker("make", make)
    counts = {"epochs": epochs, "batch": batch, "measure_every": measure_every}
    each = {"rates": rates, "seeds": seeds}
    return fair_many({"make": make}, data, **each, **counts, optimizer=optimizer)["make"]


def fair_many(makes, data, *, rates, seeds, epochs, batch=128, optimizer=adam, measure_every=1):
    """Do to each of many kinds of nets what ``fair`` does to one, in less time.

    makes: {kind: make}. Returns {kind: {rate: [Histories]}}; the rest is as in ``fair``.
    """
    rates, seeds = arguments.comparison(makes, rates, seeds)
    runs = [(kind, rate, seed) for kind in makes for rate in rates for seed in seeds]
    nets = [makes[kind](seed) for kind, _, seed in runs]
    each = {"learning_rates": [run[1] for run in runs], "seeds": [run[2] for run in runs]}
    counts = {"epochs": epochs, "batch": batch, "measure_every": measure_every}
    histories = iter(train_many(nets, data, **each, **counts, optimizer=optimizer))
    return {kind: {rate: [next(histories) for _ in seeds] for rate in rates} for kind in makes}


def best(histories):
    """Return the rate of {rate: Histories} with the lowest median final loss.

    A net that diverged counts as infinitely bad. Of equal rates the first is returned.
    Raises ValueError for anything but what ``fair`` returns.
    """
    lists = list(histories.values()) if isinstance(histories, dict) else []
    full = lists and all(isinstance(some, list | tuple) and some for some in lists)
    if not full or not all(isinstance(one, History) for some in lists for one in some):
        raise ValueError(
            f"histories is {histories!r:.80}, but it must be what fair returns: {{rate: Histories}}"
        )
    return min(histories, key=lambda rate: np.median([h.final_loss for h in histories[rate]]))
