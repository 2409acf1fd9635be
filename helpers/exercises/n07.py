"""Exercises of notebook 7: a gradient after a step, a net without a block, a broken claim."""

import copy
import math
import re

import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.nn.utils import parameters_to_vector as flat

from helpers import nets, probes
from helpers.exercises import surgery
from helpers.exercises.checks import Exercise, Mistake
from helpers.exercises.saying import type_in_words
from helpers.exercises.watching import as_numbers

# --- the gradient after a step

IMAGES, CLASSES = 24, 10


def random_images(seed):
    """Images (examples, 1, 8, 8) of random numbers in float64, and their classes."""
    draw = torch.Generator().manual_seed(seed)
    x = torch.randn(IMAGES, 1, 8, 8, generator=draw, dtype=torch.float64)
    return x, torch.arange(IMAGES) % CLASSES


def step_cases():
    """Nets in training mode, images, classes, and the length of the step."""
    settings = [(8, "none", 0.1), (14, "inside", 0.3), (14, "none", 1.0)]
    names = {"none": "a plain", "inside": "a residual"}
    return [
        (
            f"{names[skip]} net of {layers} layers and a step of {step:g}",
            (nets.convolutional(layers, skip, width=2).double(), *random_images(0), step),
        )
        for layers, skip, step in settings
    ]


def gradients(net, x, y):
    """The gradient of the cross-entropy, an array for each parameter."""
    return torch.autograd.grad(cross_entropy(net(x), y), [*net.parameters()])


def downhill(arrays, step):
    """What a step against the gradient adds to each parameter; ``step`` is its length."""
    length = flat(arrays).norm()
    return [-step * array / length for array in arrays]


def matrices(arrays):
    return [array for array in arrays if array.dim() > 1]


def matrices_downhill(arrays, step):
    return downhill([array * (array.dim() > 1) for array in arrays], step)


def cosine(before, after):
    one, other = flat(before), flat(after)
    return one @ other / one.norm() / other.norm()


def after_step(move=downhill, part=list, compare=cosine, then=torch.as_tensor, train=True):
    """A solution with one of its parts done in another way.

    move: move(gradients, step), what is added to each parameter.
    part: part(gradients), the arrays that are compared.
    compare: compare(gradients before, gradients after).
    then: then(cosine), what is returned.
    train: whether the net is in training mode.
    """

    def solution(net, x, y, step):
        moved = copy.deepcopy(net).train(train)
        before = gradients(moved, x, y)
        with torch.no_grad():
            for parameter, change in zip(moved.parameters(), move(before, step), strict=True):
                parameter.add_(change)
        return then(compare(part(before), part(gradients(moved, x, y))))

    return solution


def weights_compared(net, x, y, step):
    before = [parameter.detach() for parameter in net.parameters()]
    changes = downhill(gradients(net, x, y), step)
    return cosine(before, [a + b for a, b in zip(before, changes, strict=True)])


def mean_over_arrays(before, after):
    each = [cosine([one], [other]) for one, other in zip(before, after, strict=True)]
    return torch.stack(each).mean()


RIGHT_COSINE = after_step()


def look_after_step(solution, net, x, y, step):
    """The cosine that a solution returns, and, if it is right, what became of the net."""
    right, before = RIGHT_COSINE(net, x, y, step), surgery.portrait(net)
    given = as_numbers(solution(net, x, y, step))
    given = given.reshape(()) if given.size == 1 else given
    found = {"cosine": given, "weights": 0, "statistics": 0}
    if given.shape or not math.isclose(given, right, abs_tol=1e-4):
        return found
    weights = dict(net.named_parameters())
    for name, array in net.state_dict().items():
        changed = not torch.equal(array, before[name])
        found["weights" if name in weights else "statistics"] += changed
    if not found["weights"] + found["statistics"]:
        surgery.check_untouched(net, before, "the cosine is right, but the net is not what it was")
    return found


cosine_after_step = Exercise(
    name="cosine_after_step",
    title="Is the gradient still true after a step?",
    right=RIGHT_COSINE,
    praise="right: the cosine of the two gradients, and the net is what it was",
    cases=step_cases,
    observe=look_after_step,
    mistakes={
        "the step goes uphill, along the gradient and not against it": after_step(
            move=lambda arrays, step: downhill(arrays, -step)
        ),
        "the gradient is not divided by its norm, so the step is step x norm long": after_step(
            move=lambda arrays, step: [-step * array for array in arrays]
        ),
        "each array is divided by its own norm, so each goes a step, and the whole is longer": (
            after_step(move=lambda arrays, step: [-step * a / a.norm() for a in arrays])
        ),
        "only the signs of the gradient are used, as Adam does it in its first step": after_step(
            move=lambda arrays, step: [-step * array.sign() for array in arrays]
        ),
        "the step is 0.01 long, whatever the argument says": after_step(
            move=lambda arrays, step: downhill(arrays, 0.01)
        ),
        "the gradient is compared with itself: no step was taken, or the second backward() wrote "
        "into the .grad that was kept, which needs a copy": after_step(
            move=lambda arrays, step: [0 * array for array in arrays]
        ),
        "gamma, beta and b neither move nor are compared, and they are parameters too": after_step(
            move=matrices_downhill, part=matrices
        ),
        "the second gradient is added to the first, as backward() does if .grad is not cleared": (
            after_step(compare=lambda b, a: cosine(b, [m + n for m, n in zip(b, a, strict=True)]))
        ),
        "this is the product of the two gradients, not divided by their norms": after_step(
            compare=lambda before, after: flat(before) @ flat(after)
        ),
        "the product is divided by the square of the first norm, but the second gradient has its "
        "own": after_step(
            compare=lambda before, after: flat(before) @ flat(after) / flat(before).norm() ** 2
        ),
        "this is the angle in radians, not its cosine": after_step(then=torch.acos),
        "this is the angle in degrees, not its cosine": after_step(
            then=lambda cosine: torch.rad2deg(torch.acos(cosine))
        ),
        "this is 1 minus the cosine": after_step(then=lambda cosine: 1 - cosine),
        "a cosine may be below 0, and this takes its absolute value": after_step(then=torch.abs),
        "each array has a cosine of its own here, and this is their mean": after_step(
            compare=mean_over_arrays
        ),
        "this compares the gradient of the first layer only": after_step(part=lambda g: g[:1]),
        "this compares the gradient of the last layer only": after_step(part=lambda g: g[-2:]),
        "gamma, beta and b are left out, and they are parameters too": after_step(part=matrices),
        "this compares the weights before and after, not the gradients": weights_compared,
        "the net is in evaluation mode, where the normalisation uses its running statistics": (
            after_step(train=False)
        ),
        "softmax is taken twice: cross_entropy takes the scores as they are": (
            lambda net, *given: RIGHT_COSINE(nn.Sequential(net, nn.Softmax(dim=1)), *given)
        ),
    },
    says={
        "cosine": "the cosine should be {expected}, and yours is {got}",
        "weights": "the cosine is right, but {got} arrays of weights of the net are not what they "
        "were, and {expected} should change; move a copy, or put the old numbers back",
        "statistics": "the cosine is right, but {got} running statistics of the net are not what "
        "they were, and {expected} should change: in training mode every forward pass moves them; "
        "work on a copy",
    },
    without=(probes,),
    tolerance=1e-4,
)


# --- a net without one of its blocks


def lesion_cases():
    """Nets that have seen images, the number of a block, and images to compare scores with."""
    residual, plain = nets.fully_connected(10, width=12), nets.fully_connected(12, "none", width=12)
    wide, deep = nets.convolutional(20, width=2), nets.convolutional(14, "none", width=3)
    settings = {
        "block 2 of a residual net with 4 blocks": (residual, 2),
        "the last block, number 5, of a plain net": (plain, 5),
        "block 8 of a convolutional net with 9 blocks": (wide, 8),
        "block 1 of a plain convolutional net": (deep, 1),
    }
    x = random_images(1)[0].float()
    with torch.no_grad():
        for net, _ in settings.values():
            net.train()(3 * x + 1)  # the running statistics
    return [(label, (net.eval(), number, x)) for label, (net, number) in settings.items()]


def lesion(solution, net, number, x):
    """The scores of a net without a block. Raises Mistake if the old net is not what it was."""
    with torch.no_grad():
        before = surgery.portrait(net)
        smaller = solution(net, number)
        if isinstance(smaller, nets.Block):
            raise Mistake("it returns the block that is removed, and should return the other parts")
        if not isinstance(smaller, nn.Module):
            raise Mistake(f"it should return a net, and returns {type_in_words(smaller)}")
        surgery.check_untouched(net, before)
        return {"scores": surgery.scores(smaller.eval(), x)}


def rebuilt(choose):
    """A solution that builds a net of choose(parts, places, n): n is the block's own place in both.

    parts: the entries of the net. places: where its blocks are among them.
    """

    def solution(net, number):
        parts, places = list(copy.deepcopy(net)), surgery.places_of_blocks(net)
        return nn.Sequential(*choose(parts, places, number - 1))

    return solution


def removing(gone):
    """A solution that leaves out the entries of the net whose places are in gone(places, n)."""
    return rebuilt(
        lambda parts, places, n: [part for i, part in enumerate(parts) if i not in gone(places, n)]
    )


def silenced(parts, places, n):
    """The block stays, and its last layer is 0."""
    block = parts[places[n]]
    nets.initialise(block, "identity")
    if block.skip == "none":
        nn.init.zeros_([*block.second.modules()][-1].weight)
    return parts


def without_shortcut(parts, places, n):
    parts[places[n]].skip = {"none": "inside", "inside": "none"}[parts[places[n]].skip]
    return parts


def from_new_numbers(parts, places, n):
    nets.initialise(parts[places[n]], "he", seed=n)
    return parts


def doubled(parts, places, n):
    """In the place of the block there is its neighbour, a second time."""
    parts[places[n]] = parts[places[n] - 1 if places[n] - 1 in places else places[n] + 1]
    return parts


without_block = Exercise(
    name="without_block",
    title="Delete a block",
    right=removing(lambda places, n: [places[n]]),
    praise="right: the block is gone, all else is in its order, and the old net is whole",
    cases=lesion_cases,
    observe=lesion,
    mistakes={
        "blocks are counted from 1 here, and this counts from 0": removing(lambda p, n: [p[n + 1]]),
        "this removes the block before it": removing(lambda p, n: [p[n - 1]]),
        "blocks are counted from the front, and this counts from the end": removing(
            lambda places, n: [places[-n - 1]]
        ),
        "this removes an entry of the list with that number, but the list has other parts before "
        "the blocks": removing(lambda places, n: [n + 1]),
        "before the blocks are 3 parts in a fully connected net and 2 in a convolutional one, and "
        "this counts 3 in both": removing(lambda places, n: [n + 3]),
        "before the blocks are 3 parts in a fully connected net and 2 in a convolutional one, and "
        "this counts 2 in both": removing(lambda places, n: [n + 2]),
        "this removes the block and all blocks after it": removing(lambda p, n: p[n:]),
        "this removes the block and all blocks before it": removing(lambda p, n: p[: n + 1]),
        "this keeps that block and removes the others": removing(lambda p, n: p[:n] + p[n + 1 :]),
        "this removes all blocks": removing(lambda places, n: places),
        "nothing is removed": rebuilt(lambda parts, places, n: parts),
        "the block is silenced, not removed: in a residual net that is the same, but a plain block "
        "at 0 passes nothing on": rebuilt(silenced),
        "the block is there, and only its skip has changed": rebuilt(without_shortcut),
        "the block is there, with new numbers": rebuilt(from_new_numbers),
        "the block is gone, but its neighbour is there twice": rebuilt(doubled),
    },
    says={
        "scores": "the scores are not those of the net without the block: {where} should be "
        "{expected}, and yours is {got}"
    },
    without=(probes,),
    tolerance=1e-5,
)


# --- the broken claim

LETTERS = "PQRSTU"  # A to F are the explanations of the notebook


def letter(given):
    """The place of a letter among P to U. Raises Mistake for anything else."""
    if not isinstance(given, str):
        raise Mistake(f"it should be one letter in quotes, and yours is {type_in_words(given)}")
    named = re.fullmatch(r"\W*(?:claim\s+)?\W*([p-u])\W*", given, re.IGNORECASE)
    if not named:
        raise Mistake(f"it should be one letter from P to U, and yours is {given!r:.40}")
    return LETTERS.index(named[1].upper())


broken_claim = Exercise(
    name="broken_claim",
    title="One of these claims is broken",
    right="S",
    praise="right: a block can be missed where it is near the identity, and a plain block can be "
    "near it: the plain net that started at W = I survives as well",
    observe=letter,
    mistakes={
        "P holds: there a residual block returns g(a[l]) = a[l] and a plain one g(0) = 0, to the "
        "last bit (notebooks 1 and 2)": "P",
        "Q holds: section B measures it at 56 layers, and none of the five seeds is an exception": (
            "Q"
        ),
        "R holds, though it is often told the other way round: section A finds that with batch "
        "normalisation the gradient grows on its way back": "R",
        "T holds: no shortcut is needed to start at the identity, and section D finds that this "
        "start is enough": "T",
        "U holds: decay pulls each weight to 0, where the residual block is the identity, and the "
        "plain block is the identity at W = I": "U",
    },
    says={"": "5 of the 6 claims hold, and the broken one is another"},
    tolerance=0.0,
)
