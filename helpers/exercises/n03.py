"""Exercises of notebook 3: insert an identity block, repair four nets, and plan an experiment."""

import copy
import itertools

import torch
from torch import nn

from helpers import nets
from helpers.exercises.checks import Exercise, Mistake

IMAGES, LABELS = 20, 3
BLOCK = 3  # the place of the first block in the list that a fully connected net is


def net_cases():
    """A net, where the new block goes, and random images to compare scores with."""
    cases = []
    places = [("early", 3, 8), ("at the end", 5, 8), ("in the middle", 4, 5)]
    for seed, (place, position, width) in enumerate(places):
        sizes = {"inputs": 6, "width": width, "classes": LABELS}
        net = nets.fully_connected(6, start="he", seed=seed, **sizes)
        x = torch.randn(IMAGES, 6, generator=torch.Generator().manual_seed(seed))
        cases.append((f"a block of width {width} {place}", (net, position, x)))
    return cases


def loss(net, x):
    labels = torch.arange(len(x)) % LABELS
    return nn.functional.cross_entropy(net(x), labels)


def linear_layers(net):
    return sum(isinstance(part, nn.Linear) for part in net.modules())


def reached(block):
    """How many arrays of a block a gradient has reached."""
    return sum(p.grad is not None and bool(p.grad.any()) for p in block.parameters())


def frozen(block):
    """How many arrays of a block are kept from learning."""
    return sum(not p.requires_grad for p in block.parameters())


def changed(net, old):
    """How many entries of a net, other than its block, are not what they were."""
    pairs = enumerate(zip(net, old, strict=True))
    return sum(place != BLOCK and not same(part, other) for place, (part, other) in pairs)


def same(part, other):
    """Whether two entries of a net are of one type and hold the same numbers."""
    mine, theirs = part.state_dict(), other.state_dict()
    if type(part) is not type(other) or mine.keys() != theirs.keys():
        return False
    return all(torch.equal(mine[name], theirs[name]) for name in mine)


def first_new(net, old):
    """The place of the first entry of a net that is not the old net's."""
    pairs = enumerate(zip(net, old, strict=False))
    shorter = min(len(net), len(old))
    return next((place for place, (part, other) in pairs if not same(part, other)), shorter)


def insertion(solution, net, position, x):
    """What an inserted block does to the net, and to the net that was handed in."""
    old, scores = copy.deepcopy(net), net(x).detach()
    deeper = solution(net, position)
    if deeper is None or deeper is ...:
        return deeper
    if not isinstance(deeper, nn.Sequential):
        raise Mistake(f"it should return an nn.Sequential, and returns a {type(deeper).__name__}")
    if len(deeper) <= position:
        wanted = f"the new net has {len(deeper)} entries and should have {len(old) + 1}"
        star = "a part of a net goes into a new one with a star: nn.Sequential(*net[:2], block)"
        raise Mistake(f"{wanted}; {star}")
    found = {
        "entries of the old net": len(net),
        "layers with weights": linear_layers(deeper),
        "place": first_new(deeper, old),
        "scores": deeper(x).detach(),
    }
    loss(deeper, x).backward()
    found |= {"frozen": frozen(deeper[position]), "reached": reached(deeper[position])}
    with torch.no_grad():
        for parameter in deeper.parameters():
            parameter.sub_(0.0 if parameter.grad is None else parameter.grad)
    return found | {"old scores": torch.equal(net(x), scores)}


def inserted(make, copied=True):
    """A solution that inserts make(width)."""

    def solution(net, position):
        old = copy.deepcopy(net) if copied else net
        return nn.Sequential(*old[:position], make(net[1].out_features), *old[position:])

    return solution


def identity_block(width, skip="inside", start="identity"):
    return nets.initialise(nets.Block(width, skip), start, seed=1)


def silenced(width):
    block = identity_block(width)
    block.skip = "none"
    return block


def all_at_zero(width):
    block = identity_block(width)
    nn.init.zeros_(block.first.weight)
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
        "nn.Identity has nothing that could learn": inserted(lambda width: nn.Identity()),
        "this block starts at PyTorch's own numbers, not at the identity": inserted(nets.Block),
        "this is the plain block that copies, with both W the identity matrix": inserted(
            lambda width: identity_block(width, "none")
        ),
        "the plain block at W = 0 is silent": inserted(silenced),
        "the outside form at the identity gets no gradient and sleeps": inserted(
            lambda width: identity_block(width, "outside")
        ),
        "the first layer is at zero, so only b[l+2] gets a gradient": inserted(all_at_zero),
        "both nets share their layers, so training the new one changes the old one": inserted(
            identity_block, copied=False
        ),
    },
    says={
        "entries of the old net": "the net that was handed in now has {got} entries and should "
        "still have {expected}; build a new nn.Sequential, and leave the old one",
        "layers with weights": "the new net has {got} layers with weights and should have "
        "{expected}",
        "place": "the first new entry of the list is number {got} and should be number {expected}",
        "scores": "the scores have changed, so the new block does not start at the identity: "
        "{where} should be {expected}, and yours is {got}",
        "frozen": "{got} arrays of the new block are frozen (requires_grad is False), and "
        "{expected} should be",
        "reached": "{got} arrays of the new block get a gradient, and {expected} should: W[l+2] "
        "and b[l+2]",
        "old scores": "the old net's scores change when the new net is trained: they share layers",
    },
    tolerance=0.0,
)


ALL = tuple(itertools.product(nets.SKIPS, nets.STARTS))
OWN, SAME = "each arm's own best of a few", "the same for all arms"


def design(given):
    """Count what a plan can tell apart, and what it has of seeds and learning rates."""
    arms, seeds, rate = (given[name] for name in ("arms", "seeds", "learning rate"))
    if arms is None or ... in given.values():
        return None
    if not isinstance(arms, list | tuple | set):
        raise Mistake(f"the arms are a list of pairs, and yours is of type {type(arms).__name__}")
    if isinstance(seeds, bool) or not isinstance(seeds, int):
        wanted = "seeds is the number of nets in each arm, a whole number"
        raise Mistake(f"{wanted}, and yours is {seeds!r:.40}")
    for arm in arms:
        if tuple(arm) not in ALL:
            wanted = f"an arm is a pair of one of {nets.SKIPS} and one of {nets.STARTS}"
            raise Mistake(f"{wanted}, and yours is {arm!r:.40}")
    if rate not in (OWN, SAME):
        raise Mistake(f"the learning rate is {OWN!r} or {SAME!r}, and yours is {rate!r:.40}")
    arms = {tuple(arm) for arm in arms}
    pairs = [[a == b for a, b in zip(*two, strict=True)] for two in itertools.combinations(arms, 2)]
    return {
        "arms that differ in the skip alone": float([False, True] in pairs),
        "arms that differ in the start alone": float([True, False] in pairs),
        "arms": len(arms),
        "seeds": min(seeds, 5),
        "learning rate": float(rate == OWN),
    }


def planned(*arms, seeds=5, rate=OWN):
    return {"arms": list(arms), "seeds": seeds, "learning rate": rate}


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
        "arms": "{got} arms leave open whether a skip has the same effect at every start, and "
        "{expected} do not",
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
    if mended is None or mended is ...:
        return mended
    if not (isinstance(mended, nn.Sequential) and len(mended) == len(net)):
        raise Mistake(f"it should return the net, an nn.Sequential of {len(net)} entries")
    block = mended[BLOCK]
    if not isinstance(block, nets.Block):
        gone = f"entry {BLOCK} of the net is now of type {type(block).__name__}"
        raise Mistake(f"the block is gone: {gone}")
    found = {
        "others": changed(mended, old),
        "layers": linear_layers(mended),
        "scores": mended(x).detach(),
    }
    loss(mended, x).backward()
    return found | {"frozen": frozen(block), "reached": reached(block)}


def repaired(skip="inside", shortcut=True, zero=("second",)):
    """A repair of some of the mistakes."""

    def solution(net):
        block = net[BLOCK]
        block.skip = skip or block.skip
        block.Ws = nn.Identity() if shortcut else block.Ws
        for name in zero:
            nn.init.zeros_(block.get_submodule(name).weight)
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
        "layers": "the net has {got} layers with weights, one on the shortcut, and should have "
        "{expected}",
        "scores": "the block is not the identity: {where} should be {expected}, and yours is {got}",
        "frozen": "{got} arrays of the block are frozen (requires_grad is False), and {expected} "
        "should be",
        "reached": "{got} arrays of the block get a gradient, and {expected} should: W[l+2] and "
        "b[l+2]",
    },
    tolerance=1e-5,
)
