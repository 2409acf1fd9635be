"""Exercises of notebook 8: devices for one night, the paper's rates, its random crops and flips."""

import math
import random as builtin_random
import sys
from operator import ne

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from helpers.exercises.checks import Exercise, Mistake
from helpers.exercises.watching import as_numbers


def night_cases():
    studies = [
        (50, 64_000, 0.05, 2.0),
        (10, 3600, 0.5, 1.0),
        (3, 64_000, 0.05, 9.0),
        (10, 64_000, 0.25, 4.0),
        (5, 7200, 0.5, 1.0),  # a training takes all of the time
        (50, 6400, 0.5, 1.0),  # and here most of it
        (30, 1200, 0.05, 9.0),  # two so short that no wrong unit makes 0 of all
        (20, 80, 0.05, 9.0),
        (91, 64_000, 0.05, 9.5),  # a device gets 10.7 of them done
        (7, 3600, 0.5, 1.5),
        (11, 1800, 0.5, 1.0),  # 2.75 devices, and then 2.25
        (9, 1800, 0.5, 1.0),
    ]
    return [(f"{n} trainings of {t * s:,.0f} s in {h:g} h", (n, t, s, h)) for n, t, s, h in studies]


def in_time(steps, seconds_per_step, hours):
    """How many trainings one device gets done."""
    return math.floor(hours * 3600 / (steps * seconds_per_step))


def devices_by(divide):
    """A solution: divide(trainings, those that one device gets done)."""

    def solution(trainings, steps, seconds_per_step, hours):
        each = in_time(steps, seconds_per_step, hours)
        return divide(trainings, each) if each else 0

    return solution


def evenly(trainings, steps, seconds_per_step, hours):
    """Devices, if a training could be split between them."""
    return trainings * steps * seconds_per_step / 3600 / hours


fewest = devices_by(lambda trainings, each: math.ceil(trainings / each))
devices_needed = Exercise(
    name="devices_needed",
    title="How many devices for one night?",
    right=fewest,
    praise="right: whole trainings for each device, and then whole devices",
    cases=night_cases,
    mistakes={
        "this shares the seconds out evenly, but no training is split between devices": (
            lambda *study: math.ceil(evenly(*study))
        ),
        "this shares the seconds out evenly, but each training stays on one device": (
            lambda *study: math.ceil(evenly(*study)) if fewest(*study) else 0
        ),
        "this shares the seconds out evenly, and devices are whole numbers": evenly,
        "where one training alone takes too long, no number is enough, and 0 is asked for": (
            lambda n, *others: fewest(n, *others) or n
        ),
        "devices are whole numbers": devices_by(lambda trainings, each: trainings / each),
        "this is rounded down, so that some trainings find no device": devices_by(
            lambda trainings, each: trainings // each
        ),
        "this is the number of trainings that one device gets done": lambda n, *s: in_time(*s),
        "this is one device too many where the trainings come out even": devices_by(
            lambda trainings, each: trainings // each + 1
        ),
        "an hour has 3,600 seconds, and here it has 60": lambda n, t, s, h: fewest(n, t, s, h / 60),
        "hours and seconds are compared as they are: an hour has 3,600 seconds": (
            lambda n, t, s, h: fewest(n, t, s, h / 3600)
        ),
        "steps are divided by seconds per step: a training takes steps x seconds_per_step": (
            lambda n, t, s, h: fewest(n, t, 1 / s, h)
        ),
        "a training that takes all of the hours is done in time, and here it is not": (
            lambda n, t, s, h: 0 if t * s >= 3600 * h else fewest(n, t, s, h)
        ),
        "as many devices as trainings are enough where each takes most of the hours, and here they "
        "are not": lambda n, *s: fewest(n, *s) % n,
        "each training has a device of its own here, but one device can do several": (
            devices_by(lambda trainings, each: trainings)
        ),
    },
)

DEPTHS = (20, 110, 32, 44, 56, 74, 164, 1202)
SCHEDULE = (0, 399, 400, 31_999, 32_000, 47_999, 48_000, 63_999)


def rates(solution, layers):
    """{"the rate of step ...": the rate} at the steps where something changes."""
    found = {}
    for step in SCHEDULE:
        try:
            found[f"the rate of step {step:,}"] = solution(step, layers)
        except Mistake as mistake:
            raise Mistake(f"at step {step:,} {mistake}") from mistake
    return found


def schedule(first=32_000, second=48_000, factors=(1, 0.1, 0.01), warm=400, warmed=(110,)):
    """A solution with its own numbers, right or wrong.

    first, second: the steps of the two drops; factors: of the rate before, between and after.
    warm: the steps of the warm-up; warmed: the depths that have one.
    """

    def solution(step, layers):
        if layers in warmed and step < warm:
            return 0.01
        return 0.1 * factors[(step >= first) + (step >= second)]

    return solution


ALONE = "the warm-up is for 110 layers alone, and here"
learning_rate = Exercise(
    name="learning_rate",
    title="The learning rate of each step",
    right=schedule(),
    praise="right: two drops by a factor of 10, and a slow start for 110 layers alone",
    cases=lambda: [(f"{layers} layers", (layers,)) for layers in DEPTHS],
    observe=rates,
    mistakes={
        "the rate drops one step late: step 32,000 is the first of the smaller rate": schedule(
            32_001, 48_001
        ),
        "the rate drops one step early: step 31,999 is the last of the larger rate": schedule(
            31_999, 47_999
        ),
        "the rate is multiplied by 10, not divided": schedule(factors=(1, 10, 100)),
        "the second drop is missing": schedule(factors=(1, 0.1, 0.1)),
        "both drops are missing": schedule(factors=(1, 1, 1)),
        "the second drop is by 10 once more, from 0.01 to 0.001": schedule(factors=(1, 0.1, 0.001)),
        "the warm-up of 110 layers is forgotten": schedule(warmed=()),
        f"{ALONE} every net has it": schedule(warmed=DEPTHS),
        **{
            f"{ALONE} all nets from {least} layers on have it": schedule(
                warmed=[n for n in DEPTHS if n >= least]
            )
            for least in (32, 44, 56, 74, 110)
        },
        "the warm-up is for 110 layers, and here all others have it": schedule(
            warmed=[n for n in DEPTHS if n != 110]
        ),
        "the warm-up lasts one step too long: step 400 is the first of the full rate": schedule(
            warm=401
        ),
        "the warm-up never ends before the first drop": schedule(warm=32_000),
        "82 and 123 are the epochs of the drops, but here you count steps": schedule(82, 123),
    },
)

COUNT = 400  # images in a batch: enough for every place to occur


def numbered(*shape):
    """Images (count, channels, height, width) of the numbers 0.25, 1.25, ...

    No two pixels are alike, and none is a whole number.
    """
    return np.arange(0.25, np.prod(shape)).reshape(shape)


def image_cases():
    return [
        ("400 images of 12 x 16 pixels", (numbered(COUNT, 2, 12, 16), np.random.default_rng(1))),
        ("400 images of 12 x 12 pixels", (numbered(COUNT, 3, 12, 12), np.random.default_rng(2))),
    ]


def sources(pixels, shape):
    """The place of each pixel in the batch: (image, channel, row, column); -1 for others."""
    numbers = pixels - 0.25
    known = (numbers >= 0) & (numbers < np.prod(shape)) & (numbers == np.round(numbers))
    places = np.unravel_index(np.where(known, numbers, 0).astype(int), shape)
    return [np.where(known, place, -1) for place in places]


def crops(images, rows, columns, flipped):
    """Crops that start at a row and column of each padded image; some of them flipped."""
    padded = np.pad(images, ((0, 0), (0, 0), (4, 4), (4, 4)))
    windows = sliding_window_view(padded, images.shape[2:], axis=(2, 3))
    cut = windows[np.arange(len(images)), :, rows, columns]
    return np.where(flipped[:, None, None, None], cut[..., ::-1], cut)


def seen(solution, images, random):
    """Count the images of a batch that were treated wrongly, and the differences in treatment."""
    original, before, outs = images.copy(), global_generators(), []
    calls = [(images, random)]
    calls += [(images.copy(), r) for r in (random, *map(np.random.default_rng, (99, 99)))]
    for given in calls:
        out = as_numbers(solution(*given))
        if out.shape != images.shape:
            wanted = f"and should keep the shape {images.shape}"
            raise Mistake(f"it returns an array of shape {out.shape}, {wanted}")
        outs.append(out)
    found = judged(outs[0], original)
    found |= drawn_again([treatment(out, original)[-3:] for out in outs])
    equal = COUNT - (outs[2] == outs[3]).all(axis=(1, 2, 3)).sum()
    return found | {"equal": equal, "global": sum(map(ne, before, global_generators()))}


def global_generators():
    """What the generators that everybody shares would draw next: Python's, NumPy's, PyTorch's."""
    states = [str(np.random.get_state(legacy=False)), builtin_random.getstate()]  # noqa: NPY002
    if "torch" in sys.modules:
        states.append(sys.modules["torch"].get_rng_state().numpy().tobytes())
    return states


def drawn_again(treatments):
    """Count the images that are treated alike in every call, and the bias of all calls together.

    treatments: four of (rows, columns, flipped); two by one generator, and two by two equal ones.
    """
    (rows, columns, flipped), *others = treatments
    twice, apart = (int(((rows == r) & (columns == c)).sum()) for r, c, _ in others[:2])
    steady = [(flipped == f).mean() > 0.8 for *_, f in others]
    always = np.flatnonzero(flipped & np.all([f for *_, f in others], axis=0))
    rows, columns, flipped = map(np.concatenate, zip(*treatments, strict=True))
    first, share = (100 * some.mean() for some in (treatments[0][-1], flipped))
    shares = [100 * flipped[some == n].mean() for some in (rows, columns) for n in set(some)]
    tied = round(max(shares, key=lambda share: abs(share - 50)))  # where it is farthest from 50
    often = max(np.bincount(np.clip(places, 0, 8)).max() for places in (rows, columns))
    return {
        "flips": within(share, 50, 6) if within(first, 50, 15) == 50 else first,
        "apart": apart if apart > COUNT // 2 else 0,
        "twice": twice if twice > COUNT // 2 else 0,
        "steady": always[0] if all(steady) and len(always) else -1,
        "often": within(often, COUNT * 4 // 9, 67),
        "tied": within(tied, 50, 20),
    }


def within(found, wanted, margin):
    """``wanted``, if what was found is near it: five standard deviations are chance."""
    return wanted if abs(found - wanted) < margin else found


def treatment(out, original):
    """Where the middle pixel of each image is from, and the row, column and flip of its crop."""
    height, width = original.shape[2:]
    y, x = height // 2, width // 2
    image, channel, row, column = sources(out[:, 0, y, x], original.shape)
    left = sources(out[:, 0, y, x - 1], original.shape)[3]
    above = sources(out[:, 0, y - 1, x], original.shape)[2]
    flipped, upside = left > column, above > row
    rows, columns = row - y + 4, np.where(flipped, column - (width - 1 - x), column - x) + 4
    return image, channel, upside, rows, columns, flipped


def judged(out, original):
    """Count the images that went wrong, {what is wrong: how many}, by their middle pixels."""
    image, channel, upside, rows, columns, flipped = treatment(out, original)
    count = len(original)
    known = (image == np.arange(count)) & ~upside & (channel == 0)
    near = (rows >= 0) & (rows <= 8) & (columns >= 0) & (columns <= 8)
    wanted = crops(original, np.clip(rows, 0, 8), np.clip(columns, 0, 8), flipped)
    inside = ((out == wanted) | (wanted == 0)).all(axis=(1, 2, 3))
    places = set(zip(rows.tolist(), columns.tolist(), strict=True))
    return {
        "cut": ((out == np.round(out)).all(axis=(1, 2, 3)) & out.any(axis=(1, 2, 3))).sum(),
        "own": ((image >= 0) & (image != np.arange(count))).sum(),
        "channels": ((image >= 0) & (channel != 0)).sum(),
        "upside": ((image >= 0) & upside).sum(),
        "far": (known & ~near).sum(),
        "border": (known & near & inside & (out != wanted).any(axis=(1, 2, 3))).sum(),
        "other": ((image < 0) | (known & near & ~inside)).sum(),
        "heights": len(set(rows.tolist())),
        "widths": len(set(columns.tolist())),
        "places": min(len(places), 60),
    }


def augmented(images, random):
    """Random crops after padding by 4, half of them flipped left to right."""
    rows, columns = random.integers(0, 9, (2, len(images)))
    return crops(images, rows, columns, random.random(len(images)) < 0.5)


augment = Exercise(
    name="augment",
    title="Crops and flips",
    right=augmented,
    praise="right: each image has its own crop of 81, its own flip, and zeros where nothing was",
    cases=image_cases,
    observe=seen,
    says={
        "cut": "{got} images of 400 hold whole numbers only, and no pixel is one: the result is "
        "rounded, or cut to whole numbers",
        "own": "{got} images of 400 hold pixels of another image, and {expected} should",
        "channels": "{got} images of 400 have their channels in another order, and {expected} "
        "should",
        "upside": "{got} images of 400 are upside down, and {expected} should be: the flip is "
        "along the width",
        "far": "{got} images of 400 are shifted by more than 4 pixels, and {expected} should be",
        "border": "{got} images of 400 have something other than 0 where the border of zeros shows",
        "other": "{got} images of 400 are neither a crop of their padded image nor its mirror "
        "image",
        "heights": "along the height, crops start at {got} of the {expected} places, 0 to 8; each "
        "image draws its own",
        "widths": "along the width, crops start at {got} of the {expected} places, 0 to 8; each "
        "image draws its own",
        "places": "only {got} pairs of height and width occur, so that the two are not drawn apart",
        "flips": "{got} % of the images are flipped, and about {expected} % should be, each by its "
        "own draw",
        "apart": "two generators give the same crops, in {got} images of 400: draw from `random`",
        "twice": "two calls with one generator give the same crops, in {got} images of 400: draw "
        "from `random`",
        "steady": "image {got} is flipped in every call: draw for each image",
        "often": "one place along the height or the width occurs {got} times in 1,600 crops, and "
        "about {expected} times if all 9 are equally likely",
        "tied": "at one place of the crop {got} % of the images are flipped, and about {expected} "
        "% should be at every place: draw the flip apart from the place",
        "equal": "two generators with the same seed give other results for {got} images of 400, "
        "and should give the same: draw from `random` alone",
        "global": "{got} of the generators that everybody shares (those of Python, NumPy, PyTorch) "
        "were used or set, and {expected} should be: draw from `random` alone",
    },
    seconds=20,
)
