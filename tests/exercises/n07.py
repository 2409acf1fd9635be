"""What people hand in for notebook 7: {exercise: {name: (solution, words of its own answer)}}."""

import copy
from itertools import chain

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cosine_similarity, cross_entropy
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from helpers import nets, probes


def gradient(net, x, y):
    net.zero_grad()
    cross_entropy(net(x), y).backward()
    return parameters_to_vector(parameter.grad for parameter in net.parameters()).clone()


def two_gradients(net, x, y, step, move=lambda g, step: -step * g / g.norm(), take=gradient):
    """Both gradients, before and after a step of a copy."""
    net = copy.deepcopy(net)
    before = take(net, x, y)
    with torch.no_grad():
        start = parameters_to_vector(net.parameters())
        vector_to_parameters(start + move(before, step), net.parameters())
    return before, take(net, x, y)


def compared(compare, **how):
    return lambda net, x, y, step: compare(*two_gradients(net, x, y, step, **how))


def cosine(before, after):
    return (before @ after / (before.norm() * after.norm())).item()


def by_probes(net, x, y, step):
    net = copy.deepcopy(net)
    before = probes.gradient(net, x, y)
    with probes.moved(net, -step * before / before.norm()):
        return cosine(before, probes.gradient(net, x, y))


def no_copy(net, x, y, step):
    before = gradient(net, x, y)
    with torch.no_grad():
        start = parameters_to_vector(net.parameters())
        vector_to_parameters(start - step * before / before.norm(), net.parameters())
    return cosine(before, gradient(net, x, y))


def back_by_adding(net, x, y, step):
    before = gradient(net, x, y)
    with torch.no_grad():
        start = parameters_to_vector(net.parameters())
        vector_to_parameters(start - step * before / before.norm(), net.parameters())
    after = gradient(net, x, y)
    with torch.no_grad():
        moved = parameters_to_vector(net.parameters())
        vector_to_parameters(moved + step * before / before.norm(), net.parameters())
    return cosine(before, after)


def only_weights_put_back(net, x, y, step):
    before, start = gradient(net, x, y), parameters_to_vector(net.parameters()).detach()
    vector_to_parameters(start - step * before / before.norm(), net.parameters())
    after = gradient(net, x, y)
    vector_to_parameters(start, net.parameters())
    return cosine(before, after)


def first_gradient_from_the_net(net, x, y, step):
    before = gradient(net, x, y)
    return cosine(before, two_gradients(net, x, y, step)[1])


def left_in_evaluation_mode(net, x, y, step):
    found = cosine(*two_gradients(net, x, y, step))
    net.eval()
    return found


def in_evaluation_mode(net, x, y, step):
    return cosine(*two_gradients(copy.deepcopy(net).eval(), x, y, step))


def accumulated(net, x, y, step):
    net = copy.deepcopy(net)
    cross_entropy(net(x), y).backward()
    before = torch.cat([parameter.grad.flatten() for parameter in net.parameters()])
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.sub_(step * parameter.grad / before.norm())
    cross_entropy(net(x), y).backward()
    after = torch.cat([parameter.grad.flatten() for parameter in net.parameters()])
    return cosine(before, after)


def the_same_array(net, x, y, step):
    net = copy.deepcopy(net)
    cross_entropy(net(x), y).backward()
    before = [parameter.grad for parameter in net.parameters()]  # no copies: these are filled again
    length = torch.cat([g.flatten() for g in before]).norm()
    with torch.no_grad():
        for parameter, g in zip(net.parameters(), before, strict=True):
            parameter.sub_(step * g / length)
    net.zero_grad(set_to_none=False)
    cross_entropy(net(x), y).backward()
    after = [parameter.grad for parameter in net.parameters()]
    return cosine(*(torch.cat([g.flatten() for g in some]) for some in (before, after)))


def of_matrices(net, x, y, step):
    net = copy.deepcopy(net)
    kernels = [parameter for parameter in net.parameters() if parameter.dim() > 1]

    def slope():
        return parameters_to_vector(torch.autograd.grad(cross_entropy(net(x), y), kernels))

    before, start = slope(), parameters_to_vector(kernels).detach()
    vector_to_parameters(start - step * before / before.norm(), kernels)
    return cosine(before, slope())


def array_by_array(net, x, y, step):
    net = copy.deepcopy(net)
    before = torch.autograd.grad(cross_entropy(net(x), y), [*net.parameters()])
    with torch.no_grad():
        for parameter, g in zip(net.parameters(), before, strict=True):
            parameter.sub_(step * g / g.norm())
    after = torch.autograd.grad(cross_entropy(net(x), y), [*net.parameters()])
    return cosine(*(torch.cat([g.flatten() for g in some]) for some in (before, after)))


def mean_of_cosines(net, x, y, step):
    net = copy.deepcopy(net)
    before = torch.autograd.grad(cross_entropy(net(x), y), [*net.parameters()])
    length = parameters_to_vector(before).norm()
    with torch.no_grad():
        for parameter, g in zip(net.parameters(), before, strict=True):
            parameter.sub_(step * g / length)
    after = torch.autograd.grad(cross_entropy(net(x), y), [*net.parameters()])
    pairs = zip(before, after, strict=True)
    return np.mean([cosine(one.flatten(), other.flatten()) for one, other in pairs])


def of_weights(net, x, y, step):
    before, start = gradient(copy.deepcopy(net), x, y), parameters_to_vector(net.parameters())
    return cosine(start, start - step * before / before.norm())


def of_the_images(net, x, y, step):
    def slope(net, x, y):
        x = x.clone().requires_grad_()
        return torch.autograd.grad(cross_entropy(net(x), y), x)[0].flatten()

    before, moved = slope(copy.deepcopy(net), x, y), copy.deepcopy(net)
    g = gradient(moved, x, y)
    start = parameters_to_vector(moved.parameters()).detach()
    vector_to_parameters(start - step * g / g.norm(), moved.parameters())
    return cosine(before, slope(moved, x, y))


def of_probabilities(net, x, y):
    net.zero_grad()
    cross_entropy(net(x).softmax(1), y).backward()
    return parameters_to_vector(parameter.grad for parameter in net.parameters()).clone()


def of_a_layer(choose):
    def take(net, x, y):
        gradient(net, x, y)
        return parameters_to_vector(p.grad for p in choose(net).parameters())

    def solution(net, x, y, step):
        net = copy.deepcopy(net)
        before, whole = take(net, x, y), gradient(net, x, y)
        start = parameters_to_vector(net.parameters()).detach()
        vector_to_parameters(start - step * whole / whole.norm(), net.parameters())
        return cosine(before, take(net, x, y))

    return solution


def not_for_a_step_of_1(net, x, y, step):
    return cosine(*two_gradients(net, x, y, min(step, 0.3)))


def by_functional_call(net, x, y, step):
    start = {name: parameter.detach().clone() for name, parameter in net.named_parameters()}
    statistics = {name: buffer.clone() for name, buffer in net.named_buffers()}

    def loss(parameters):
        scores = torch.func.functional_call(net, (parameters, copy.deepcopy(statistics)), (x,))
        return cross_entropy(scores, y)

    before = torch.func.grad(loss)(start)
    length = sum(g.square().sum() for g in before.values()) ** 0.5
    moved = {name: array - step * before[name] / length for name, array in start.items()}
    after = torch.func.grad(loss)(moved)
    product = sum((before[name] * after[name]).sum() for name in start)
    return product / length / sum(g.square().sum() for g in after.values()) ** 0.5


def by_sgd(net, x, y, step):
    net = copy.deepcopy(net)
    before = gradient(net, x, y)
    torch.optim.SGD(net.parameters(), lr=step / before.norm().item()).step()
    return cosine_similarity(before, gradient(net, x, y), dim=0)


def by_numpy(net, x, y, step):
    before, after = (g.numpy() for g in two_gradients(net, x, y, step))
    return np.dot(before, after) / np.linalg.norm(before) / np.linalg.norm(after)


def by_unit_vectors(net, x, y, step):
    before, after = two_gradients(net, x, y, step)
    return nn.functional.normalize(before, dim=0) @ nn.functional.normalize(after, dim=0)


def all_put_back(net, x, y, step):
    old = copy.deepcopy(net.state_dict())
    found = no_copy(net, x, y, step)
    net.load_state_dict(old)
    return found


def two_copies(net, x, y, step):
    one, other = copy.deepcopy(net), copy.deepcopy(net)
    loss = nn.CrossEntropyLoss(reduction="sum")  # a longer gradient, and the same direction
    loss(one(x), y).backward()
    length = sum(p.grad.square().sum() for p in one.parameters()).sqrt()
    for moved, start in zip(other.parameters(), one.parameters(), strict=True):
        moved.data -= step / length * start.grad
    loss(other(x), y).backward()
    rows = [torch.cat([p.grad.flatten() for p in a.parameters()]) for a in (one, other)]
    return cosine_similarity(*(row[None] for row in rows))


def blocks(net):
    return [place for place, part in enumerate(net) if isinstance(part, nets.Block)]


def from_0(net, number):
    place = blocks(net)[number]
    return nn.Sequential(*net[:place], *net[place + 1 :])


def one_before(net, number):
    place = blocks(net)[number - 2]
    return nn.Sequential(*net[:place], *net[place + 1 :])


def from_the_end(net, number):
    place = blocks(net)[-number]
    return nn.Sequential(*net[:place], *net[place + 1 :])


def entry(net, number):
    return nn.Sequential(*net[:number], *net[number + 1 :])


def entry_from_3(net, number):
    return nn.Sequential(*net[: number + 2], *net[number + 3 :])


def cut_off(net, number):
    places = blocks(net)
    return nn.Sequential(*net[: places[number - 1]], *net[places[-1] + 1 :])


def from_there_on(net, number):
    places = blocks(net)
    return nn.Sequential(*net[: places[0]], *net[places[number - 1] + 1 :])


def only_that_one(net, number):
    places = blocks(net)
    return nn.Sequential(*net[: places[0]], net[places[number - 1]], *net[places[-1] + 1 :])


def no_blocks(net, number):
    return nn.Sequential(*(part for part in net if not isinstance(part, nets.Block)))


def nothing(net, number):
    return copy.deepcopy(net)


def the_block(net, number):
    return net[blocks(net)[number - 1]]


def the_popped(net, number):
    return net.pop(blocks(net)[number - 1])


def popped(net, number):
    net.pop(blocks(net)[number - 1])
    return net


def identity_in_the_old(net, number):
    net[blocks(net)[number - 1]] = nn.Identity()
    return net


def silenced(net, number):
    net = copy.deepcopy(net)
    last = [*net[blocks(net)[number - 1]].second.modules()][-1]
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    return net


def silenced_in_the_old(net, number):
    last = [*net[blocks(net)[number - 1]].second.modules()][-1]
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    place = blocks(net)[number - 1]
    return nn.Sequential(*net[:place], *net[place + 1 :])


def other_skip(net, number):
    net = copy.deepcopy(net)
    block = net[blocks(net)[number - 1]]
    block.skip = "inside" if block.skip == "none" else "none"
    return net


def fresh(net, number):
    net = copy.deepcopy(net)
    nets.initialise(net[blocks(net)[number - 1]], "he", seed=number - 1)
    return net


def neighbour_twice(net, number):
    net, places = copy.deepcopy(net), blocks(net)
    net[places[number - 1]] = net[places[number - 2 if number > 1 else number]]
    return net


def two_blocks(net, number):
    place = blocks(net)[number - 1]
    return nn.Sequential(*net[: place - 1], *net[place + 1 :])


def ready_made(net, number):
    return probes.without(net, [number])


def a_list(net, number):
    place = blocks(net)[number - 1]
    return [*net[:place], *net[place + 1 :]]


def scores(net, number):
    place = blocks(net)[number - 1]
    return nn.Sequential(*net[:place], *net[place + 1 :])(torch.zeros(1, 1, 8, 8))


def without_head(net, number):
    place = blocks(net)[number - 1]
    return nn.Sequential(*net[:place], *net[place + 1 : -1])


def by_slices(net, number):
    place = blocks(net)[number - 1]
    return net[:place] + net[place + 1 :]


def by_del(net, number):
    smaller = copy.deepcopy(net)
    del smaller[blocks(net)[number - 1]]
    return smaller


def by_counting(net, number):
    parts, count = [], 0
    for part in net:
        count += isinstance(part, nets.Block)
        if not (isinstance(part, nets.Block) and count == number):
            parts.append(part)
    return nn.Sequential(*parts)


def by_identity(net, number):
    smaller = copy.deepcopy(net)
    smaller[blocks(net)[number - 1]] = nn.Identity()
    return smaller


def by_the_object(net, number):
    removed = [part for part in net if isinstance(part, nets.Block)][number - 1]
    return nn.Sequential(*filter(lambda part: part is not removed, net.children()))


class Skipping(nn.Module):
    """The whole net, which leaves out an entry on its way."""

    def __init__(self, net, place):
        super().__init__()
        self.net, self.place = net, place

    def forward(self, a):
        for part in chain(self.net[: self.place], self.net[self.place + 1 :]):
            a = part(a)
        return a


def by_a_module(net, number):
    return Skipping(net, blocks(net)[number - 1])


def spoiling(spoil):
    """Delete a block as asked, and do something to the net that was handed in."""

    def solution(net, number):
        smaller = by_slices(net, number)
        spoil(net)
        return smaller

    return solution


def freezing(net, x, y, step):
    cosine = two_copies(net, x, y, step)
    net.requires_grad_(False)
    return cosine


def without_momentum(net, x, y, step):
    cosine = two_copies(net, x, y, step)
    net[0][1].momentum = 0.0
    return cosine


WRONG = {
    "cosine_after_step": {
        "freezes the net": (freezing, "requires_grad of 0.0.weight was True and is now False"),
        "another momentum": (without_momentum, "momentum of entry 0.1 was 0.1 and is now 0.0"),
        "uphill": (compared(cosine, move=lambda g, s: s * g / g.norm()), "the step goes uphill"),
        "not normalised": (
            compared(cosine, move=lambda g, s: -s * g),
            "so the step is step x norm",
        ),
        "divided by the square": (
            compared(cosine, move=lambda g, s: -s * g / g.norm() ** 2),
            "a step of 0.1, the cosine should be 0.6285, and yours is 0.8699",
        ),
        "signs": (compared(cosine, move=lambda g, s: -s * g.sign()), "only the signs"),
        "always 0.01": (
            compared(cosine, move=lambda g, s: -0.01 * g / g.norm()),
            "the step is 0.01 long, whatever the argument says",
        ),
        "no step": (compared(cosine, move=lambda g, s: 0 * g), "no step was taken"),
        "the same array": (the_same_array, "into the .grad that was kept, which needs a copy: for"),
        "the matrices alone": (of_matrices, "neither move nor are compared"),
        "array by array": (array_by_array, "each array is divided by its own norm"),
        "accumulated": (accumulated, "as backward() does if .grad is not cleared"),
        "product": (compared(torch.dot), "this is the product of the two gradients"),
        "square of the first norm": (
            compared(lambda a, b: a @ b / (a @ a)),
            "the square of the first norm",
        ),
        "radians": (compared(lambda a, b: np.arccos(cosine(a, b))), "the angle in radians"),
        "degrees": (compared(lambda a, b: np.degrees(np.arccos(cosine(a, b)))), "in degrees"),
        "distance": (compared(lambda a, b: 1 - cosine(a, b)), "this is 1 minus the cosine"),
        "absolute": (compared(lambda a, b: abs(cosine(a, b))), "takes its absolute value"),
        "mean of cosines": (mean_of_cosines, "each array has a cosine of its own here"),
        "first layer": (of_a_layer(lambda net: net[0][0]), "the gradient of the first layer only"),
        "last layer": (of_a_layer(lambda net: net[-1]), "the gradient of the last layer only"),
        "weights": (of_weights, "compares the weights before and after"),
        "of the images": (of_the_images, "the cosine should be"),
        "evaluation mode": (in_evaluation_mode, "the net is in evaluation mode"),
        "softmax twice": (compared(cosine, take=of_probabilities), "softmax is taken twice"),
        "a step of 1": (
            not_for_a_step_of_1,
            "but for a plain net of 14 layers and a step of 1, the",
        ),
        "by probes": (by_probes, "it calls probes.gradient in line 3, which is ready-made"),
        "no copy": (no_copy, "arrays of weights of the net are not what they were"),
        "back by adding": (back_by_adding, "arrays of weights of the net are not what they were"),
        "weights put back": (only_weights_put_back, "running statistics of the net are not what"),
        "first gradient from the net": (first_gradient_from_the_net, "running statistics of the"),
        "left in evaluation mode": (
            left_in_evaluation_mode,
            "training of the net was True and is now False; leave it",
        ),
        "both gradients": (two_gradients, "cosine has shape (2, 1320) and should be one number"),
        "one by one": (
            compared(lambda a, b: a * b),
            "cosine has shape (1320,) and should be one number",
        ),
        "in words": (lambda net, x, y, step: "0.09", "it should give numbers, and gives a str"),
        "prints": (lambda net, x, y, step: print(0.09), "ends without return"),
    },
    "without_block": {
        "freezes the net": (
            spoiling(lambda net: net.requires_grad_(False)),
            "requires_grad of 1.weight was True and is now False; leave it",
        ),
        "another mode": (
            spoiling(nn.Module.train),
            "training of the net was False and is now True",
        ),
        "another block in the old net": (
            spoiling(lambda net: net.__setitem__(-2, copy.deepcopy(net[-2]))),
            "was a Block and is now another one; leave it as it is, and work on a copy",
        ),
        "the ends alone": (lambda net, number: net[:2], "scores has shape (24, 12)"),
        "without its start": (
            lambda net, number: net[2:],
            "the net that it returns raises Runtime",
        ),
        "from 0": (from_0, "this counts from 0"),
        "one before": (one_before, "this removes the block before it"),
        "from the end": (from_the_end, "this counts from the end"),
        "entry": (entry, "this removes an entry of the list with that number"),
        "blocks from entry 3": (
            entry_from_3,
            "and this counts 3 in both: for block 8 of a convolutional net with 9 blocks",
        ),
        "blocks from entry 2": (
            lambda net, number: nn.Sequential(*net[: number + 1], *net[number + 2 :]),
            "and this counts 2 in both: for block 2 of a residual net with 4 blocks",
        ),
        "cut off": (cut_off, "the block and all blocks after it"),
        "from there on": (from_there_on, "the block and all blocks before it"),
        "only that one": (only_that_one, "this keeps that block and removes the others"),
        "no blocks": (no_blocks, "this removes all blocks"),
        "nothing": (nothing, "nothing is removed"),
        "the block": (the_block, "it returns the block that is removed"),
        "the popped block": (the_popped, "it returns the block that is removed"),
        "popped": (popped, "the number of its entries was 8 and is now 7; leave it"),
        "Identity in the old net": (
            identity_in_the_old,
            "the object at entry 4 was a Block and is now an Identity",
        ),
        "silenced": (silenced, "the block is silenced, not removed"),
        "silenced in the old net": (
            silenced_in_the_old,
            "entry [0, 0] of 4.second.weight was -0.62 and is now 0",
        ),
        "other skip": (other_skip, "and only its skip has changed"),
        "fresh": (fresh, "the block is there, with new numbers"),
        "neighbour twice": (neighbour_twice, "but its neighbour is there twice"),
        "two blocks": (two_blocks, "the scores are not those of the net without the block"),
        "without the head": (without_head, "scores has shape (24, 12) and should have (24, 10)"),
        "ready-made": (ready_made, "it calls probes.without in line 2, which is ready-made"),
        "a list": (a_list, "it should return a net, and returns a list"),
        "scores": (scores, "it should return a net, and returns a tensor"),
        "a net": (nets.fully_connected(8), "raises TypeError"),
    },
    "broken_claim": {
        "P": ("P", "P holds"),
        "Q": ("Q", "Q holds"),
        "R": ("R", "R holds"),
        "T": ("T", "T holds"),
        "U": ("U", "U holds"),
        "small": ("r", "R holds"),
        "in words": ("claim u", "U holds"),
        "with a stop": (" (T). ", "T holds"),
        "beyond": ("V", "one letter from P to U, and yours is 'V'"),
        "two": ("PQ", "and yours is 'PQ'"),
        "two of them": ("Q, S", "and yours is 'Q, S'"),
        "all": ("P to U", "and yours is 'P to U'"),
        "none": ("none", "and yours is 'none'"),
        "a Greek letter": ("\u0391", "one letter from P to U, and yours is '\u0391'"),
        "a sentence": ("S is broken, since plain nets can", "and yours is 'S is broken, since"),
        "empty": ("", "and yours is ''"),
        "a place": (3, "it should be one letter in quotes, and yours is an int"),
        "a list": (["S"], "in quotes, and yours is a list of 1"),
        "a set": ({"S"}, "in quotes, and yours is a set"),
        "True": (True, "in quotes, and yours is a bool"),
        "bytes": (b"S", "in quotes, and yours is a bytes"),
        "a function": (by_del, "in quotes, and yours is a function"),
    },
}
RIGHT = {
    "cosine_after_step": [
        by_functional_call,
        by_sgd,
        by_numpy,
        by_unit_vectors,
        all_put_back,
        two_copies,
    ],
    "without_block": [by_slices, by_del, by_counting, by_identity, by_the_object, by_a_module],
    "broken_claim": ["S", "s", " S ", "claim S", "(S)", "S."],
}
