"""What people hand in for notebook 8: {exercise: {name: (solution, words of its own answer)}}."""

import copy
import heapq
import math

import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view


def evenly(trainings, steps, seconds_per_step, hours):
    return math.ceil(trainings * steps * seconds_per_step / (hours * 3600))


def evenly_and_not_whole(trainings, steps, seconds_per_step, hours):
    return trainings * steps * seconds_per_step / 3600 / hours


def rounded_down(trainings, steps, seconds_per_step, hours):
    each = int(hours * 3600 / (steps * seconds_per_step))
    return trainings // each if each else 0


def not_whole(trainings, steps, seconds_per_step, hours):
    each = hours * 3600 // (steps * seconds_per_step)
    return trainings / each if each else 0


def never_impossible(trainings, steps, seconds_per_step, hours):
    each = max(1, int(hours * 3600 / (steps * seconds_per_step)))
    return math.ceil(trainings / each)


def divided_by_0(trainings, steps, seconds_per_step, hours):
    return math.ceil(trainings / (hours * 3600 // (steps * seconds_per_step)))


def trainings_of_one_device(trainings, steps, seconds_per_step, hours):
    return hours * 3600 // (steps * seconds_per_step)


def one_more(trainings, steps, seconds_per_step, hours):
    each = int(hours * 3600 / (steps * seconds_per_step))
    return trainings // each + 1 if each else 0


def sixty(trainings, steps, seconds_per_step, hours):
    each = int(hours * 60 / (steps * seconds_per_step))
    return math.ceil(trainings / each) if each else 0


def steps_by_seconds(trainings, steps, seconds_per_step, hours):
    each = hours * 3600 // (steps // seconds_per_step)
    return math.ceil(trainings / each) if each else 0


def steps_by_seconds_exactly(trainings, steps, seconds_per_step, hours):
    each = math.floor(hours * 3600 / (steps / seconds_per_step))
    return -(-trainings // each) if each else 0


def hours_by_seconds(trainings, steps, seconds_per_step, hours):
    each = hours // (steps * seconds_per_step)
    return math.ceil(trainings / each) if each else 0


def always_0(trainings, steps, seconds_per_step, hours):
    return 0


def just_too_long(trainings, steps, seconds_per_step, hours):
    if steps * seconds_per_step >= hours * 3600:
        return 0
    return math.ceil(trainings / (hours * 3600 // (steps * seconds_per_step)))


def fewer_devices_than_trainings(trainings, steps, seconds_per_step, hours):
    for n in range(1, trainings):
        if -(-trainings // n) * steps * seconds_per_step <= hours * 3600:
            return n
    return 0


def evenly_or_0(trainings, steps, seconds_per_step, hours):
    if steps * seconds_per_step > hours * 3600:
        return 0
    return evenly(trainings, steps, seconds_per_step, hours)


def a_device_each(trainings, steps, seconds_per_step, hours):
    return trainings if steps * seconds_per_step <= 3600 * hours else 0


def devices_by_counting(trainings, steps, seconds_per_step, hours):
    for devices in range(1, trainings + 1):
        rounds = -(-trainings // devices)
        if rounds * steps * seconds_per_step <= hours * 3600:
            return devices
    return 0


def devices_by_the_queue(trainings, steps, seconds_per_step, hours):
    def finished(devices):
        free = [0.0] * devices
        for _ in range(trainings):
            heapq.heapreplace(free, free[0] + steps * seconds_per_step)
        return max(free)

    return next((n for n in range(1, trainings + 1) if finished(n) <= hours * 3600), 0)


def devices_in_numpy(trainings, steps, seconds_per_step, hours):
    each = np.floor_divide(3600 * hours, steps * seconds_per_step)
    return np.ceil(np.divide(trainings, each, out=np.zeros(()), where=each > 0))


def rate(first=32_000, second=48_000, drop=0.1, warm=400, layers_warmed=(110,)):
    def solution(step, layers):
        if layers in layers_warmed and step < warm:
            return 0.01
        return 0.1 * drop ** ((step >= first) + (step >= second))

    return solution


def only_after_a_drop(step, layers):
    if step >= 48_000:
        return 0.001
    if step >= 32_000:
        return 0.01


def second_drop_unreachable(step, layers):
    if layers == 110 and step < 400:
        return 0.01
    if step >= 32_000:
        return 0.01
    if step >= 48_000:
        return 0.001
    return 0.1


def drops_add_up(step, layers):
    rate = 0.01 if layers == 110 and step < 400 else 0.1
    if step >= 32_000:
        rate /= 10
    if step >= 48_000:
        rate /= 100
    return rate


def no_return(step, layers):
    rate = 0.1 / 10 ** (step // 32_000)  # noqa: F841


def by_if(step, layers):
    if layers == 110 and step < 400:
        return 1e-2
    if step < 32_000:
        return 1e-1
    return 1e-2 if step < 48_000 else 1e-3


def by_search(step, layers):
    rates = np.array([0.01 if layers == 110 else 0.1, 0.1, 0.01, 0.001])
    return rates[np.searchsorted([400, 32_000, 48_000], step, side="right")]


def in_torch(step, layers):
    rates = torch.tensor([0.1, 0.01, 0.001], dtype=torch.float64)
    index = torch.tensor([32_000, 48_000]) <= step
    return torch.tensor(0.01) if layers == 110 and step < 400 else rates[index.sum()]


def each_image(images, random, pad=4, low=0, high=9, mode="constant", flip="width"):
    """One image after another; the options make the mistakes."""
    _, _, height, width = images.shape
    out = []
    for image in images:
        padded = np.pad(image, ((0, 0), (pad, pad), (pad, pad)), mode=mode)
        row, column = random.integers(low, high, 2)
        crop = padded[:, row : row + height, column : column + width]
        turn = {
            "width": crop[:, :, ::-1],
            "height": crop[:, ::-1],
            "channels": crop[::-1],
            "never": crop,
        }[flip]
        out.append(turn if random.random() < 0.5 else crop)
    return np.stack(out)


def options(**chosen):
    return lambda images, random: each_image(images, random, **chosen)


def padded_with_ones(images, random):
    background = each_image(np.ones_like(images), np.random.default_rng(0))
    state = np.random.default_rng(0)
    return np.where(background == 0, 1.5, each_image(images, state))


def too_small(images, random):
    row, column = random.integers(0, 9, 2)
    return images[:, :, row : row + images.shape[2] - 4, column : column + images.shape[3] - 4]


def one_crop_for_all(images, random):
    _, _, height, width = images.shape
    padded = np.pad(images, ((0, 0), (0, 0), (4, 4), (4, 4)))
    row, column = random.integers(0, 9, 2)
    out = padded[:, :, row : row + height, column : column + width]
    return np.where(random.random((len(images), 1, 1, 1)) < 0.5, out[..., ::-1], out)


def one_flip_for_all(images, random):
    out = each_image(images, random, flip="never")
    return out[..., ::-1] if random.random() < 0.5 else out


def one_number_for_both(images, random):
    _, _, height, width = images.shape
    padded = np.pad(images, ((0, 0), (0, 0), (4, 4), (4, 4)))
    at = random.integers(0, 9, len(images))
    out = np.stack([p[:, i : i + height, i : i + width] for p, i in zip(padded, at, strict=True)])
    return np.where(random.random((len(images), 1, 1, 1)) < 0.5, out[..., ::-1], out)


def only_crops_one_axis(images, random):
    out = each_image(images, random, low=4, high=5)
    return np.stack([np.roll(image, 0) for image in out])


def in_place(images, random):
    for i in range(len(images)):
        images[i] = each_image(images[i : i + 1], random)[0]
    return images


def padding_all_axes(images, random):
    padded = np.pad(images, 4)
    row, column = random.integers(0, 9, 2)
    return padded[:, :, row : row + images.shape[2], column : column + images.shape[3]]


def shuffled(images, random):
    return each_image(images, random)[random.permutation(len(images))]


def scaled(images, random):
    return each_image(images, random) / 255


def square_only(images, random):
    out, size = each_image(images, random), images.shape[2]
    return out[:, :, :, :size]


def by_windows(images, random):
    _, _, height, width = images.shape
    windows = sliding_window_view(
        np.pad(images, ((0, 0), (0, 0), (4, 4), (4, 4))), (height, width), axis=(2, 3)
    )
    rows, columns = random.integers(9, size=(2, len(images)))
    out = windows[np.arange(len(images)), :, rows, columns]
    flips = random.integers(2, size=len(images)).astype(bool)
    out = out.copy()
    out[flips] = out[flips][..., ::-1]
    return out


def with_torch(images, random):
    padded = torch.nn.functional.pad(torch.tensor(images), (4, 4, 4, 4))
    _, _, height, width = images.shape
    out = torch.empty(images.shape, dtype=torch.float64)
    for i, image in enumerate(padded):
        row, column, flip = random.integers(0, [9, 9, 2])
        crop = image[:, row : row + height, column : column + width]
        out[i] = crop.flip(-1) if flip else crop
    return out


def flipped_by_the_number(images, random):
    out = each_image(images, random, flip="never")
    out[1::2] = out[1::2, ..., ::-1].copy()
    return out


def first_half_flipped(images, random):
    out = each_image(images, random, flip="never")
    half = len(out) // 2
    return np.concatenate([out[:half, ..., ::-1], out[half:]])


def places_by_the_number(images, random):
    _, _, height, width = images.shape
    padded = np.pad(images, ((0, 0), (0, 0), (4, 4), (4, 4)))
    out = np.empty_like(images)
    for i in range(len(images)):
        row, column = i % 9, i // 9 % 9
        crop = padded[i, :, row : row + height, column : column + width]
        out[i] = crop[..., ::-1] if random.random() < 0.5 else crop
    return out


def own_generator(images, random):
    return each_image(images, np.random.default_rng(0))


def copied_generator(images, random):
    return each_image(images, copy.deepcopy(random))


def whole_numbers(images, random):
    return each_image(images, random).astype(int)


def rounded_to_the_nearest(trainings, steps, seconds_per_step, hours):
    if steps * seconds_per_step > hours * 3600:
        return 0
    return math.ceil(trainings / round(hours * 3600 / (steps * seconds_per_step)))


def devices_rounded(trainings, steps, seconds_per_step, hours):
    each = hours * 3600 // (steps * seconds_per_step)
    return round(trainings / each) if each else 0


def whole_hours(trainings, steps, seconds_per_step, hours):
    each = int(hours) * 3600 // (steps * seconds_per_step)
    return math.ceil(trainings / each) if each else 0


class Global:
    """NumPy's global generator, in the words of one of its own."""

    integers, random = staticmethod(np.random.randint), staticmethod(np.random.random)


def by_the_global_generator(images, random):
    return each_image(images, Global)


def flips_by_the_global_generator(images, random):
    out = each_image(images, random, flip="never")
    flips = np.random.random(len(out)) < 0.5  # noqa: NPY002
    out[flips] = out[flips][..., ::-1]
    return out


def seeded_globally(images, random):
    np.random.seed(random.integers(1000))  # noqa: NPY002
    return each_image(images, Global)


def without_a_seed(images, random):
    return each_image(images, np.random.default_rng())


def drawn(draw, share=0.5):
    """Crops at the places that ``draw(random)`` returns, flipped with probability ``share``."""

    def solution(images, random):
        _, _, height, width = images.shape
        padded = np.pad(images, ((0, 0), (0, 0), (4, 4), (4, 4)))
        out = np.empty_like(images)
        for i in range(len(images)):
            row, column = draw(random)
            crop = padded[i, :, row : row + height, column : column + width]
            out[i] = crop[..., ::-1] if random.random() < share else crop
        return out

    return solution


def flipped_by_the_row(images, random):
    _, _, height, width = images.shape
    padded = np.pad(images, ((0, 0), (0, 0), (4, 4), (4, 4)))
    out = np.empty_like(images)
    for i, (row, column) in enumerate(random.integers(0, 9, (len(images), 2))):
        crop = padded[i, :, row : row + height, column : column + width]
        out[i] = crop[..., ::-1] if row % 2 else crop
    return out


WRONG = {
    "devices_needed": {
        "rounded to the nearest": (
            rounded_to_the_nearest,
            "the result should be 10, and yours is 9",
        ),
        "devices rounded": (
            devices_rounded,
            "for 3 trainings of 3,200 s in 9 h, the result should",
        ),
        "whole hours": (whole_hours, "for 7 trainings of 1,800 s in 1.5 h, the result should be 3"),
        "shared evenly": (evenly, "no training is split between devices"),
        "shared evenly, not whole": (evenly_and_not_whole, "and devices are whole numbers"),
        "rounded down": (rounded_down, "some trainings find no device"),
        "not whole": (not_whole, "devices are whole numbers"),
        "never impossible": (never_impossible, "and 0 is asked for"),
        "divided by 0": (divided_by_0, "it raises ZeroDivisionError in line 2"),
        "trainings of one device": (trainings_of_one_device, "that one device gets done"),
        "one more": (one_more, "one device too many where the trainings come out even"),
        "shared evenly, or 0": (evenly_or_0, "but each training stays on one device: "),
        "60 seconds": (sixty, "an hour has 3,600 seconds, and here it has 60: "),
        "steps // seconds": (steps_by_seconds, "steps are divided by seconds per step: "),
        "steps / seconds": (steps_by_seconds_exactly, "steps are divided by seconds per step: "),
        "hours // seconds": (hours_by_seconds, "hours and seconds are compared as they are: "),
        "always 0": (
            always_0,
            "for 50 trainings of 3,200 s in 2 h, the result should be 25, and yours is 0",
        ),
        "just too long": (just_too_long, "a training that takes all of the hours is done in time"),
        "fewer devices than trainings": (
            fewer_devices_than_trainings,
            "as many devices as trainings are enough",
        ),
        "a device for each": (a_device_each, "one device can do several"),
    },
    "learning_rate": {
        "warm-up from 110 on": (
            rate(layers_warmed=range(100, 2000)),
            "here all nets from 110 layers on have it",
        ),
        "one step late": (rate(32_001, 48_001), "one step late"),
        "one step early": (rate(31_999, 47_999), "one step early"),
        "multiplied": (rate(drop=10), "multiplied by 10"),
        "no warm-up": (rate(warm=0), "the warm-up of 110 layers is forgotten"),
        "warm-up for all": (rate(layers_warmed=range(2000)), "here every net has it"),
        "warm-up above 20": (
            rate(layers_warmed=range(21, 2000)),
            "here all nets from 32 layers on have",
        ),
        "warm-up from 44 on": (
            rate(layers_warmed=range(44, 2000)),
            "here all nets from 44 layers on",
        ),
        "warm-up above 56": (
            rate(layers_warmed=range(57, 2000)),
            "here all nets from 74 layers on",
        ),
        "warm-up one step longer": (rate(warm=401), "one step too long"),
        "warm-up without end": (rate(warm=32_000), "never ends before the first drop"),
        "epochs": (rate(82, 123), "the epochs of the drops"),
        "never drops": (rate(10**9, 10**9), "both drops are missing"),
        "the second drop is not reached": (second_drop_unreachable, "the second drop is missing"),
        "drops add up": (drops_add_up, "by 10 once more"),
        "nothing before the drop": (only_after_a_drop, "at step 0 it returns None, as"),
        "no return": (no_return, "ends without return"),
        "halved": (rate(drop=0.5), "the rate of step 32,000 should be 0.01, and yours is 0.05"),
    },
    "augment": {
        "the global generator": (
            by_the_global_generator,
            "two generators with the same seed give other results for",
        ),
        "flips by the global generator": (
            flips_by_the_global_generator,
            "two generators with the same seed give other results for",
        ),
        "the global generator, seeded": (
            seeded_globally,
            "1 of the generators that everybody shares",
        ),
        "without a seed": (without_a_seed, "with the same seed give other results for"),
        "the middle more often": (
            drawn(lambda random: random.integers(0, 5, 2) + random.integers(0, 5, 2)),
            "one place along the height or the width occurs",
        ),
        "flipped too seldom": (
            drawn(lambda random: random.integers(0, 9, 2), share=0.4),
            "% of the images are flipped, and about 50 % should be",
        ),
        "flipped by the row": (flipped_by_the_row, "at one place of the crop"),
        "too small": (too_small, "and should keep the shape (400, 2, 12, 16)"),
        "padding on all axes": (padding_all_axes, "it returns an array of shape (408, 10, 12, 16)"),
        "up and down": (options(flip="height"), "are upside down"),
        "channels flipped": (options(flip="channels"), "have their channels in another order"),
        "the edge repeated": (options(mode="edge"), "something other than 0 where the border"),
        "mirrored at the edge": (
            options(mode="reflect"),
            "something other than 0 where the border",
        ),
        "wrapped": (options(mode="wrap"), "something other than 0 where the border"),
        "another number": (padded_with_ones, "something other than 0 where the border"),
        "padding of 8": (options(pad=8, high=17), "are shifted by more than 4 pixels"),
        "integers(0, 8)": (options(high=8), "along the height, crops start at 8 of the 9 places"),
        "one crop for all": (
            one_crop_for_all,
            "along the height, crops start at 1 of the 9 places",
        ),
        "one number for both axes": (one_number_for_both, "only 9 pairs of height and width occur"),
        "one flip for all": (
            one_flip_for_all,
            "% of the images are flipped, and about 50 % should be",
        ),
        "no flip": (options(flip="never"), "0 % of the images are flipped"),
        "in the middle only": (
            only_crops_one_axis,
            "along the height, crops start at 1 of the 9 places",
        ),
        "in place": (in_place, "changes its input in place"),
        "every second one flipped": (
            flipped_by_the_number,
            "image 1 is flipped in every call: draw for each image",
        ),
        "the first half flipped": (
            first_half_flipped,
            "image 0 is flipped in every call: draw for each image",
        ),
        "places by the number": (
            places_by_the_number,
            "two generators give the same crops, in 400 images of 400",
        ),
        "a generator of its own": (
            own_generator,
            "two generators give the same crops, in 400 images of 400",
        ),
        "a copy of the generator": (
            copied_generator,
            "two calls with one generator give the same crops",
        ),
        "whole numbers": (
            whole_numbers,
            "hold whole numbers only, and no pixel is one: the result is",
        ),
        "shuffled": (shuffled, "hold pixels of another image"),
        "scaled": (scaled, "neither a crop of their padded image nor its mirror image"),
        "square": (square_only, "it returns an array of shape (400, 2, 12, 12)"),
    },
}
RIGHT = {
    "devices_needed": [devices_by_counting, devices_by_the_queue, devices_in_numpy],
    "learning_rate": [by_if, by_search, in_torch],
    "augment": [
        drawn(lambda random: 4 + random.integers(-4, 5, 2)),
        each_image,
        by_windows,
        with_torch,
    ],
}
