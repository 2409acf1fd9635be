"""What people hand in for notebook 3: {exercise: {name: (solution, words of its own answer)}}."""

import copy
from types import MappingProxyType

import numpy as np
import torch
from torch import nn

from helpers import nets


def he_start(net, position):
    block = nets.initialise(nets.Block(net[1].out_features), "he", seed=5)
    return nn.Sequential(*copy.deepcopy(net[:position]), block, *copy.deepcopy(net[position:]))


def pytorch_start(net, position):
    old = copy.deepcopy(net)
    return nn.Sequential(*old[:position], nets.Block(net[1].out_features), *old[position:])


def identity(net, skip="inside", width=None):
    return nets.initialise(nets.Block(width or net[1].out_features, skip), "identity")


def no_copy(net, position):
    return nn.Sequential(*net[:position], identity(net), *net[position:])


def in_place(net, position):
    net.insert(position, identity(net))
    return net


def appended(net, position):
    old = copy.deepcopy(net)
    return nn.Sequential(*old[:-1], identity(net), old[-1])


def one_too_far(net, position):
    old = copy.deepcopy(net)
    return nn.Sequential(*old[: position - 1], identity(net), *old[position - 1 :])


def width_16_only(net, position):
    old = copy.deepcopy(net)
    return nn.Sequential(*old[:position], identity(net, width=16), *old[position:])


def outside(net, position):
    old = copy.deepcopy(net)
    return nn.Sequential(*old[:position], identity(net, "outside"), *old[position:])


def plain(net, position):
    old = copy.deepcopy(net)
    block = identity(net)
    block.skip = "none"
    return nn.Sequential(*old[:position], block, *old[position:])


def nothing(net, position):
    return copy.deepcopy(net)


def without_weights(net, position):
    old = copy.deepcopy(net)
    return nn.Sequential(*old[:position], nn.Identity(), *old[position:])


def all_zero(net, position):
    old, block = copy.deepcopy(net), nets.Block(net[1].out_features)
    for parameter in block.parameters():
        nn.init.zeros_(parameter)
    return nn.Sequential(*old[:position], block, *old[position:])


def asleep(net, position):
    deeper = inserted_copy(net, position)
    deeper[position].requires_grad_(False)
    return deeper


def inserted_copy(net, position):
    return copy.deepcopy(net).insert(position, identity(net))


def without_stars(net, position):
    return nn.Sequential(net[:position], identity(net), net[position:])


def bias_left(net, position):
    deeper = inserted_copy(net, position)
    nn.init.ones_(deeper[position].second.bias)
    return deeper


def replaced(net, position):
    old = copy.deepcopy(net)
    old[position] = identity(net)
    return old


def a_list(net, position):
    return [*net[:position], identity(net), *net[position:]]


def by_hand(net, position):
    parts, block = [copy.deepcopy(part) for part in net], nets.Block(net[1].out_features)
    with torch.no_grad():
        block.second.weight[:], block.second.bias[:] = 0, 0
    parts.insert(position, block)
    return nn.Sequential(*parts)


def by_insert(net, position):
    deeper = copy.deepcopy(net)
    return deeper.insert(
        position, nets.initialise(nets.Block(net[-1].in_features), "identity", seed=42)
    )


class OwnBlock(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))
        self.layers[2].weight.data.mul_(0)
        self.layers[2].bias.data.mul_(0)

    def forward(self, a):
        return (self.layers(a) + a).clamp(min=0)


def own_class(net, position):
    old = copy.deepcopy(net)
    return nn.Sequential(*old[:position], OwnBlock(net[1].out_features), *old[position:])


def only_zero(net):
    nn.init.zeros_(net[3].second.weight)
    return net


def zero_and_skip(net):
    net[3].skip = "inside"
    return only_zero(net)


def unchanged(net):
    return net


def sleeping(net):
    net[3].skip, net[3].Ws = "outside", nn.Identity()
    return only_zero(net)


def removed(net):
    return nn.Sequential(*net[:3], *net[4:])


def switched_off(net):
    net[3] = nn.Identity()
    return net


def all_to_zero(net):
    for parameter in net[3].parameters():
        nn.init.zeros_(parameter)
    net[3].skip, net[3].Ws = "inside", nn.Identity()
    return net


def frozen(net):
    net[3].requires_grad_(False)
    net[3].Ws = nn.Identity()
    return zero_and_skip(net)


def shortcut_of_ones(net):
    if isinstance(net[3].Ws, nn.Linear):
        nn.init.eye_(net[3].Ws.weight)
        nn.init.zeros_(net[3].Ws.bias)
    return zero_and_skip(net)


def half_frozen(net):
    net = mended_copy(net)
    net[3].second.weight.requires_grad_(False)
    return net


def last_layer_at_zero(net):
    net = mended_copy(net)
    nn.init.zeros_(net[4].weight)
    return net


def in_place_on_a_leaf(net):
    net[3].second.weight.zero_()
    return net


def forgot_to_return(net):
    zero_and_skip(net)


def a_new_block(net):
    net[3] = nets.initialise(nets.Block(net[3].first.in_features, "inside"), "identity", seed=3)
    return net


def mended_copy(net):
    net = copy.deepcopy(net)
    block = net[3]
    block.skip, block.Ws = "inside", nn.Identity()
    nets.initialise(block, "identity", seed=11)
    return net


def piece_by_piece(net):
    block = net[3]
    if block.skip != "inside":
        block.skip = "inside"
    if not isinstance(block.Ws, nn.Identity):
        block.Ws = nn.Identity()
    with torch.no_grad():
        for parameter in block.second.parameters():
            parameter.mul_(0)
    return net


OWN, SAME = "each arm's own best of a few", "the same for all arms"
NINE = [
    (skip, start)
    for skip in ("none", "inside", "outside")
    for start in ("he", "identity", "pytorch")
]


def plan(arms, seeds=5, rate=OWN):
    return {"arms": arms, "seeds": seeds, "learning rate": rate}


def spoiling(spoil):
    def solution(net, position):
        deeper = inserted_copy(net, position)
        spoil(net)
        return deeper

    return solution


def other_skip(net):
    net[3].skip = "outside"


def with_a_hook(net):
    net.register_forward_hook(lambda module, given, out: None)


class Listed(nn.Module):
    """Its layers are in a Python list, so that the net does not know them."""

    def __init__(self, width):
        super().__init__()
        self.layers = [nn.Linear(width, width), nn.Linear(width, width)]
        nn.init.zeros_(self.layers[1].weight)
        nn.init.zeros_(self.layers[1].bias)

    def forward(self, a):
        return torch.relu(self.layers[1](torch.relu(self.layers[0](a))) + a)


class Detached(OwnBlock):
    def forward(self, a):
        return super().forward(a.detach())


class Gated(nn.Module):
    """Its branch is silent because of one number, and its layers have no b."""

    def __init__(self, width):
        super().__init__()
        self.first, self.second = (nn.Linear(width, width, bias=False) for _ in range(2))
        self.gate = nn.Parameter(torch.zeros(1))

    def forward(self, a):
        return torch.relu(a + self.gate * self.second(torch.relu(self.first(a))))


def of_class(kind):
    def solution(net, position):
        old = copy.deepcopy(net)
        return nn.Sequential(*old[:position], kind(net[1].out_features), *old[position:])

    return solution


def inserted_another(net):
    zero_and_skip(net)
    return net.insert(3, identity(net))


def froze_another(net):
    net = mended_copy(net)
    net[4].requires_grad_(False)
    return net


def copying(net):
    """A plain block with both W = I is the identity, too, and has no shortcut."""
    net[3] = nets.initialise(nets.Block(8, "none"), "identity")
    return net


def a_block_of_their_own(net):
    net[3] = OwnBlock(8)
    return net


WRONG = {
    "add_identity_block": {
        "freezes the old net": (
            spoiling(lambda net: net.requires_grad_(False)),
            "it changes the net that was handed in: requires_grad of 1.weight was True and is now",
        ),
        "changes a skip": (spoiling(other_skip), "skip of entry 3 was inside and is now outside"),
        "leaves a hook": (
            spoiling(with_a_hook),
            "the number of hooks of the net was 0 and is now 1",
        ),
        "leaves another mode": (
            spoiling(nn.Module.eval),
            "training of the net was True and is now",
        ),
        "a list of layers": (
            of_class(Listed),
            "nothing in it can learn (nn.Identity has none, and",
        ),
        "detached": (of_class(Detached), "for 20 images, and 0 should be, another gradient"),
        "too wide": (
            of_class(lambda width: nets.Block(9)),
            "the net that it returns raises Runtime",
        ),
        "He's start": (he_start, "so the new block does not start at the identity"),
        "PyTorch's start": (pytorch_start, "the scores have changed"),
        "no copy": (no_copy, "both nets share their layers"),
        "in place": (in_place, "the number of its entries was 6 and is now 7; leave it as it is"),
        "always at the end": (
            appended,
            "the first new entry of the list is number 5 and should be number 3",
        ),
        "one place too early": (one_too_far, "is number 2 and should be number 3"),
        "width 16 only": (
            width_16_only,
            "right for a block of width 16 early, a block of width 16 at the end, but",
        ),
        "outside": (outside, "gets no gradient and sleeps"),
        "plain": (plain, "the plain block at W = 0 is silent"),
        "nothing": (nothing, "no layers were added"),
        "nn.Identity": (
            without_weights,
            "the new entry has no parameters, so nothing in it can learn",
        ),
        "all zero": (all_zero, "only b[l+2] gets a gradient"),
        "frozen": (asleep, "4 arrays of the block are frozen"),
        "no stars": (without_stars, "the new net has 3 entries and should have 7"),
        "b not 0": (bias_left, "the scores have changed, so the new block"),
        "replaced": (replaced, "the new net has 6 layers with weights and should have 8"),
        "a list": (a_list, "returns a list"),
    },
    "repair": {
        "inserted": (inserted_another, "an nn.Sequential of 5 entries, and returns one of 6"),
        "another frozen": (froze_another, "1 of the entries outside the block were changed"),
        "a plain copy": (copying, "when all numbers of the block are halved, the scores of 20"),
        "only zero": (only_zero, "right for patient A, but for patient B"),
        "zero and skip": (
            zero_and_skip,
            "right for patient A, patient B, patient C, but for patient D",
        ),
        "unchanged": (unchanged, "nothing was repaired"),
        "outside": (sleeping, "the outside form is the identity at zero, and sleeps"),
        "removed": (removed, "an nn.Sequential of 5 entries"),
        "switched off": (
            switched_off,
            "the net has 2 layers with weights and should have 4: two outside",
        ),
        "all zero": (all_to_zero, "the first layer is at zero, so"),
        "frozen": (frozen, "4 arrays of the block are frozen"),
        "Ws = I": (
            shortcut_of_ones,
            "the net has 5 layers with weights and should have 4: two outside",
        ),
        "half frozen": (half_frozen, "1 arrays of the block are frozen"),
        "another layer": (last_layer_at_zero, "1 of the entries outside the block"),
        "in place": (in_place_on_a_leaf, "it raises RuntimeError in line 2: a leaf Variable"),
        "no return": (forgot_to_return, "ends without return"),
    },
    "plan": {
        "a set for an arm": (
            plan([set(arm) for arm in NINE]),
            "an arm is a pair of one of ('none', 'inside', 'outside') and one of ('pytorch', 'he'",
        ),
        "no learning rate": (
            {"arms": NINE, "seeds": 5},
            "there is no entry 'learning rate'; the 3 entries are: arms, seeds, learning rate",
        ),
        "a list": (
            [NINE, 5, OWN],
            "it should be a dictionary of 3 entries, and yours is a list of 3",
        ),
        "both at once": (
            plan([("none", "he"), ("inside", "identity")]),
            "the two arms differ in the skip and in the start",
        ),
        "only the skip": (
            plan([("none", "he"), ("inside", "he")]),
            "0 pairs of arms that differ in the start alone",
        ),
        "only the start": (
            plan([("inside", "he"), ("inside", "identity")]),
            "0 pairs of arms that differ in the skip alone",
        ),
        "two by two": (plan([NINE[0], NINE[1], NINE[3], NINE[4]]), "4 arms leave some skip"),
        "eight arms": (plan(NINE[:8]), "8 arms leave some skip untried"),
        "without outside": (
            plan([arm for arm in NINE if arm[0] != "outside"]),
            "6 arms leave some skip untried",
        ),
        "one seed": (plan(NINE, seeds=1), "the number of seeds is 1"),
        "one learning rate": (plan(NINE, rate=SAME), "with 1 learning rate for all"),
        "a generator": (
            plan(arm for arm in NINE),
            "the arms are a list of pairs, and yours is of type generator",
        ),
        "a number of arms": (plan(9), "and yours is of type int"),
        "a range of seeds": (plan(NINE, seeds=range(5)), "and yours is range(0, 5)"),
        "other words": (plan([("plain", "he")]), "and yours is ('plain', 'he')"),
        "a number as the rate": (plan(NINE, rate=0.003), "and yours is 0.003"),
        "no arms": (plan([]), "0 pairs of arms"),
        "one arm": (plan(("none", "he")), "and yours is 'none'"),
    },
}
RIGHT = {
    "add_identity_block": [of_class(Gated), by_hand, by_insert, own_class],
    "repair": [a_block_of_their_own, a_new_block, mended_copy, piece_by_piece],
    "plan": [
        plan(dict.fromkeys(NINE), seeds=np.int64(5)),
        plan(np.array(NINE), seeds=torch.tensor(5)),
        MappingProxyType(plan(frozenset(NINE), seeds=5.0)),
        plan(NINE),
        plan(tuple(NINE[::-1]), seeds=20),
        plan([list(arm) for arm in NINE], seeds=7),
    ],
}
