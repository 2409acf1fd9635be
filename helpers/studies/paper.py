"""The recipe of He et al. 2015 (arXiv 1512.03385, section 4.2): how images and rate change from
step to step.

The command ``python -m helpers.studies.recipe`` applies it to the nets of the paper and to
CIFAR-10. All images lie on the device. Whatever is random follows from the seed and the number of
the step alone, so a training that was stopped and goes on from its checkpoint gives the same
numbers as one that ran through.
"""

import os
import time
import zlib
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import cross_entropy, pad

PADDING = 4  # pixels of zeros on each side, of which a crop takes some
ORDER, CROPS = range(2)  # what random numbers are for: no two purposes share a stream
CHUNK = 500  # test images at a time


def rate(iteration, iterations=64_000, warming=False):
    """Return the learning rate of step ``iteration``, counted from 0.

    0.1, divided by 10 after a half and again after three quarters of all ``iterations`` (32k and
    48k of 64k in the paper); at most 0.01 while ``warming``.
    """
    decays = (2 * iteration >= iterations) + (4 * iteration >= 3 * iterations)
    return min(0.1 / 10**decays, 0.01 if warming else 1.0)


def centred(data, device="cpu"):
    """Return (x_train, y_train, x_test, y_test) as tensors on ``device``, less the mean training
    image.

    x: (images, channels, height, width), float32; y: (images,), int64. Each pixel of each channel
    has its own mean, taken over the training images alone. Nothing is divided: the net normalises
    after its first convolution. Raises ValueError for images of another shape, labels that do not
    fit, and pixels that are not finite.
    """
    x_train, y_train, x_test, y_test = (torch.as_tensor(array) for array in data)
    for name, x, y in (("training", x_train, y_train), ("test", x_test, y_test)):
        if x.ndim != 4 or len(x) == 0 or x.shape[1:] != x_train.shape[1:]:
            raise ValueError(
                f"the {name} images have shape {tuple(x.shape)}, not (images, channels, height, "
                "width)"
            )
        if y.shape != (len(x),) or y.is_floating_point():
            raise ValueError(
                f"{len(x)} {name} images need as many whole labels, not {tuple(y.shape)} of "
                f"{y.dtype}"
            )
        if not x.float().isfinite().all():
            raise ValueError(
                f"the {name} images hold values that are infinite or not a number; mend them first"
            )
    mean = x_train.mean(0, dtype=torch.float64).float()
    x_train, x_test = (x.to(device).float() - mean.to(device) for x in (x_train, x_test))
    return x_train, y_train.to(device).long(), x_test, y_test.to(device).long()


def chosen(images, seed, iteration, batch=128):
    """Return which of ``images`` images step ``iteration`` sees: (batch,) numbers.

    The steps cut one endless row of shuffled epochs, so that every epoch shows every image once, to
    the last one.
    """
    start = iteration * batch
    epochs = range(start // images, (start + batch - 1) // images + 1)
    row = np.concatenate([_shuffled(images, seed, epoch) for epoch in epochs])
    return row[start - epochs[0] * images :][:batch]


@lru_cache(maxsize=2)  # the next step is nearly always in the same epoch
def _shuffled(images, seed, epoch):
    return np.random.default_rng([seed, ORDER, epoch]).permutation(images)


def augmented(images, seed, iteration):
    """Return ``images`` (batch, channels, height, width) cropped at random, and half of them
    flipped.

    Each image gets a border of zeros, 4 pixels wide. A crop has the size of the image and starts at
    one of 9 x 9 places. See section 4.2. The mean must have been subtracted before: zeros are then
    the mean grey.
    """
    count, _, height, width = images.shape
    random = np.random.default_rng([seed, CROPS, iteration])
    corners, flips = (
        random.integers(0, 2 * PADDING + 1, (2, count, 1)),
        random.random((count, 1)) < 0.5,
    )
    rows, columns = corners[0] + np.arange(height), corners[1] + np.arange(width)
    columns = np.where(flips, columns[:, ::-1], columns)
    rows, columns = (torch.as_tensor(places, device=images.device) for places in (rows, columns))
    which = torch.arange(count, device=images.device)[:, None, None]
    pixels = pad(images, [PADDING] * 4)[
        which, :, rows[:, :, None], columns[:, None, :]
    ]  # channels come last
    return pixels.permute(0, 3, 1, 2)


def train(
    net, data, *, seed=0, iterations=64_000, warm_up=False, batch=128, checkpoint=None, **options
):
    """Train ``net`` in place by the recipe; return a generator of rows, one dict for each 100
    steps.

    data: as for ``centred``. SGD, momentum 0.9, weight decay 1e-4 on all parameters; see ``rate``
    and ``augmented``.
    warm_up: a rate of 0.01 until a row has a training error below 80 % (the paper's 110 layers:
    about 400 steps). A row has iteration (steps done), rate, training loss (nats) and training
    error (fraction), both the means over the augmented batches of its steps, test error (fraction,
    at every thousandth step and at the end, else None) and seconds per step. A loss that is not
    finite is None, and ends the training.
    checkpoint: a file. It is written each minute and at the end; if it is there, the training goes
    on from it, and the generator begins with the rows stored in it. On the CPU the numbers are
    those of a training without a break; on cuda they are up to rounding, since sums there have no
    fixed order.
    options: device ("cuda" where there is one, else "cpu"); fast: channels last in memory and
    products in bfloat16; window, measure_every (steps) and save_every (seconds) in place of 100,
    1000 and 60. Raises ValueError for what ``centred`` refuses, for images that the net cannot
    take, for labels that it has no score for, for a count below 1 or a ``seed`` below 0, for a
    ``device`` that is not there, and for a checkpoint that is damaged or of another training.
    """
    run = _Run(net, data, seed, warm_up, iterations, batch, **options)
    if checkpoint is not None and Path(checkpoint).exists():
        run.load(checkpoint)
    return run.rows_from_here(checkpoint)


class _Run:
    """A training that can be left between two rows, and taken up again there."""

    def __init__(
        self, net, data, seed, warm_up, iterations, batch, device=None, fast=False, save_every=60.0, window=100,
        measure_every=1000,
    ):  # fmt: skip
        self.counts = dict(
            iterations=iterations, batch=batch, window=window, measure_every=measure_every
        )
        _check(seed, **self.counts)
        self.device, self.seed, self.fast, self.save_every = (
            _device(device),
            int(seed),
            bool(fast),
            save_every,
        )
        self.x, self.y, *self.test = centred(data, self.device)
        self.order = torch.channels_last if fast else torch.contiguous_format
        self.net = net.to(self.device, memory_format=self.order)
        self._check_labels()
        self.optimizer = torch.optim.SGD(
            net.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4, fused=True
        )
        self.iteration, self.warming, self.rows = 0, bool(warm_up), []
        # What tells this training from another one, in a checkpoint.
        labels = zlib.crc32(self.y.cpu().numpy().tobytes())
        self.settings = {
            "net": str(net),
            "seed": self.seed,
            "warm_up": self.warming,
            "fast": self.fast,
            **self.counts,
        }
        self.settings |= {"images": len(self.x), "labels": labels}

    def _check_labels(self):
        try:
            classes = self._scores(self.x[:1]).shape[1]
        except (RuntimeError, ValueError, IndexError) as error:
            raise ValueError(
                f"the net cannot take images of shape {tuple(self.x.shape[1:])}: {error}"
            ) from error
        labels = torch.cat([self.y, self.test[1]])
        if labels.min() < 0 or labels.max() >= classes:
            raise ValueError(
                f"the labels go from {labels.min()} to {labels.max()}, but the net has {classes} "
                "classes"
            )

    def rows_from_here(self, checkpoint):
        yield from self.rows
        saved = time.monotonic()
        while not self.ended():
            self.rows.append(
                self._row(min(self.iteration + self.counts["window"], self.counts["iterations"]))
            )
            if checkpoint is not None and (
                self.ended() or time.monotonic() - saved >= self.save_every
            ):
                self.save(checkpoint)
                saved = time.monotonic()
            yield self.rows[-1]

    def ended(self):
        diverged = bool(self.rows) and self.rows[-1]["training loss"] is None
        return diverged or self.iteration == self.counts["iterations"]

    def _row(self, end):
        """Take all steps before ``end``, and say what was seen on the way."""
        self.net.train()
        begun, steps, sums = (
            time.perf_counter(),
            end - self.iteration,
            torch.zeros(2, device=self.device),
        )
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
        """One step; return its loss and the fraction of wrong images, without waiting for the
        device.
        """
        indices = chosen(len(self.x), self.seed, self.iteration, self.counts["batch"])
        indices = torch.as_tensor(indices, device=self.device)
        images, labels = augmented(self.x[indices], self.seed, self.iteration), self.y[indices]
        with self._precision():
            scores = self.net(images.contiguous(memory_format=self.order))
        loss = cross_entropy(scores.float(), labels)
        self.optimizer.zero_grad()
        loss.backward()
        for group in self.optimizer.param_groups:
            group["lr"] = self._rate(self.iteration)
        self.optimizer.step()
        return torch.stack([loss.detach(), (scores.argmax(1) != labels).float().mean()])

    def _precision(self):
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.fast)

    @torch.no_grad()
    def _scores(self, images):
        """Scores of images as they are, without augmentation."""
        self.net.eval()
        with self._precision():
            return torch.cat([self.net(part) for part in images.split(CHUNK)])

    def _test_error(self):
        images, labels = self.test
        return (self._scores(images).argmax(1) != labels).double().mean().item()

    def save(self, path):
        """Write the checkpoint beside its place, then move it there: a crash leaves the old one or
        the new one.
        """
        state = {
            "net": self.net.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "rows": self.rows,
        }
        state |= {"iteration": self.iteration, "warming": self.warming, "settings": self.settings}
        beside = Path(f"{path}.part")
        with beside.open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)

    def load(self, path):
        """Take up the training of a checkpoint."""
        try:
            state = torch.load(
                path, map_location=self.device, weights_only=True
            )  # runs no code of the file
            stored = state["settings"]
        except Exception as error:  # a damaged file may raise anything
            raise ValueError(
                f"the checkpoint {path} cannot be read ({type(error).__name__}); remove it"
            ) from error
        if other := [name for name, value in self.settings.items() if stored.get(name) != value]:
            raise ValueError(
                f"the checkpoint {path} is of another training ({', '.join(other)} differ): move "
                "it away"
            )
        self.net.load_state_dict(state["net"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.iteration, self.warming, self.rows = (
            state["iteration"],
            state["warming"],
            state["rows"],
        )


def _check(seed, **counts):
    for name, value in counts.items():
        if value != int(value) or value < 1:
            raise ValueError(f"{name} = {value!r}, but it must be a whole number above 0")
    if seed != int(seed) or seed < 0:
        raise ValueError(f"seed = {seed!r}, but it must be a whole number, 0 or above")


def _device(name):
    """The device of this name; without one, cuda where there is one, else the CPU."""
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    there = ["cpu", *(f"cuda:{number}" for number in range(torch.cuda.device_count()))]
    if name not in there and not (name == "cuda" and there[1:]):
        raise ValueError(f"device = {name!r}, but this machine has {', '.join(there)}")
    return torch.device(name)
