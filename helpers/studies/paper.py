"""The recipe of He et al. 2015 (arXiv 1512.03385, section 4.2), step by step.

The command ``python -m helpers.studies.recipe`` applies it to the nets of the paper and to
CIFAR-10. Whatever is random follows from the seed and the number of the step alone, so a training
that was stopped and goes on from its checkpoint gives the same numbers as one that ran through.
"""

import io
import time
import zlib
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import cross_entropy, pad

from helpers.files import writing
from helpers.inputs import arguments
from helpers.inputs.data import NAMES, tensors
from helpers.inputs.numbers import check_seed, check_whole

PADDING = 4  # pixels of zeros on each side, of which a crop takes some
ORDER, CROPS = range(2)  # what random numbers are for: no two purposes share a stream
CHUNK = 500  # test images at a time
STATE = ("rows", "iteration", "warming", "settings")  # of a checkpoint, with net and optimizer


def rate(iteration, iterations=64_000, warming=False):
    """Return the learning rate of step ``iteration``, counted from 0.

    0.1, divided by 10 after a half and again after three quarters of all ``iterations`` (32k and
    48k of 64k in the paper); at most 0.01 while ``warming``.
    """
    decays = (2 * iteration >= iterations) + (4 * iteration >= 3 * iterations)
    return min(0.1 / 10**decays, 0.01 if warming else 1.0)


def centred(data, device="cpu"):
    """Return (x_train, y_train, x_test, y_test) as tensors, minus the mean training image.

    data: x (images, channels, height, width) and y (images,) to train and to test.
    device: where to put the tensors.

    Each pixel of each channel has its own mean, taken over the training images alone. Nothing is
    divided: the net normalises after its first convolution. Raises ValueError for images of another
    shape, labels that do not fit, and pixels that are not finite.
    """
    x_train, y_train, x_test, y_test = tensors(data, device, torch.float32)
    for name, x in (("training", x_train), ("test", x_test)):
        if x.ndim != 4 or x.shape[1:] != x_train.shape[1:]:
            raise ValueError(
                f"the {name} images have shape {tuple(x.shape)}, not (images, channels, height, "
                "width)"
            )
    mean = x_train.mean(0, dtype=torch.float64).float()
    return x_train - mean, y_train, x_test - mean, y_test


def chosen(images, seed, iteration, batch=128):
    """Return which of ``images`` images step ``iteration`` sees: (batch,) numbers.

    The steps cut one endless row of shuffled epochs: every epoch shows every image exactly once.
    """
    start = iteration * batch
    epochs = range(start // images, (start + batch - 1) // images + 1)
    row = np.concatenate([_shuffled(images, seed, epoch) for epoch in epochs])
    return row[start - epochs[0] * images :][:batch]


@lru_cache(maxsize=2)  # the next step is nearly always in the same epoch
def _shuffled(images, seed, epoch):
    return np.random.default_rng([seed, ORDER, epoch]).permutation(images)


def augmented(images, seed, iteration):
    """Return images (batch, channels, height, width), cropped at random, and half of them flipped.

    Each image gets a border of zeros, 4 pixels wide: the mean grey, since the mean was subtracted.
    A crop has the size of the image and begins at one of 9 x 9 places (section 4.2).
    """
    count, _, height, width = images.shape
    random = np.random.default_rng([seed, CROPS, iteration])
    corners = random.integers(0, 2 * PADDING + 1, (2, count, 1))
    flips = random.random((count, 1)) < 0.5
    rows, columns = corners[0] + np.arange(height), corners[1] + np.arange(width)
    columns = np.where(flips, columns[:, ::-1], columns)
    rows, columns = (torch.as_tensor(places, device=images.device) for places in (rows, columns))
    which = torch.arange(count, device=images.device)[:, None, None]
    padded = pad(images, [PADDING] * 4)
    # Indexing puts the channels last.
    return padded[which, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def train(
    net, data, *, seed=0, iterations=64_000, warm_up=False, batch=128, checkpoint=None, device=None,
    fast=False, window=100, measure_every=1000, save_every=60.0,
):  # fmt: skip
    """Train a net in place by the recipe; return a generator of rows, a dict for each 100 steps.

    net: a torch.nn.Module, which maps images to scores (images, classes).
    data: as for ``centred``.
    seed: sets the order of the images, crops and flips.
    iterations: steps of SGD, momentum 0.9, weight decay 1e-4; see ``rate`` and ``augmented``.
    warm_up: whether the rate is 0.01 until a row has a training error below 80 %.
    batch: images in one step.
    checkpoint: a file. If it exists, the training goes on from it, and its rows come first. The
        numbers equal those of a training without a break; on cuda, up to rounding.
    device: by default "cuda" where there is one, else "cpu".
    fast: channels last in memory and products in bfloat16.
    window, measure_every: steps between two rows, and between two test errors.
    save_every: seconds between two checkpoints.

    ``_Training`` says what a row has. Raises ValueError for data that do not fit each other or the
    net, a net that cannot learn, bad numbers, no such device, and a checkpoint of something else.
    """
    counts = dict(iterations=iterations, batch=batch, window=window, measure_every=measure_every)
    counts, seed = check_whole(**counts), check_seed(seed)
    arguments.check([net], [rate(0)], [seed], iterations, batch, measure_every)
    training = _Training(net, data, known_device(device), seed, bool(warm_up), bool(fast), counts)
    if checkpoint is not None:
        checkpoint = Path(checkpoint).expanduser()
        training.resume(checkpoint)
    return training.rows_from_here(checkpoint, save_every)


class _Training:
    """A training that can be stopped between two rows, and resumed there.

    A row has iteration (steps done), rate, training loss (nats) and training error (fraction), both
    means over the augmented batches of its steps, test error (fraction, or None where it was not
    measured) and seconds per step. A loss that is not finite is None, and ends the training.
    """

    def __init__(self, net, data, device, seed, warming, fast, counts):
        self.device, self.seed, self.fast, self.counts = device, seed, fast, counts
        self.precision = torch.autocast(device.type, torch.bfloat16, enabled=fast)
        self.order = torch.channels_last if fast else torch.contiguous_format
        self.net = net.to(device, memory_format=self.order)
        given = tensors(data, "cpu", torch.float32)
        images = len(given[0])
        self.x, self.y, *self.test = arguments.fitting(net, centred(given, device), images)
        self.optimizer = torch.optim.SGD(
            net.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4, fused=True
        )
        self.iteration, self.warming, self.rows = 0, warming, []
        # What tells this training from another one, in a checkpoint.
        self.settings = {"net": str(net), "seed": seed, "warm_up": warming, "fast": fast, **counts}
        checksums = (zlib.crc32(np.ascontiguousarray(part)) for part in given)
        self.settings |= {"images": images} | dict(zip(NAMES, checksums, strict=True))

    def rows_from_here(self, checkpoint, save_every):
        yield from self.rows
        saved = time.monotonic()
        while not self.ended():
            self.rows.append(
                self._row(min(self.iteration + self.counts["window"], self.counts["iterations"]))
            )
            due = self.ended() or time.monotonic() - saved >= save_every
            if checkpoint is not None and due:
                self.save(checkpoint)
                saved = time.monotonic()
            yield self.rows[-1]

    def ended(self):
        diverged = bool(self.rows) and self.rows[-1]["training loss"] is None
        return diverged or self.iteration == self.counts["iterations"]

    @torch.enable_grad()  # whatever the caller has switched off
    def _row(self, end):
        """Take all steps before ``end``; return the row that sums them up."""
        self.net.train()
        begun, steps = time.perf_counter(), end - self.iteration
        sums = torch.zeros(2, device=self.device)
        while self.iteration < end:
            sums += self._step()
            self.iteration += 1
        loss, wrong = (sums / steps).tolist()  # waits for the device
        seconds, used = (time.perf_counter() - begun) / steps, self._rate(end - 1)
        self.warming = self.warming and wrong >= 0.8
        measured = end % self.counts["measure_every"] == 0 or end == self.counts["iterations"]
        row = {"iteration": end, "rate": used, "training loss": loss if np.isfinite(loss) else None}
        row |= {"training error": wrong, "test error": self._test_error() if measured else None}
        return row | {"seconds per step": seconds}

    def _rate(self, iteration):
        return rate(iteration, self.counts["iterations"], self.warming)

    def _step(self):
        """Take a step; return its loss and its fraction of wrong images, still on the device."""
        indices = chosen(len(self.x), self.seed, self.iteration, self.counts["batch"])
        indices = torch.as_tensor(indices, device=self.device)
        images, labels = augmented(self.x[indices], self.seed, self.iteration), self.y[indices]
        with self.precision:
            scores = self.net(images.contiguous(memory_format=self.order))
        loss = cross_entropy(scores.float(), labels)
        self.optimizer.zero_grad()
        loss.backward()
        for group in self.optimizer.param_groups:
            group["lr"] = self._rate(self.iteration)
        self.optimizer.step()
        return torch.stack([loss.detach(), (scores.argmax(1) != labels).float().mean()])

    @torch.no_grad()
    def _test_error(self):
        """The fraction of wrong test images, as they are, without augmentation."""
        self.net.eval()
        images, labels = self.test
        with self.precision:
            scores = torch.cat([self.net(part) for part in images.split(CHUNK)])
        return (scores.argmax(1) != labels).double().mean().item()

    def save(self, path):
        """Write the checkpoint; a crash leaves the old or the new one."""
        state = {"net": self.net.state_dict(), "optimizer": self.optimizer.state_dict()}
        state |= {name: getattr(self, name) for name in STATE}
        content = io.BytesIO()
        torch.save(state, content)
        writing.write(path, content.getvalue(), Path.is_file)

    def resume(self, path):
        """Go on from a checkpoint, if there is one, and see whether one can be written."""
        if Path(path).is_file():
            self._load(path)
        writing.check(path, Path.is_file)

    def _load(self, path):
        try:  # weights_only: no code in the file is run
            state = torch.load(path, map_location=self.device, weights_only=True)
            stored = state["settings"]
        except Exception as error:  # a damaged file may raise anything
            raise ValueError(
                f"{path} is no checkpoint, or a damaged one ({type(error).__name__}), and stays as "
                "it is: choose another name, or move it away"
            ) from error
        # One from before the settings had all of these is taken at its word.
        if other := [name for name, v in self.settings.items() if stored.get(name, v) != v]:
            raise ValueError(
                f"the checkpoint {path} is of another training ({', '.join(other)} differ): move "
                "it away"
            )
        self.net.load_state_dict(state["net"])
        self.optimizer.load_state_dict(state["optimizer"])
        for name in STATE:
            setattr(self, name, state[name])


def known_device(name=None):
    """Return the device of this name; without one, cuda where there is one, else the CPU.

    Raises ValueError for any but "cpu", "cuda" and "cuda:0", if this machine has it, and so on.
    """
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    there = ["cpu", *(f"cuda:{number}" for number in range(torch.cuda.device_count()))]
    if str(name) not in there and not (str(name) == "cuda" and there[1:]):
        raise ValueError(f"device = {name!r}, but this machine has {', '.join(there)}")
    return torch.device(name)
