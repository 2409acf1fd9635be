"""Exercises of notebook 3: insert an identity block, repair four nets, and plan an experiment."""

import copy
import itertools
from collections.abc import Collection, Set

import numpy as np
import torch
from torch import nn

from helpers import nets
from helpers.exercises import surgery
from helpers.exercises.checks import Exercise, Mistake, picked, type_in_words
from helpers.inputs.numbers import is_number

IMAGES, LABELS = 20, 3
BLOCK = 3  # the place of the first block in the list that a fully connected net is


def net_cases():
    """A net, where the new block goes, and random images to compare scores with.

    In a block of 5 units one draw in 700 silences all of them, and it cannot learn.
    """
    cases = []
    places = [("early", 3, 16), ("at the end", 5, 16), ("in the middle", 4, 12)]
    for seed, (place, position, width) in enumerate(places):
        sizes = {"inputs": 6, "width": width, "classes": LABELS}
        net = nets.fully_connected(6, start="he", seed=seed, **sizes)
        x = torch.randn(IMAGES, 6, generator=torch.Generator().manual_seed(seed))
        cases.append((f"a block of width {width} {place}", (net, position, x)))
    return cases


def linear_layers(net):
    return sum(isinstance(part, nn.Linear) for part in net.modules())


def same(part, other):
    """Whether two entries of a net are of one type and hold the same numbers."""
    mine, theirs = part.state_dict(), other.state_dict()
    if type(part) is not type(other) or mine.keys() != theirs.keys():
        return False
    return all(torch.equal(mine[name], theirs[name]) for name in mine)


def insertion(solution, net, position, x):
    """What an inserted block does to the net, and to the net that was handed in."""
    before, old, wanted = surgery.portrait(net), net(x).detach(), surgery.gradient(net, x)
    deeper = solution(net, position)
    if not isinstance(deeper, nn.Sequential):
        raise Mistake(f"it should return an nn.Sequential, and returns {type_in_words(deeper)}")
    surgery.check_untouched(net, before)
    if len(deeper) <= position:
        entries = f"the new net has {len(deeper)} entries and should have {len(net) + 1}"
        star = "a part of a net goes into a new one with a star: nn.Sequential(*net[:2], block)"
        raise Mistake(f"{entries}; {star}")
    pairs = enumerate(zip(deeper, net, strict=False))
    new = (place for place, (part, other) in pairs if not same(part, other))
    return {
        "layers with weights": linear_layers(deeper),
        "place": next(new, min(len(deeper), len(net))),  # of the first that is not the old net's
        "scores": surgery.scores(deeper, x).detach(),
        **surgery.learning(deeper, [*deeper[position].parameters()], x, wanted),
        "old scores": torch.equal(net(x), old),
    }


def inserted(make, copied=True):
    """A solution that inserts make(width)."""

    def solution(net, position):
        old = copy.deepcopy(net) if copied else net
        return nn.Sequential(*old[:position], make(net[1].out_features), *old[position:])

    return solution


def identity_block(width, skip="inside"):
    return nets.initialise(nets.Block(width, skip), "identity", seed=1)


def altered(block, skip="inside", zero=("second",)):
    """The block with this skip, a shortcut without weights, and W = 0 in the layers ``zero``."""
    block.skip, block.Ws = skip, nn.Identity()
    for name in zero:
        nn.init.zeros_(block.get_submodule(name).weight)
    return block


add_identity_block = Exercise(
    name="add_identity_block",
    title="Insert an identity block",
    right=inserted(identity_block),
    praise="right: all scores are the same numbers, the block can learn, and the old net is "
    "untouched",
    cases=net_cases,
    observe=insertion,
    mistakes={
        "no layers were added": lambda net, position: copy.deepcopy(net),
        "the new entry has no parameters, so nothing in it can learn (nn.Identity has none, and a "
        "list of layers has none that are known to the net)": inserted(lambda width: nn.Identity()),
        "this block starts at PyTorch's own numbers, not at the identity": inserted(nets.Block),
        "this is the plain block that copies, with both W the identity matrix": inserted(
            lambda width: identity_block(width, "none")
        ),
        "the plain block at W = 0 is silent": inserted(
            lambda width: altered(identity_block(width), "none")
        ),
        "the outside form at the identity gets no gradient and sleeps": inserted(
            lambda width: identity_block(width, "outside")
        ),
        "the first layer is at zero, so only b[l+2] gets a gradient": inserted(
            lambda width: altered(identity_block(width), zero=("first", "second"))
        ),
        "both nets share their layers, so training the new one changes the old one": inserted(
            identity_block, copied=False
        ),
    },
    says={
        "layers with weights": "the new net has {got} layers with weights and should have "
        "{expected}",
        "place": "the first new entry of the list is number {got} and should be number {expected}",
        "scores": "the scores have changed, so the new block does not start at the identity: "
        "{where} should be {expected}, and yours is {got}",
        "old scores": "the old net's scores change when the new net is trained: they share layers",
    }
    | surgery.says("the block", "it"),
    tolerance=0.0,
)


ALL = tuple(itertools.product(nets.SKIPS, nets.STARTS))
OWN, SAME = "each arm's own best of a few", "the same for all arms"


def design(given):
    """Count what a plan can tell apart, and what it has of seeds and learning rates."""
    given = picked(given, ("arms", "seeds", "learning rate"))
    if any(value is None or value is ... for value in given.values()):
        return None
    arms, seeds, rate = given.values()
    if isinstance(arms, str) or not isinstance(arms, Collection):
        raise Mistake(f"the arms are a list of pairs, and yours is of type {type(arms).__name__}")
    if not (is_number(seeds) and seeds == int(seeds)):
        wanted = "seeds is the number of nets in each arm, a whole number"
        raise Mistake(f"{wanted}, and yours is {seeds!r:.40}")
    for arm in sorted(arms, key=repr) if isinstance(arms, Set) else arms:
        is_row = isinstance(arm, list | tuple | np.ndarray)  # a set has no order
        if not (is_row and all(isinstance(word, str) for word in arm) and tuple(arm) in ALL):
            given = f"{arm!r:.40}" if isinstance(arm, str | list | tuple) else type_in_words(arm)
            wanted = f"an arm is a pair of one of {nets.SKIPS} and one of {nets.STARTS}"
            raise Mistake(f"{wanted}, and yours is {given}")
    if not isinstance(rate, str) or rate not in (OWN, SAME):
        raise Mistake(f"the learning rate is {OWN!r} or {SAME!r}, and yours is {rate!r:.40}")
    arms = {tuple(arm) for arm in arms}
    pairs = [[a == b for a, b in zip(*two, strict=True)] for two in itertools.combinations(arms, 2)]
    return {
        "arms that differ in the skip alone": float([False, True] in pairs),
        "arms that differ in the start alone": float([True, False] in pairs),
        "arms": len(arms),
        "seeds": min(int(seeds), 5),
        "learning rate": float(rate == OWN),
    }


def planned(*arms):
    return {"arms": list(arms), "seeds": 5, "learning rate": OWN}


plan = Exercise(
    name="plan",
    title="Is it the start or the skip?",
    right=planned(*ALL),
    praise="right: three skips times three starts, each at its own best, tell the skip from the "
    "start",
    observe=design,
    mistakes={
        "the two arms differ in the skip and in the start, so it can be either": planned(
            ("none", "he"), ("inside", "identity")
        )
    },
    says={
        "arms that differ in the skip alone": "there are {got} pairs of arms that differ in the "
        "skip alone",
        "arms that differ in the start alone": "there are {got} pairs of arms that differ in the "
        "start alone",
        "arms": "{got} arms leave some skip untried at some start, and {expected} do not",
        "seeds": "the number of seeds is {got}, which can be luck; take at least {expected}, and "
        "show every one",
        "learning rate": "with 1 learning rate for all, an arm may lose only because the rate does "
        "not suit it",
    },
)


def patients():
    """Four nets of 4 layers, each with one mistake in its block: {letter: net}."""
    sizes = {"inputs": 6, "width": 8, "classes": LABELS}
    four = {letter: nets.fully_connected(4, start="identity", seed=7, **sizes) for letter in "ABCD"}
    nets.initialise(four["A"][BLOCK], "he", seed=7)
    four["B"][BLOCK].skip = "none"
    four["C"][BLOCK].skip = "outside"
    four["D"][BLOCK].Ws = nets.initialise(nn.Linear(8, 8), "he", seed=8)
    return four


def patient_cases():
    x = torch.randn(IMAGES, 6, generator=torch.Generator().manual_seed(0))
    return [(f"patient {letter}", (net, x)) for letter, net in patients().items()]


def recovery(solution, net, x):
    """What the block of a repaired net does, and whether it can learn."""
    old, mended = copy.deepcopy(net), solution(net)
    is_list = isinstance(mended, nn.Sequential)
    if not is_list or len(mended) != len(old):
        entries = f"an nn.Sequential of {len(old)} entries"
        given = f"one of {len(mended)}" if is_list else type_in_words(mended)
        raise Mistake(f"it should return the net, {entries}, and returns {given}")
    others = sum(
        place != BLOCK and not (same(part, other) and surgery.frozen(part.parameters()) == 0)
        for place, (part, other) in enumerate(zip(mended, old, strict=True))
    )
    wanted = surgery.gradient(nn.Sequential(*old[:BLOCK], *old[BLOCK + 1 :]), x)
    return {
        "others": others,
        "layers": linear_layers(mended),
        "scores": surgery.scores(mended, x).detach(),
        **surgery.learning(mended, [*mended[BLOCK].parameters()], x, wanted),
    }


def repaired(**how):
    """A repair of some of the mistakes."""

    def solution(net):
        altered(net[BLOCK], **how)
        return net

    return solution


repair = Exercise(
    name="repair",
    title="Four broken nets",
    right=repaired(),
    praise="right: all four blocks are the identity, with a shortcut without weights, and can "
    "learn",
    cases=patient_cases,
    observe=recovery,
    mistakes={
        "nothing was repaired": lambda net: net,
        "at zero the plain block is silent, and it has no shortcut": repaired(skip="none"),
        "the outside form is the identity at zero, and sleeps": repaired(skip="outside"),
        "the first layer is at zero, so only b[l+2] gets a gradient": repaired(
            zero=("first", "second")
        ),
    },
    says={
        "others": "{got} of the entries outside the block were changed, and {expected} are broken",
        "layers": "the net has {got} layers with weights and should have {expected}: two outside "
        "the block, two in it, and none on its shortcut",
        "scores": "the block is not the identity: {where} should be {expected}, and yours is {got}",
    }
    | surgery.says("the block", "it"),
    tolerance=1e-5,
)
