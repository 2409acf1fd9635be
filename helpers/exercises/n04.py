"""Exercises of notebook 4: repair four blocks, choose a learning rate fairly, plan an experiment
and carry it out.
"""

import itertools
from collections import defaultdict

import numpy as np
import torch

from helpers import nets, training
from helpers.exercises.checks import Exercise, Mistake

# --- four blocks
# ----------------------------------------------------------------------------------------------------


def layers(units, seed):
    """Two linear layers of ``units`` units: W of whole numbers from -2 to 2, and b such that no z
    is ever 0.
    """
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
    first, second = layers(2, seed=4)  # here every mistake gives other numbers
    return first, second, torch.tensor([[1.0, 2.0], [3.0, 1.0], [0.0, 4.0]], dtype=torch.float64)


def inputs():
    wide = torch.randint(0, 5, (6, 5), generator=torch.Generator().manual_seed(1)).double()
    return [
        ("tasks.example()", example()),
        ("an a[l] of 6 examples with 5 units", (*layers(5, seed=2), wide)),
    ]


FORMS = {"A": "inside", "B": "outside", "C": "inside", "D": "inside"}
RULES = {  # what a block does, as a function of g, the two layers, and a
    "inside": lambda g, first, second, a: g(second(g(first(a))) + a),
    "outside": lambda g, first, second, a: g(second(g(first(a)))) + a,
}
MISTAKEN = {
    "g is applied before the addition too, so the branch can only add, as in the outside form": RULES[
        "outside"
    ],
    "the shortcut carries a[l+1], one layer too late": lambda g, first, second, a: g(
        second(g(first(a))) + g(first(a))
    ),
    "the shortcut carries a[l+1], one layer too late, and is added outside": lambda g, first, second, a: (
        g(second(g(first(a)))) + g(first(a))
    ),
    "the shortcut ends at z[l+1], one layer too early": lambda g, first, second, a: g(
        second(g(first(a) + a))
    ),
    "a[l] is added twice, at z[l+1] and at z[l+2]": lambda g, first, second, a: g(
        second(g(first(a) + a)) + a
    ),
    "this is the inside form, and the outside form was meant": RULES["inside"],
    "this is the plain block, and a[l] is never added": lambda g, first, second, a: g(
        second(g(first(a)))
    ),
    "the last g is missing": lambda g, first, second, a: second(g(first(a))) + a,
}


def returned(letter, block, first, second, a):
    """What a reader's block makes of ``a`` (examples, units), and the gradient that reaches ``a``;
    both arrays.
    """
    leaf = a.clone().requires_grad_()
    given = (
        leaf * 1
    )  # an activation, as inside a net: it may be changed in place, and then we can tell
    try:
        out = block(first, second, given)
    except Exception as error:
        raise Mistake(
            f"block {letter} raises {type(error).__name__}: {str(error)[:120].rstrip('.')}"
        ) from error
    if not isinstance(out, torch.Tensor) or out.shape != a.shape:
        shape = tuple(out.shape) if isinstance(out, torch.Tensor) else type(out).__name__
        raise Mistake(
            f"block {letter} should return a tensor of shape {tuple(a.shape)}, and returns {shape}"
        )
    changed = (given.detach() != a).nonzero().tolist()
    gradient = torch.zeros_like(a)
    if out.requires_grad and not changed:
        try:
            (gradient,) = torch.autograd.grad(out.sum(), leaf, materialize_grads=True)
        except RuntimeError as error:
            raise Mistake(
                f"block {letter} cannot be trained: backward raises {type(error).__name__}, since "
                "an array that it needs has been overwritten; give a[l+1] an array of its own"
            ) from error
    return out.detach(), gradient, given.detach(), changed


def examine(letter, block, label, first, second, a):
    """Raise Mistake, with the numbers, if a block is not what its letter asks for."""
    out, gradient, after, changed = returned(letter, block, first, second, a)
    right, wanted = expected(RULES[FORMS[letter]], first, second, a)
    if changed:
        place = tuple(changed[0])
        then = ", so a[l] is lost for the shortcut and for the caller"
        if torch.allclose(out, right):
            then = (
                ": a[l+2] is right, the shortcut had what it needs, but the caller's a is "
                "overwritten; give the new numbers an array of their own"
            )
        raise Mistake(
            f"block {letter} changes its input in place: entry {list(place)} of a was {a[place]:g} "
            f"and is now {after[place]:g}{then}"
        )
    if not torch.allclose(out, right):
        named = [
            said
            for said, rule in MISTAKEN.items()
            if torch.allclose(out, expected(rule, first, second, a)[0])
        ]
        place = tuple((~torch.isclose(out, right)).nonzero()[0].tolist())
        raise Mistake(
            f"block {letter}{': ' + named[0] if named else ''}: for {label}, entry {list(place)} "
            f"of a[l+2] should be {right[place]:g}, and yours is {out[place]:g}"
        )
    if not torch.allclose(gradient, wanted):
        place = tuple((~torch.isclose(gradient, wanted)).nonzero()[0].tolist())
        raise Mistake(
            f"block {letter} returns the right numbers, but the gradient does not flow back "
            f"through all of it: for the sum of a[l+2], entry {list(place)} of the gradient at "
            f"a[l] should be {wanted[place]:g}, and yours is {gradient[place]:g}; detach, .data "
            "and no_grad cut it off"
        )


def expected(rule, first, second, a):
    """The output of a rule, and the gradient of its sum at ``a``."""
    leaf = a.clone().requires_grad_()
    out = rule(torch.relu, first, second, leaf)
    return out.detach(), torch.autograd.grad(out.sum(), leaf)[0]


def examined(blocks):
    """1 if all four blocks are right; otherwise raise Mistake."""
    if isinstance(blocks, dict):
        blocks = list(blocks.values())
    if not isinstance(blocks, list | tuple) or len(blocks) != 4:
        raise Mistake(
            "it should be the list of the 4 functions, [block_A, block_B, block_C, block_D]"
        )
    if any(block is ... for block in blocks):
        return None
    for letter, block in zip(FORMS, blocks, strict=True):
        if not callable(block):
            raise Mistake(
                f"block {letter} is not a function, it is of type {type(block).__name__}; 4 are "
                "needed"
            )
        for label, (first, second, a) in inputs():
            examine(letter, block, label, first, second, a)
    return 1.0


def mended(form):
    return lambda first, second, a: RULES[form](torch.relu, first, second, a)


repaired = Exercise(
    name="repaired",
    title="Four broken blocks",
    right=[mended(form) for form in FORMS.values()],
    praise="right: all four add a[l] itself at the right place, and leave their input as it was",
    observe=examined,
)


# --- a fair choice
# --------------------------------------------------------------------------------------------------


def study_cases():
    """(losses, errors), each (rates, seeds), of invented studies: the loss of a diverged net is NaN
    or infinite.
    """
    nan, inf = np.nan, np.inf
    fine = [
        [0.7, 0.8, 0.9, 0.8, 0.9],
        [1.1, 1.2, 0.1, 1.3, 1.2],
        [0.4, 0.6, 0.5, 0.5, 3.6],
        [0.3, 0.7, 0.7, 0.7, 1.4],
    ]
    fine_errors = [
        [0.22, 0.21, 0.3, 0.2, 0.28],
        [0.4, 0.4, 0.02, 0.4, 0.4],
        [0.26, 0.24, 0.3, 0.3, 0.8],
        [0.27] * 5,
    ]
    died = [
        [nan, 2.1, nan, 1.9, nan],
        [0.6, 0.5, 0.7, 0.6, 0.5],
        [0.4, 0.3, 0.9, nan, 0.2],
        [0.1, nan, 0.2, nan, nan],
    ]
    died_errors = [
        [1, 0.9, 1, 0.8, 1],
        [0.2, 0.18, 0.25, 0.21, 0.19],
        [0.15, 0.11, 0.3, 1, 0.08],
        [0.03, 1, 0.04, 1, 1],
    ]
    far = [[2.2, 2.1, 2.3, 2.2, 2.1], [0.05, inf, 0.04, inf, inf]]
    far_errors = [[0.88, 0.8, 0.9, 0.86, 0.84], [0.01, 1, 0.01, 1, 1]]
    few = [[0.8, nan, 0.3, nan], [nan, nan, nan, 1.7], [1.0, 1.1, 0.9, nan]]
    few_errors = [[0.3, 1, 0.2, 1], [1, 1, 1, 0.4], [0.5, 0.6, 0.4, 1]]
    huge = [[2.0, nan, 1.9, inf, nan], [1000, 1000, 900, 1000, 1000]]
    huge_errors = [[0.7, 1, 0.6, 1, 1], [0.5, 0.4, 0.3, 0.6, 0.4]]
    studies = {
        "a study without diverged nets": (fine, fine_errors),
        "a study in which 7 nets became NaN": (died, died_errors),
        "a study in which 3 nets became infinite": (far, far_errors),
        "a study of 4 seeds": (few, few_errors),
        "a study in which 3 nets diverged, and losses of 1,000 are finite": (huge, huge_errors),
    }
    return [
        (name, tuple(np.array(table, dtype=float) for table in pair))
        for name, pair in studies.items()
    ]


def choice(middle=np.median, by_error=False, diverged=np.inf, report=np.median):
    """A way to choose: the row with the least ``middle`` loss, and ``report`` of the errors (rates,
    seeds) in it.
    """

    def solution(losses, errors):
        judged = errors if by_error else np.where(np.isfinite(losses), losses, diverged)
        row = int(np.argmin(middle(judged, axis=1)))
        return row, report(errors[row])

    return solution


def each_seed_its_own(losses, errors):
    best = np.where(np.isfinite(losses), losses, np.inf).argmin(axis=0)
    return choice()(losses, errors)[0], np.median(errors[best, np.arange(errors.shape[1])])


def a_seed(raw=False, of_column=True):
    """A way to choose along the wrong axis: with the NaN as they are or infinite, and with either
    median error.
    """

    def solution(losses, errors):
        judged = losses if raw else np.where(np.isfinite(losses), losses, np.inf)
        column = int(np.argmin(np.median(judged, axis=0)))
        return column, np.median(errors[:, column] if of_column else errors[column])

    return solution


fair_choice = Exercise(
    name="fair_choice",
    title="A fair choice of the learning rate",
    right=choice(),
    praise="right: the median over the seeds decides, and a diverged net counts as a failure",
    cases=study_cases,
    parts=("row", "error"),
    mistakes={
        "np.median of a row with NaN is NaN, and np.argmin takes a NaN for the smallest": lambda losses, errors: (
            choice(diverged=np.where(np.isinf(losses), losses, np.nan))(losses, errors)
        ),
        "diverged nets are left out, so a rate can win at which most nets diverge": choice(
            middle=np.nanmedian, diverged=np.nan
        ),
        "a NaN is left out, so a rate can win at which most nets diverge": lambda losses, errors: (
            choice(middle=np.nanmedian, diverged=np.where(np.isinf(losses), losses, np.nan))(
                losses, errors
            )
        ),
        "a diverged net counts as a loss of 0, the best of all": choice(diverged=0.0),
        "the luckiest seed decides": choice(middle=np.min),
        "the worst seed decides": choice(middle=np.max),
        "the mean decides, which one bad seed can spoil": choice(middle=np.mean),
        "the error decides, and rule 2 says that the loss does": choice(by_error=True),
        "the error is that of the luckiest seed": choice(report=np.min),
        "the error is the mean over the seeds, and the median was asked for": choice(
            report=np.mean
        ),
        "each seed has a rate of its own here, so an arm gets many choices, not one": each_seed_its_own,
        "a diverged net counts as a loss that others exceed": choice(diverged=10.0),
        "this chooses a seed, and not a learning rate: the rates are the rows": a_seed(),
        "this chooses a seed, and not a learning rate: the rates are the rows, and so are those of "
        "the errors": a_seed(of_column=False),
        "this chooses a seed, and not a learning rate: the rates are the rows, and a NaN is no loss": a_seed(
            raw=True
        ),
        "this chooses a seed, and not a learning rate: the rates are the rows, so the median goes "
        "along axis 1": a_seed(raw=True, of_column=False),
    },
    says={
        "row": "the chosen row should be {expected}, and yours is {got}",
        "error": "the error at the chosen rate should be {expected}, and yours is {got}",
    },
)


# --- an experiment
# --------------------------------------------------------------------------------------------------

COLUMNS = ("layers", "start", "learning_rate", "seed", "epochs")
STARTS, DEEP, SHALLOW, MOST = ("pytorch", "he"), 20, 8, 100
ALLOWED = {
    "layers": (lambda v: v % 2 == 0 and 2 <= v <= DEEP, f"an even number from 2 to {DEEP}"),
    "start": (lambda v: v in STARTS, f"one of {STARTS}"),
    "learning_rate": (lambda v: 1e-5 <= v <= 0.1, "from 0.00001 to 0.1"),
    "seed": (lambda v: v == int(v) and v >= 0, "a whole number from 0 on"),
    "epochs": (lambda v: v == int(v) and 1 <= v <= 10, "a whole number from 1 to 10"),
}


def fits(allowed, value):
    try:
        return bool(allowed(value))
    except (TypeError, ValueError):  # a word in place of a number, or a list of numbers
        return False


def malformed(runs):
    """Say what is wrong with a single run."""
    if not 1 <= len(runs) <= MOST:
        return f"there are {len(runs)} runs; plan at least 1, and at most {MOST}, so that it takes seconds"
    for number, run in enumerate(runs):
        if not isinstance(run, dict) or set(run) != set(COLUMNS):
            names = sorted(map(str, run)) if isinstance(run, dict) else type(run).__name__
            return f"run number {number} should be a dictionary with the keys {', '.join(COLUMNS)}, and has {names}"
        for name, (allowed, said) in ALLOWED.items():
            if not fits(allowed, run[name]):
                return f"run number {number} has {name} = {run[name]!r:.30}; it should be {said}"
    seen = [tuple(run[name] for name in COLUMNS) for run in runs]
    twice = next((number for number, run in enumerate(seen) if run in seen[:number]), None)
    if twice is not None:
        return f"run number {twice} is the same as number {seen.index(seen[twice])}; the same net again tells nothing"
    return ""


def factors(runs):
    """Say whether the two things in question are varied, each in the company of every value of the
    other.
    """
    depths, starts = sorted({run["layers"] for run in runs}), {run["start"] for run in runs}
    if len(starts) < 2:
        return f"all {len(runs)} runs have the start {starts.pop()!r}, so nothing can be said about the start"
    if depths[-1] != DEEP or depths[0] > SHALLOW:
        return (
            f"the depths are {', '.join(map(str, depths))}; to blame the depth of {DEEP} layers, "
            f"compare {DEEP} with a net of at most {SHALLOW}"
        )
    there = {(run["layers"], run["start"]) for run in runs}
    for depth, start in itertools.product(depths, STARTS):
        if (depth, start) not in there:
            other = STARTS[start == STARTS[0]]
            return (
                f"no run has {depth} layers and the start {start!r}, so at {depth} layers we would "
                f"know {other!r} alone, and not what the start does there"
            )
    return ""


def unequal(runs):
    """Say what else differs between the combinations of depth and start."""
    cells = defaultdict(list)
    for run in runs:
        cells[run["layers"], run["start"]].append(run)
    (depth, start), one = next(iter(cells.items()))
    for name, words in {
        "epochs": "epochs",
        "learning_rate": "learning rates",
        "seed": "seeds",
    }.items():
        values = sorted({run[name] for run in one})
        for (other_depth, other_start), others in cells.items():
            if (found := sorted({run[name] for run in others})) != values:
                return (
                    f"the {words} are {values} for {depth} layers with {start!r} and {found} for "
                    f"{other_depth} layers with {other_start!r}, so a difference can come from "
                    "there"
                )
        if name == "epochs" and len(values) > 1:
            return f"the runs last {' or '.join(map(str, values))} epochs; give all of them the same number"
    for (depth, start), some in cells.items():
        rates, seeds = ({run[name] for run in some} for name in ("learning_rate", "seed"))
        for rate, seed in itertools.product(sorted(rates), sorted(seeds)):
            if not any((run["learning_rate"], run["seed"]) == (rate, seed) for run in some):
                return (
                    f"for {depth} layers with {start!r} no run has seed {seed} at the learning "
                    f"rate {rate:g}, but another seed has: then a rate may win by its seeds"
                )
    return ""


def too_few(runs):
    """Say whether there is enough time, a choice of the learning rate, and enough seeds."""
    rates, seeds = (sorted({run[name] for run in runs}) for name in ("learning_rate", "seed"))
    if (epochs := runs[0]["epochs"]) < 10:
        return f"rule 1: ten epochs for all; after {epochs}, nets that learn slowly look like nets that cannot"
    if len(rates) < 2:
        return "with 1 learning rate for all, a start may lose only because the rate does not suit it: rule 2"
    if len(rates) < 3:
        return "rule 2: with 2 learning rates the better one is always at the edge of what was tried; take at least 3"
    for low, high in itertools.pairwise(rates):
        if high / low < 1.999:
            return (
                f"rule 2: the learning rates {low:g} and {high:g} are nearly the same one; "
                "neighbours should differ by a factor of 2 or more"
            )
    if not any(0.999e-3 <= rate <= 1.001e-2 for rate in rates):
        return (
            f"rule 2: the learning rates go from {rates[0]:g} to {rates[-1]:g}, and none of them "
            "is from 0.001 to 0.01, where such nets usually learn"
        )
    if len(seeds) < 5:
        return f"the number of seeds is {len(seeds)}, which can be luck; rule 3 asks for 5"
    return ""


def design(runs):
    """1 for a plan that can answer the question; otherwise raise Mistake."""
    if not isinstance(runs, list | tuple):
        raise Mistake(
            f"it should be a list of runs, and is of type {type(runs).__name__}; each run is 1 "
            "dictionary"
        )
    for flaw in (malformed, factors, unequal, too_few):
        if said := flaw(runs):
            raise Mistake(said)
    return 1.0


def grid(**columns):
    """All combinations of the values given for each column."""
    return [
        dict(zip(columns, values, strict=True)) for values in itertools.product(*columns.values())
    ]


runs = Exercise(
    name="runs",
    title="Is it the depth or the start?",
    right=grid(
        layers=[2, 20], start=STARTS, learning_rate=[1e-3, 3e-3, 1e-2], seed=range(5), epochs=[10]
    ),
    praise="right: every depth with every start, and all else is equal",
    observe=design,
)


def carry_out(runs, data, width=32):
    """Train the plain nets of a plan; return {(layers, start): median training error at the rate
    with the least loss}.

    Nets of one depth train in lockstep. A diverged net counts as wrong on every image.
    """
    found = defaultdict(
        lambda: defaultdict(list)
    )  # (layers, start) -> learning rate -> [(loss, error)]
    for depth in sorted({run["layers"] for run in runs}):
        some = [run for run in runs if run["layers"] == depth]
        many = [
            nets.fully_connected(depth, "none", run["start"], run["seed"], width=width)
            for run in some
        ]
        options = {
            "learning_rates": [run["learning_rate"] for run in some],
            "seeds": [run["seed"] for run in some],
        }
        epochs = int(some[0]["epochs"])
        for run, history in zip(
            some,
            training.train_many(many, data, epochs=epochs, measure_every=epochs, **options),
            strict=True,
        ):
            ended = (
                (np.inf, 1.0)
                if history.diverged
                else (history.training_loss[-1], history.training_error[-1])
            )
            found[depth, run["start"]][run["learning_rate"]].append(ended)
    return {
        cell: min(np.median(ends, axis=0).tolist() for ends in by_rate.values())[1]
        for cell, by_rate in found.items()
    }
