"""What people hand in for notebook 4: {exercise: {name: (solution, words of its own answer)}}."""

from itertools import product

import numpy as np
import torch
from torch import nn

from helpers import nets

relu = torch.relu


def inside(first, second, a):
    return relu(second(relu(first(a))) + a)


def outside(first, second, a):
    return relu(second(relu(first(a)))) + a


def broken_A(first, second, a):
    a2 = relu(second(relu(first(a))))
    return relu(a2 + a)


def broken_B(first, second, a):
    a = relu(first(a))
    return relu(second(a)) + a


def broken_C(first, second, a):
    shortcut = a
    a[:] = relu(first(a))
    return relu(second(a) + shortcut)


def broken_D(first, second, a):
    a1 = relu(first(a) + a)
    return relu(second(a1))


def handed_in(A=inside, B=outside, C=inside, D=inside):
    return [A, B, C, D]


def without_skip(first, second, a):
    return relu(second(relu(first(a))))


def inside_without_last_g(first, second, a):
    return second(relu(first(a))) + a


def twice(first, second, a):
    return relu(second(relu(first(a) + a)) + a)


def from_the_middle(first, second, a):
    a1 = relu(first(a))
    return relu(second(a1) + a1)


def in_place_at_the_end(first, second, a):
    z = second(relu(first(a)))
    a += z
    return relu(a)


def no_gradient(first, second, a):
    shortcut = a.detach().clone()
    return relu(second(relu(first(a))) + shortcut)


def through_numpy(first, second, a):
    return relu(second(relu(first(a))) + torch.tensor(a.numpy()))


def no_return(first, second, a):
    relu(second(relu(first(a))) + a)


def copied_in_C(first, second, a):
    shortcut = a.clone()
    a = a.clone()
    a[:] = relu(first(a))
    return relu(second(a) + shortcut)


def clone_of_the_shortcut_only(first, second, a):
    shortcut = a.clone()
    a[:] = relu(first(a))
    return relu(second(a) + shortcut)


def by_block(form):
    def solution(first, second, a):
        return nets.Block(a.shape[1], form, seed=None, layers=(first, second))(a)

    return solution


def by_hand(first, second, a):
    a1 = (a @ first.weight.T + first.bias).clamp(min=0)
    return nn.functional.relu(a1 @ second.weight.T + second.bias + a)


def by_names(first, second, a):
    shortcut = a
    a = relu(first(a))
    return relu(second(a) + shortcut)


def by_loop(first, second, a):
    x = a
    for layer in (first, nn.ReLU(), second):
        x = layer(x)
    return (x + a).clamp(min=0)


def median_raw(losses, errors):
    row = np.argmin(np.median(losses, axis=1))
    return row, np.median(errors[row])


def nanmedian(losses, errors):
    row = np.argmin(np.nanmedian(losses, axis=1))
    return row, np.median(errors[row])


def only_the_survivors(losses, errors):
    middles = [np.median([loss for loss in row if np.isfinite(loss)]) for row in losses]
    row = middles.index(min(middles))
    return row, np.median(errors[row])


def nan_to_zero(losses, errors):
    row = np.nan_to_num(losses, nan=0, posinf=0)
    row = np.median(row, axis=1).argmin()
    return row, np.median(errors[row])


def luckiest(losses, errors):
    row = np.nanmin(losses, axis=1).argmin()
    return row, np.median(errors[row])


def worst(losses, errors):
    row = np.where(np.isfinite(losses), losses, np.inf).max(axis=1).argmin()
    return row, np.median(errors[row])


def mean(losses, errors):
    row = np.where(np.isnan(losses), np.inf, losses).mean(axis=1).argmin()
    return row, np.median(errors[row])


def nanmean(losses, errors):
    row = np.nanmean(losses, axis=1).argmin()
    return row, np.median(errors[row])


def by_error(losses, errors):
    row = np.median(errors, axis=1).argmin()
    return row, np.median(errors[row])


def best_error(losses, errors):
    row = np.median(np.where(np.isnan(losses), np.inf, losses), axis=1).argmin()
    return row, errors[row].min()


def mean_error(losses, errors):
    row = np.median(np.where(np.isnan(losses), np.inf, losses), axis=1).argmin()
    return row, errors[row].mean()


def for_each_seed(losses, errors):
    judged = np.where(np.isfinite(losses), losses, np.inf)
    best = judged.argmin(axis=0)
    return np.median(judged, axis=1).argmin(), np.median([errors[r, s] for s, r in enumerate(best)])


def a_column(losses, errors):
    judged = np.where(np.isfinite(losses), losses, np.inf)
    column = np.median(judged, axis=0).argmin()
    return column, np.median(errors[:, column])


def axis_0(losses, errors):
    row = np.argmin(np.median(losses, axis=0))
    return row, np.median(errors[row])


def axis_0_with_inf(losses, errors):
    return axis_0(np.where(np.isfinite(losses), losses, np.inf), errors)


def diverged_as(value):
    def solution(losses, errors):
        row = np.median(np.where(np.isfinite(losses), losses, value), axis=1).argmin()
        return row, np.median(errors[row])

    return solution


def diverged_as_the_largest(losses, errors):
    return diverged_as(losses[np.isfinite(losses)].max())(losses, errors)


def only_the_error(losses, errors):
    row = np.median(np.where(np.isnan(losses), np.inf, losses), axis=1).argmin()
    return np.median(errors[row])


def only_the_row(losses, errors):
    return np.median(np.where(np.isnan(losses), np.inf, losses), axis=1).argmin()


def one_array(losses, errors):
    row = only_the_row(losses, errors)
    return np.array([row, np.median(errors[row])])


def all_errors(losses, errors):
    row = np.median(np.where(np.isnan(losses), np.inf, losses), axis=1).argmin()
    return row, errors[row]


def in_place(losses, errors):
    losses[~np.isfinite(losses)] = np.inf
    row = np.median(losses, axis=1).argmin()
    return row, np.median(errors[row])


def largest(losses, errors):
    row = np.median(np.where(np.isfinite(losses), losses, np.inf), axis=1).argmax()
    return row, np.median(errors[row])


def by_plain_python(losses, errors):
    best, best_middle = None, None
    for row in range(len(losses)):
        ordered = sorted(float(loss) if np.isfinite(loss) else float("inf") for loss in losses[row])
        n = len(ordered)
        middle = ordered[n // 2] if n % 2 else (ordered[n // 2 - 1] + ordered[n // 2]) / 2
        if best is None or middle < best_middle:
            best, best_middle = row, middle
    return best, np.median(errors[best])


def by_a_copy(losses, errors):
    losses = losses.copy()
    losses[np.isnan(losses)] = 1e9
    losses = np.minimum(losses, 1e9)
    row = np.median(losses, axis=1).argmin()
    return row, np.quantile(errors[row], 0.5)


def by_torch(losses, errors):
    judged = torch.nan_to_num(torch.tensor(losses), nan=torch.inf, posinf=torch.inf)
    ordered, seeds = judged.sort(dim=1).values, judged.shape[1]
    row = (ordered[:, (seeds - 1) // 2] + ordered[:, seeds // 2]).argmin()
    return {"row": row, "error": float(np.median(errors[row]))}


def grid(
    layers=(2, 20), starts=("pytorch", "he"), rates=(1e-3, 3e-3, 1e-2), seeds=range(5), epochs=(10,)
):
    names = ("layers", "start", "learning_rate", "seed", "epochs")
    return [
        dict(zip(names, values, strict=True))
        for values in product(layers, starts, rates, seeds, epochs)
    ]


def changed(where, **what):
    """The right plan, changed in the runs for which ``where`` is true."""
    return [run | what if where(run) else run for run in grid()]


def by_loops():
    plan = []
    for depth in (8, 20):
        for start in ("he", "pytorch"):
            for rate in np.array([1e-3, 2e-3, 4e-3]):
                for seed in np.arange(10, 15):
                    plan.append(
                        {
                            "epochs": 10,
                            "layers": depth,
                            "start": start,
                            "learning_rate": rate,
                            "seed": seed,
                        }
                    )
    return plan


def deep_he(run):
    return run["layers"] == 20 and run["start"] == "he"


def g_at_the_end_of_B(first, second, a):
    return torch.relu(torch.relu(second(torch.relu(first(a)))) + a)


def freezing(first, second, a):
    first.requires_grad_(False)
    return inside(first, second, a)


def changing_a_layer(first, second, a):
    with torch.no_grad():
        second.bias.add_(1)
    return inside(first, second, a)


def positive_part(first, second, a):
    return torch.relu(second(torch.relu(first(a))) + torch.relu(a))


def by_quantile(fraction):
    def solution(losses, errors):
        judged = np.where(np.isfinite(losses), losses, 1e9)
        row = np.quantile(judged, fraction, axis=1).argmin()
        return row, np.median(errors[row])

    return solution


def trimmed_mean(losses, errors):
    judged = np.sort(np.where(np.isfinite(losses), losses, 1e9), axis=1)
    row = judged[:, 1:-1].mean(axis=1).argmin()
    return row, np.median(errors[row])


def upper_median(losses, errors):
    judged = np.sort(np.where(np.isfinite(losses), losses, np.inf), axis=1)
    row = judged[:, judged.shape[1] // 2].argmin()
    return row, np.median(errors[row])


WRONG = {
    "repaired": {
        "B with g at the end": (
            handed_in(B=g_at_the_end_of_B),
            "block B: g is applied twice, before the addition and after it: for an input with entr",
        ),
        "a freezes a layer": (
            handed_in(A=freezing),
            "it changes a layer: requires_grad of first.weight was True and is now False",
        ),
        "a changes a layer": (
            handed_in(D=changing_a_layer),
            "for tasks.example(), it changes a layer: entry [0] of second.bias was",
        ),
        "relu(a)": (
            handed_in(A=positive_part),
            "but for an input with entries below 0, entry [0, 1] of a[l+2] should be",
        ),
        "A as it was": (
            handed_in(A=broken_A),
            "block A: g is applied twice, before the addition and",
        ),
        "B as it was": (
            handed_in(B=broken_B),
            "block B: the shortcut carries a[l+1], one layer too late, and is added",
        ),
        "C as it was": (
            handed_in(C=broken_C),
            "so a[l] is lost for the shortcut and for the caller",
        ),
        "D as it was": (
            handed_in(D=broken_D),
            "block D: the shortcut ends at z[l+1], one layer too early",
        ),
        "all as they were": ([broken_A, broken_B, broken_C, broken_D], "block A: g is applied"),
        "A outside": (
            handed_in(A=outside),
            "block A: this is the outside form, whose branch can only add",
        ),
        "B inside": (
            handed_in(B=inside),
            "block B: this is the inside form, and the outside form was meant",
        ),
        "A without the last g": (
            handed_in(A=inside_without_last_g),
            "block A: the last g is missing",
        ),
        "C with a copy of the shortcut": (
            handed_in(C=clone_of_the_shortcut_only),
            "but the caller's a is overwritten",
        ),
        "C writes into a copy": (
            handed_in(C=copied_in_C),
            "block C: for tasks.example(), it cannot be trained, since it overwrites an array",
        ),
        "C from the middle": (
            handed_in(C=from_the_middle),
            "block C: the shortcut carries a[l+1], one layer too late: for",
        ),
        "C with detach": (
            handed_in(C=no_gradient),
            "the gradient does not flow back through all of it",
        ),
        "C adds in place": (
            handed_in(C=in_place_at_the_end),
            "a[l+2] is right, the shortcut had what it needs, but the",
        ),
        "C through NumPy": (
            handed_in(C=through_numpy),
            "block C: for tasks.example(), it raises RuntimeError",
        ),
        "D twice": (handed_in(D=twice), "block D: a[l] is added twice"),
        "D without": (handed_in(D=without_skip), "block D: this is the plain block"),
        "D without return": (
            handed_in(D=no_return),
            "block D: for tasks.example(), it returns None, as a function does that ends",
        ),
        "three": (handed_in()[:3], "the list of the 4 functions"),
        "calls": ([1, 2, 3, 4], "the list of the 4 functions"),
    },
    "fair_choice": {
        "a trimmed mean": (trimmed_mean, "but for a study of 8 rates, the chosen row should be 3"),
        "the upper median": (
            upper_median,
            "but for a study of 6 seeds, the chosen row should be 2",
        ),
        "a quantile": (by_quantile(0.4), "a study of 8 rates, the chosen row should be 3, and"),
        "np.median of NaN": (median_raw, "np.argmin takes a NaN for the smallest"),
        "nanmedian": (nanmedian, "a NaN is left out, so a rate can win"),
        "survivors": (only_the_survivors, "diverged nets are left out, so a rate can win"),
        "0 for NaN": (nan_to_zero, "a diverged net counts as a loss of 0"),
        "luckiest": (luckiest, "the luckiest seed decides"),
        "worst": (worst, "the worst seed decides"),
        "mean": (mean, "the mean decides"),
        "nanmean": (nanmean, "the chosen row should be 2, and yours is 3"),
        "by error": (by_error, "the error decides"),
        "best error": (best_error, "the error is that of the luckiest seed"),
        "mean error": (mean_error, "the error is the mean over the seeds"),
        "each seed": (for_each_seed, "each seed has a rate of its own"),
        "a column": (a_column, "this chooses a seed"),
        "axis 0": (
            axis_0,
            "the rates are the rows, so the median goes along axis 1: for a study without diverged",
        ),
        "axis 0 with infinity": (
            axis_0_with_inf,
            "this chooses a seed, and not a learning rate: the rates are the",
        ),
        "2.3 for NaN": (
            diverged_as(2.3),
            "a diverged net counts as a loss that others exceed: for a study in which 3",
        ),
        "5 for NaN": (diverged_as(5), "a diverged net counts as a loss that others exceed"),
        "100 for NaN": (diverged_as(100), "a diverged net counts as a loss that others exceed"),
        "the largest for NaN": (
            diverged_as_the_largest,
            "a diverged net counts as a loss that others exceed",
        ),
        "only the error": (only_the_error, "it should return 2 values (row, error)"),
        "only the row": (only_the_row, "it should return 2 values (row, error), and returns a"),
        "all errors": (all_errors, "error has shape (5,) and should be one number"),
        "in place": (in_place, "changes its input in place"),
        "largest": (largest, "the chosen row should be 2, and yours is 1"),
    },
    "runs": {
        "infinity": (
            grid(seeds=[0, 1, 2, 3, np.inf]),
            "has seed = inf; it should be a whole number",
        ),
        "one start": (grid(starts=["he"]), "all 30 runs have the start 'he'"),
        "one depth": (grid(layers=[20]), "the depths are 20; to blame the depth"),
        "both deep": (grid(layers=[18, 20]), "the depths are 18, 20; to blame the depth"),
        "not deep": (grid(layers=[2, 8]), "the depths are 2, 8; to blame the depth"),
        "the diagonal": (
            [run for run in grid() if (run["layers"] == 2) == (run["start"] == "he")],
            "no run has 2 layers and the start 'pytorch'",
        ),
        "three combinations": (
            [run for run in grid() if not deep_he(run)],
            "no run has 20 layers and the start 'he'",
        ),
        "longer for one": (
            changed(deep_he, epochs=5),
            "the epochs are [10] for 2 layers with 'pytorch' and [5] for 20",
        ),
        "other rates for one": (
            [run for run in grid() if not deep_he(run) or run["learning_rate"] < 0.005],
            "the learning rates are [0.001, 0.003, 0.01] for 2 layers with 'pytorch' and [0.001, "
            "0.003] for 20",
        ),
        "other seeds for one": (
            [run | {"seed": run["seed"] + 5} if deep_he(run) else run for run in grid()],
            "the seeds are [0, 1, 2, 3, 4] for 2 layers with 'pytorch' and [5, 6, 7, 8, 9] for 20",
        ),
        "a seed for each rate": (
            [
                run
                for run in grid(rates=[1e-3, 3e-3], seeds=range(10))
                if (run["seed"] < 5) == (run["learning_rate"] < 2e-3)
            ],
            "no run has seed 5 at the learning rate 0.001",
        ),
        "one rate": (grid(rates=[3e-3]), "with 1 learning rate for all"),
        "two rates": (grid(rates=[1e-3, 1e-2]), "take at least 3"),
        "one epoch": (
            grid(epochs=[1]),
            "rule 1: ten epochs for all; after 1, nets that learn slowly look like",
        ),
        "rates that are too small": (
            grid(rates=[1e-5, 2e-5, 4e-5]),
            "rule 2: the learning rates go from 1e-05 to 4e-05, and none of them is from 0.001 to "
            "0.01",
        ),
        "rates next to each other": (
            grid(rates=[0.001, 0.001001, 0.01]),
            "rule 2: the learning rates 0.001 and 0.001001 are nearly the same one",
        ),
        "one seed": (grid(seeds=[0]), "the number of seeds is 1"),
        "some longer": (grid(epochs=[5, 10], rates=[1e-3, 3e-3]), "the runs last 5 or 10 epochs"),
        "too many": (grid(seeds=range(20)), "there are 240 runs"),
        "none": ([], "there are 0 runs"),
        "twice": (grid() + grid()[:1], "run number 60 is the same as number 0"),
        "a column is missing": (
            [{"layers": 20, "start": "he"}],
            "run number 0 should be a dictionary with the keys",
        ),
        "lists in one run": (
            [dict(layers=[2, 20], start="he", learning_rate=1e-3, seed=0, epochs=10)],
            "run number 0 has layers = [2, 20]; it should be an even number",
        ),
        "the start identity": (
            grid(starts=["he", "identity"]),
            "has start = 'identity'; it should be one of ('pytorch', 'he')",
        ),
        "a grid": (
            {"layers": [2, 20], "start": ["he", "pytorch"]},
            "it should be a list of runs, and is of type dict",
        ),
        "tuples": ([(2, "he", 1e-3, 0, 10)], "and has tuple"),
    },
}
RIGHT = {
    "repaired": [
        dict(
            zip(
                ("block_D", "block_B", "block_C", "block_A"),
                [inside, outside, inside, inside],
                strict=True,
            )
        ),
        np.array(handed_in(), dtype=object),
        handed_in(),
        [by_block("inside"), by_block("outside"), by_block("inside"), by_block("inside")],
        dict(zip("ABCD", handed_in(A=by_hand, C=by_names, D=by_loop), strict=True)),
    ],
    "fair_choice": [by_plain_python, by_a_copy, by_torch, one_array],
    "runs": [
        [
            {name: torch.tensor(one) if name != "start" else one for name, one in run.items()}
            for run in grid()
        ],
        np.array(grid(), dtype=object),
        by_loops(),
        tuple(grid(layers=(2, 6, 20), rates=(3e-4, 3e-3, 3e-2))),
        grid()[::-1],
    ],
}
