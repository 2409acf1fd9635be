"""Exercises of notebook 4: four broken blocks, a fairly chosen learning rate, an experiment."""

import itertools
from collections import defaultdict
from collections.abc import Mapping
from functools import partial

import numpy as np
import torch
from torch import relu

from helpers import nets, training
from helpers.exercises import surgery
from helpers.exercises.checks import Exercise, Mistake
from helpers.exercises.saying import first_difference, is_array, type_in_words, verdict

# --- four blocks


def layers(units, seed):
    """Two linear layers: W of whole numbers from -2 to 2, and b such that no z is ever 0."""
    generator = torch.Generator().manual_seed(seed)
    pair = torch.nn.Linear(units, units).double(), torch.nn.Linear(units, units).double()
    with torch.no_grad():
        for layer, between in zip(pair, (0.5, 0.25), strict=True):
            for parameter in layer.parameters():
                parameter.copy_(torch.randint(-2, 3, parameter.shape, generator=generator))
            layer.bias.add_(between)
    return pair


def example():
    """Two layers and an a[l] of 3 examples with 2 units, to try a block on."""
    first, second = layers(2, seed=9)  # here every mistake gives other numbers
    return first, second, torch.tensor([[1.0, 2.0], [3.0, 1.0], [2.0, 4.0]], dtype=torch.float64)


def inputs():
    draw = torch.Generator().manual_seed(1)
    wide = torch.randint(1, 6, (6, 5), generator=draw).double()
    below = torch.randint(-9, 10, (8, 3), generator=draw).double()
    return [
        ("tasks.example()", example()),
        ("an a[l] of 6 examples with 5 units", (*layers(5, seed=2), wide)),
        ("an input with entries below 0", (*layers(3, seed=3), below)),
    ]


FORMS = {"A": "inside", "B": "outside", "C": "inside", "D": "inside"}


def ending(end):
    """A block that ends in end(z2, a1, a)."""

    def block(first, second, a):
        a1 = relu(first(a))
        return end(second(a1), a1, a)

    return block


RULES = {
    "inside": ending(lambda z2, a1, a: relu(z2 + a)),
    "outside": ending(lambda z2, a1, a: relu(z2) + a),
}
MISTAKES = {
    "g is applied twice, before the addition and after it": ending(
        lambda z2, a1, a: relu(relu(z2) + a)
    ),
    "this is the outside form, whose branch can only add, and the inside form was meant": (
        RULES["outside"]
    ),
    "the shortcut carries a[l+1], one layer too late": ending(lambda z2, a1, a: relu(z2 + a1)),
    "the shortcut carries a[l+1], one layer too late, and is added outside": ending(
        lambda z2, a1, a: relu(z2) + a1
    ),
    "the shortcut ends at z[l+1], one layer too early": (
        lambda first, second, a: relu(second(relu(first(a) + a)))
    ),
    "a[l] is added twice, at z[l+1] and at z[l+2]": (
        lambda first, second, a: relu(second(relu(first(a) + a)) + a)
    ),
    "this is the inside form, and the outside form was meant": RULES["inside"],
    "this is the plain block, and a[l] is never added": ending(lambda z2, a1, a: relu(z2)),
    "the last g is missing": ending(lambda z2, a1, a: z2 + a),
}
OVERWRITES = (
    "it cannot be trained, since it overwrites an array that the gradient needs; give each result "
    "an array of its own"
)


def observed(rule, block, first, second, a):
    """What a block returns; and, if that is what the rule asks for, its gradient at a."""
    both = torch.nn.ModuleDict({"first": first, "second": second})
    before = surgery.portrait(both)
    right, leaf = rule(first, second, a).detach(), a.clone().requires_grad_()
    handed_in = leaf * 1  # an activation, as inside a net: a block can overwrite it
    out = block(first, second, handed_in)
    if not isinstance(out, torch.Tensor):
        raise Mistake(f"it should return a tensor, and returns {type_in_words(out)}")
    is_right = out.shape == right.shape and torch.allclose(out.double(), right)
    check_input(a, handed_in.detach(), is_right)
    surgery.check_untouched(both, before, "it changes a layer")
    found = {"a[l+2]": out}
    if is_right:
        found["the gradient at a[l]"] = surgery.flow(f"{OVERWRITES}: backward", out, leaf)[0]
    return found


def check_input(before, after, is_right):
    """Raise Mistake if a block has changed a; ``is_right``: whether its output is."""
    if not torch.equal(after, before):
        where, was, now = first_difference(before.numpy(), after.numpy(), name="a")
        then = ", so a[l] is lost for the shortcut and for the caller"
        if is_right:
            then = (
                ": a[l+2] is right, the shortcut had what it needs, but the caller's a is "
                "overwritten; give the new numbers an array of their own"
            )
        raise Mistake(f"it changes its input in place: {where} was {was} and is now {now}{then}")


BLOCKS = {
    form: Exercise(
        name=form,
        title=form,
        right=rule,
        praise="right",
        cases=inputs,
        observe=partial(observed, rule),
        mistakes=MISTAKES,
        says={
            "the gradient at a[l]": "it returns the right numbers, but the gradient does not flow "
            "back through all of it: for the sum of a[l+2], {where} should be {expected}, and "
            "yours is {got}; detach, .data and no_grad cut it off"
        },
    )
    for form, rule in RULES.items()
}


def examined(blocks):
    """1 if all four blocks are right; otherwise raise Mistake."""
    if isinstance(blocks, Mapping):  # its keys may end in A, B, C and D, in any order
        by_letter = {str(key)[-1:].upper(): block for key, block in blocks.items()}
        in_order = [by_letter.get(letter) for letter in FORMS]
        blocks = in_order if set(by_letter) == set(FORMS) else list(blocks.values())
    is_list = isinstance(blocks, list | tuple | np.ndarray) and len(blocks) == 4
    if not is_list or not all(callable(block) or block is ... for block in blocks):
        functions = "[block_A, block_B, block_C, block_D]"
        raise Mistake(f"it should be the list of the 4 functions, {functions}")
    if any(block is ... for block in blocks):
        return None
    for letter, block in zip(FORMS, blocks, strict=True):
        task = BLOCKS[FORMS[letter]]
        status, sentence = verdict(task, block, task.outcomes(block))
        if status != "right":
            raise Mistake(f"block {letter}: {sentence}")
    return 1.0


repaired = Exercise(
    name="repaired",
    title="Four broken blocks",
    right=[RULES[form] for form in FORMS.values()],
    praise="right: all four add a[l] itself at the right place, and leave their input as it was",
    observe=examined,
)


# --- a fair choice


def invented(rates, seeds, seed):
    """A study of numbers from a seed.

    With the seeds below, no other rule chooses the same row: quantiles, means of any kind, ranks.
    """
    losses, errors = np.random.default_rng(seed).random((2, rates, seeds))
    return list(zip((-2 * np.log(1 - losses)).round(1), (0.6 * errors).round(2), strict=True))


NAN, INF = np.nan, np.inf  # a diverged net
STUDIES = {  # {label: [(losses, errors) of each learning rate]}, invented; each has one for a seed
    "a study without diverged nets": [
        ([0.7, 0.8, 0.9, 0.8, 0.9], [0.22, 0.21, 0.3, 0.2, 0.28]),
        ([1.1, 1.2, 0.1, 1.3, 1.2], [0.4, 0.4, 0.02, 0.4, 0.4]),
        ([0.4, 0.6, 0.5, 0.5, 3.6], [0.26, 0.24, 0.3, 0.3, 0.8]),
        ([0.3, 0.7, 0.7, 0.7, 1.4], [0.27, 0.27, 0.27, 0.27, 0.27]),
    ],
    "a study of 8 rates": invented(8, 5, seed=108),
    "a study of 6 seeds": invented(7, 6, seed=7266),
    "a study in which 7 nets became NaN": [
        ([NAN, 2.1, NAN, 1.9, NAN], [1, 0.9, 1, 0.8, 1]),
        ([0.6, 0.5, 0.7, 0.6, 0.5], [0.2, 0.18, 0.25, 0.21, 0.19]),
        ([0.4, 0.3, 0.9, NAN, 0.2], [0.15, 0.11, 0.3, 1, 0.08]),
        ([0.1, NAN, 0.2, NAN, NAN], [0.03, 1, 0.04, 1, 1]),
    ],
    "a study in which 3 nets became infinite": [
        ([2.2, 2.1, 2.3, 2.2, 2.1], [0.88, 0.8, 0.9, 0.86, 0.84]),
        ([0.05, INF, 0.04, INF, INF], [0.01, 1, 0.01, 1, 1]),
    ],
    "a study of 4 seeds": [
        ([0.8, NAN, 0.3, NAN], [0.3, 1, 0.2, 1]),
        ([NAN, NAN, NAN, 1.7], [1, 1, 1, 0.4]),
        ([1.0, 1.1, 0.9, NAN], [0.5, 0.6, 0.4, 1]),
    ],
    "a study in which 3 nets diverged, and losses of 1,000 are finite": [
        ([2.0, NAN, 1.9, INF, NAN], [0.7, 1, 0.6, 1, 1]),
        ([1000, 1000, 900, 1000, 1000], [0.5, 0.4, 0.3, 0.6, 0.4]),
    ],
}


def study_cases():
    return [
        (label, tuple(np.array(table, dtype=float) for table in zip(*rates, strict=True)))
        for label, rates in STUDIES.items()
    ]


def judged(losses, diverged=np.inf):
    """The losses with a number for each diverged net; None leaves them as they are."""
    return losses if diverged is None else np.where(np.isfinite(losses), losses, diverged)


def choice(middle=np.median, diverged=np.inf, report=np.median):
    """A way to choose: the row with the least ``middle`` loss, and ``report`` of its errors."""

    def solution(losses, errors):
        row = int(np.argmin(middle(judged(losses, diverged), axis=1)))
        return row, report(errors[row])

    return solution


def each_seed_its_own(losses, errors):
    best = judged(losses).argmin(axis=0)
    return choice()(losses, errors)[0], np.median(errors[best, np.arange(errors.shape[1])])


def a_seed(of_column=True, **how):
    """A way to choose along the wrong axis, with either median error."""
    return lambda losses, errors: choice(**how)(losses.T, errors.T if of_column else errors)


A_SEED = "this chooses a seed, and not a learning rate: the rates are the rows"
fair_choice = Exercise(
    name="fair_choice",
    title="A fair choice of the learning rate",
    right=choice(),
    praise="right: the median over the seeds decides, and a diverged net counts as a failure",
    cases=study_cases,
    parts=("row", "error"),
    mistakes={
        "np.median of a row with NaN is NaN, and np.argmin takes a NaN for the smallest": choice(
            diverged=None
        ),
        "diverged nets are left out, so a rate can win at which most nets diverge": choice(
            middle=np.nanmedian, diverged=np.nan
        ),
        "a NaN is left out, so a rate can win at which most nets diverge": choice(
            middle=np.nanmedian, diverged=None
        ),
        "a diverged net counts as a loss of 0, the best of all": choice(diverged=0.0),
        "the luckiest seed decides": choice(middle=np.min),
        "the worst seed decides": choice(middle=np.max),
        "the mean decides, which one bad seed can spoil": choice(middle=np.mean),
        "the error decides, and rule 2 says that the loss does": lambda losses, errors: choice()(
            errors, errors
        ),
        "the error is that of the luckiest seed": choice(report=np.min),
        "the error is the mean over the seeds, and the median was asked for": choice(
            report=np.mean
        ),
        "each seed has a rate of its own here, so an arm gets many choices, not one": (
            each_seed_its_own
        ),
        "a diverged net counts as a loss that others exceed": choice(diverged=10.0),
        A_SEED: a_seed(),
        f"{A_SEED}, and so are those of the errors": a_seed(of_column=False),
        f"{A_SEED}, and a NaN is no loss": a_seed(diverged=None),
        f"{A_SEED}, so the median goes along axis 1": a_seed(diverged=None, of_column=False),
    },
    says={
        "row": "the chosen row should be {expected}, and yours is {got}",
        "error": "the error at the chosen rate should be {expected}, and yours is {got}",
    },
)


# --- an experiment

COLUMNS = ("layers", "start", "learning_rate", "seed", "epochs")
STARTS, DEPTH, SMALL_DEPTH, MAX_RUNS = ("pytorch", "he"), 20, 8, 100
ALLOWED = {
    "layers": (lambda v: v % 2 == 0 and 2 <= v <= DEPTH, f"an even number from 2 to {DEPTH}"),
    "start": (lambda v: v in STARTS, f"one of {STARTS}"),
    "learning_rate": (lambda v: 1e-5 <= v <= 0.1, "from 0.00001 to 0.1"),
    "seed": (lambda v: v == int(v) and v >= 0, "a whole number from 0 on"),
    "epochs": (lambda v: v == int(v) and 1 <= v <= 10, "a whole number from 1 to 10"),
}


def fits(allowed, value):
    try:
        return bool(allowed(value))
    except (TypeError, ValueError, OverflowError, RuntimeError):  # a word, a list, infinity
        return False


def plain(runs):
    """The runs with Python's own numbers in place of arrays and tensors of one."""
    return [
        {name: one.item() if is_array(one) and one.ndim == 0 else one for name, one in run.items()}
        if isinstance(run, Mapping)
        else run
        for run in runs
    ]


def values(runs, name):
    """The different values of a column."""
    return sorted({run[name] for run in runs})


def check_each(runs):
    """Raise Mistake for too many runs, and for the first that is malformed."""
    if not 1 <= len(runs) <= MAX_RUNS:
        limits = f"plan at least 1, and at most {MAX_RUNS}, so that it takes seconds"
        raise Mistake(f"there are {len(runs)} runs; {limits}")
    for number, run in enumerate(runs):
        if not isinstance(run, Mapping) or set(run) != set(COLUMNS):
            names = sorted(map(str, run)) if isinstance(run, Mapping) else type(run).__name__
            wanted = f"should be a dictionary with the keys {', '.join(COLUMNS)}"
            raise Mistake(f"run number {number} {wanted}, and has {names}")
        for name, (allowed, said) in ALLOWED.items():
            if not fits(allowed, run[name]):
                has = f"run number {number} has {name} = {run[name]!r:.30}"
                raise Mistake(f"{has}; it should be {said}")
        if (first := runs.index(run)) < number:
            same = f"is the same as number {first}"
            raise Mistake(f"run number {number} {same}; the same net again tells nothing")


def check_factors(runs):
    """Raise Mistake unless depth and start vary, each together with every value of the other."""
    depths, starts = values(runs, "layers"), values(runs, "start")
    if len(starts) < 2:
        alike = f"all {len(runs)} runs have the start {starts[0]!r}"
        raise Mistake(f"{alike}, so nothing can be said about the start")
    if depths[-1] != DEPTH or depths[0] > SMALL_DEPTH:
        compare = f"compare {DEPTH} with a net of at most {SMALL_DEPTH}"
        which = f"the depths are {', '.join(map(str, depths))}"
        raise Mistake(f"{which}; to blame the depth of {DEPTH} layers, {compare}")
    there = {(run["layers"], run["start"]) for run in runs}
    for depth, start in itertools.product(depths, STARTS):
        if (depth, start) not in there:
            none = f"no run has {depth} layers and the start {start!r}"
            known = f"we would know {STARTS[start == STARTS[0]]!r} alone"
            raise Mistake(
                f"{none}, so at {depth} layers {known}, and not what the start does there"
            )


def check_equal(runs):
    """Raise Mistake if anything else differs between the combinations of depth and start."""
    cells = defaultdict(list)
    for run in runs:
        cells[f"{run['layers']} layers with {run['start']!r}"].append(run)
    cell, *others = cells
    for name in ("epochs", "learning_rate", "seed"):
        words = f"the {name.replace('_', ' ').removesuffix('s')}s are"
        here = values(cells[cell], name)
        for other in others:
            if (there := values(cells[other], name)) != here:
                both = f"{words} {here} for {cell} and {there} for {other}"
                raise Mistake(f"{both}, so a difference can come from there")
        if name == "epochs" and len(here) > 1:
            last = f"the runs last {' or '.join(map(str, here))} epochs"
            raise Mistake(f"{last}; give all of them the same number")
    for cell, some in cells.items():
        there = {(run["learning_rate"], run["seed"]) for run in some}
        for rate, seed in itertools.product(values(some, "learning_rate"), values(some, "seed")):
            if (rate, seed) not in there:
                missing = f"for {cell} no run has seed {seed} at the learning rate {rate:g}"
                raise Mistake(f"{missing}, but another seed has: then a rate may win by its seeds")


def check_enough(runs):
    """Raise Mistake for too little time, no fair choice of the learning rate, and few seeds."""
    rates, seeds = values(runs, "learning_rate"), values(runs, "seed")
    if (epochs := runs[0]["epochs"]) < 10:
        slow = "nets that learn slowly look like nets that cannot"
        raise Mistake(f"rule 1: ten epochs for all; after {epochs}, {slow}")
    if len(rates) < 2:
        lose = "a start may lose only because the rate does not suit it"
        raise Mistake(f"with 1 learning rate for all, {lose}: rule 2")
    if len(rates) < 3:
        edge = "the better one is always at the edge of what was tried; take at least 3"
        raise Mistake(f"rule 2: with 2 learning rates {edge}")
    for low, high in itertools.pairwise(rates):
        if high / low < 1.999:
            near = f"the learning rates {low:g} and {high:g} are nearly the same one"
            raise Mistake(f"rule 2: {near}; neighbours should differ by a factor of 2 or more")
    if not any(0.999e-3 <= rate <= 1.001e-2 for rate in rates):
        span = f"the learning rates go from {rates[0]:g} to {rates[-1]:g}"
        usual = "none of them is from 0.001 to 0.01, where such nets usually learn"
        raise Mistake(f"rule 2: {span}, and {usual}")
    if len(seeds) < 5:
        few = f"the number of seeds is {len(seeds)}, which can be luck"
        raise Mistake(f"{few}; rule 3 asks for 5")


def design(runs):
    """1 for a plan that can answer the question; otherwise raise Mistake."""
    if not isinstance(runs, list | tuple | np.ndarray):
        given = f"and is of type {type(runs).__name__}"
        raise Mistake(f"it should be a list of runs, {given}; each run is 1 dictionary")
    runs = plain(runs)
    for check in (check_each, check_factors, check_equal, check_enough):
        check(runs)
    return 1.0


runs = Exercise(
    name="runs",
    title="Is it the depth or the start?",
    right=[
        dict(zip(COLUMNS, run, strict=True))
        for run in itertools.product([2, 20], STARTS, [1e-3, 3e-3, 1e-2], range(5), [10])
    ],
    praise="right: every depth with every start, and all else is equal",
    observe=design,
)


def carry_out(runs, data):
    """Train the plain nets of a plan that passed its check; return {(layers, start): error}.

    The error is the median training error, a fraction, at the learning rate that serves this depth
    and start best; a diverged net counts as wrong on every image.
    """
    runs = plain(runs)
    rates, seeds, (epochs,) = (values(runs, name) for name in ("learning_rate", "seed", "epochs"))
    plan = {"rates": rates, "seeds": seeds, "epochs": int(epochs), "measure_every": int(epochs)}
    kinds = dict.fromkeys((run["layers"], run["start"]) for run in runs)
    makes = {
        (layers, start): partial(nets.fully_connected, layers, "none", start, width=32)
        for layers, start in kinds
    }
    found = {}
    for kind, histories in training.fair_many(makes, data, **plan).items():
        errors = [
            1.0 if history.diverged else history.final_training_error
            for history in histories[training.best(histories)]
        ]
        found[kind] = float(np.median(errors))
    return found
