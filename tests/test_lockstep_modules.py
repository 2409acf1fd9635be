"""Many nets together against each alone: modules as readers may write them, and shortcuts."""

import brightest
import pytest
import torch
from brightest import Tail, Together, assert_equal_alone, seeded, stem

from helpers.lockstep.stack import groups

data = brightest.data


class PreActivation(torch.nn.Module):
    """What the ReLU takes is needed again by the shortcut."""

    def __init__(self):
        super().__init__()
        self.first = torch.nn.Linear(16, 16)

    def forward(self, a):
        return self.first(torch.relu(a)) + a


class Nested(PreActivation):
    """One shortcut around another."""

    def forward(self, a):
        return (torch.relu(self.first(a)) + a) + a


def tied():
    net = stem(
        torch.nn.Linear(16, 16), torch.nn.ReLU(), torch.nn.Linear(16, 16), torch.nn.Linear(16, 10)
    )
    net[5].weight = net[3].weight
    return net


class Scaled(torch.nn.Module):
    """A module of the reader's own, with a parameter of its own that starts equal in all nets."""

    def __init__(self, units=1):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(units))

    def forward(self, a):
        return self.scale * a


class Switched(torch.nn.Module):
    """A skip that str(net) does not show."""

    def __init__(self, skip):
        super().__init__()
        self.layer, self.skip = torch.nn.Linear(16, 16), skip

    def forward(self, a):
        return self.layer(a) + self.skip * a


class Masked(torch.nn.Module):
    """Some connections are cut; which ones, a plain attribute knows, in any of the ways of
    ``KEPT``.
    """

    def __init__(self, kept, read):
        super().__init__()
        self.kept, self.read = kept, read

    def forward(self, a):
        return a.flatten(1) @ self.read(self.kept)


class OnlyInTraining(PreActivation):
    def forward(self, a):
        return self.first(a) if self.training else super().forward(a)


class Halved(torch.autograd.Function):
    """A ReLU with a gradient of its own."""

    generate_vmap_rule = True

    @staticmethod
    def forward(a):
        return torch.relu(a)

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass

    @staticmethod
    def backward(ctx, gradient):
        return gradient / 2


def partly_without_gradient(last, a):
    with torch.no_grad():
        kept = last(a)
    return last(a) + kept


def far_apart(last, a):
    """exp of such scores is infinite, in double precision too."""
    for _ in range(12):
        a = a + a
    return last(a)


TAILS = {
    "a gradient of its own": lambda last, a: last(Halved.apply(a)),
    "a part without gradient": partly_without_gradient,
    "a part detached": lambda last, a: last(a) + last(a).detach(),
    "one number added to all": lambda last, a: (
        last(a) + torch.nn.functional.linear(a, last.weight[:1])
    ),
    "a sum scaled": lambda last, a: torch.add(last(a), last(a), alpha=2),
    "scores far apart": far_apart,
    "scores in place": lambda last, a: last(a).relu_() * 1,
    "a layer without bias": lambda last, a: torch.nn.functional.linear(a, last.weight),
    "a layer taken twice": lambda last, a: last(a) + last(2 * a),
    "a value added to itself": lambda last, a: torch.add(last(a), last(a)),
    "a number added": lambda last, a: last(torch.relu(a) + 1),
    "a value without use": lambda last, a: (last(a), last(torch.relu(a)))[1],
    "the examples expected first": lambda last, a: last(a - a.mean(dim=1, keepdim=True)).view(
        len(a), 10
    ),
    "two ReLUs of one value": lambda last, a: last(torch.relu(a) + torch.relu(a)),
    "a branch": lambda last, a: last(a) if a.ndim == 2 else last(-a),
    "a function without numbers": lambda last, a: last(torch.tanh(a)),
}


@pytest.mark.parametrize("tail", TAILS)
def test_unusual_nets_together_equal_each_alone(data, tail):
    assert_equal_alone(seeded(lambda: stem(Tail(TAILS[tail]))), data, 1e-9)


class Pair(torch.nn.Module):
    """A part that takes two values, and one that makes two."""

    class Add(torch.nn.Module):
        def forward(self, a, b):
            return a + b

    class Both(torch.nn.Module):
        def forward(self, a):
            return a, 2 * a

    def __init__(self):
        super().__init__()
        self.both, self.add = self.Both(), self.Add()

    def forward(self, a):
        assert a.ndim == 2, "examples and units"
        return self.add(*self.both(a))


def silent(net):
    """The same net, with scores that are 0 whatever stands before the last layer."""
    for parameter in net[-1].parameters():
        torch.nn.init.zeros_(parameter)
    return net


def circular():
    first = torch.nn.Conv2d(1, 4, 3, padding=1, padding_mode="circular")
    return silent(
        torch.nn.Sequential(
            torch.nn.Unflatten(1, (1, 8)),
            first,
            torch.nn.ReLU(),
            *stem()[:1],
            torch.nn.Linear(256, 10),
        )
    )


OWN = {
    "a mean of all examples": lambda: stem(Together(), torch.nn.Linear(16, 10)),
    "a mean of all examples in training": lambda: stem(
        Together(only_in=False), torch.nn.Linear(16, 10)
    ),
    "a mean of all examples when measured": lambda: stem(
        Together(only_in=True), torch.nn.Linear(16, 10)
    ),
    "what takes two and what makes two": lambda: stem(Pair(), torch.nn.Linear(16, 10)),
    "an edge of its own, at first unseen": circular,
    "a matrix shared by two layers": tied,
    "a number that all examples share": lambda: stem(Scaled(), torch.nn.Linear(16, 10)),
    "a number for each unit": lambda: stem(
        torch.nn.Linear(16, 3), Scaled(3), torch.nn.Linear(3, 10)
    ),
    "a number without an axis": lambda: stem(Scaled(()), torch.nn.Linear(16, 10)),
    "another way in training": lambda: stem(OnlyInTraining(), torch.nn.Linear(16, 10)).eval(),
}


@pytest.mark.parametrize("make", OWN.values(), ids=OWN)
def test_modules_of_the_readers_own_together_equal_each_alone(data, make):
    assert_equal_alone(seeded(make), data, 1e-9)


def test_switches_that_str_does_not_show_keep_nets_apart(data):
    def make():
        with torch.random.fork_rng():
            torch.manual_seed(0)
            return [stem(Switched(skip), torch.nn.Linear(16, 10)).double() for skip in (0, 1, 0, 1)]

    assert_equal_alone(make, data, 1e-9)


KEPT = {
    "a tensor": (lambda mask: mask, lambda kept: kept),
    "an array": (lambda mask: mask.numpy(), torch.as_tensor),
    "a tensor in a list": (lambda mask: [mask], lambda kept: kept[0]),
    "a tensor in a tuple in a dict": (
        lambda mask: {"mask": (mask, 1)},
        lambda kept: kept["mask"][0],
    ),
    "a module in a list": (
        lambda mask: [torch.nn.ParameterList([mask])],
        lambda kept: kept[0][0].detach(),
    ),
}


@pytest.mark.parametrize(("keep", "read"), KEPT.values(), ids=KEPT)
def test_large_tensors_that_differ_in_the_middle_keep_nets_apart(data, keep, read):
    """``str`` of a tensor of more than 1,000 numbers shows its corners only."""

    def make():
        masks = torch.ones(3, 64, 64, dtype=torch.float64)
        masks[1, 10:50, 10:50] = 0
        with torch.random.fork_rng():
            torch.manual_seed(0)
            return [
                torch.nn.Sequential(
                    Masked(keep(mask), read), stem(torch.nn.Linear(16, 10))
                ).double()
                for mask in masks
            ]

    assert_equal_alone(make, data, 1e-9)


def test_equal_tensors_do_not_keep_nets_apart():
    many = [torch.nn.Sequential(Masked([torch.ones(64, 64)], None)) for _ in range(3)]
    many[1][0].kept[0][20, 20] += 1e-6  # str shows four digits
    assert groups(many) == [[0, 2], [1]]


class Shifted(torch.nn.Module):
    """A layer whose settings do not say how many numbers it has."""

    def __init__(self, numbers):
        super().__init__()
        self.b = torch.nn.Parameter(torch.zeros(numbers))

    def forward(self, a):
        return a + self.b


APART = {
    "frozen": lambda: Shifted(4).requires_grad_(False),
    "of other precision": lambda: Shifted(4).double(),
    "of another shape": lambda: Shifted(1),
    "elsewhere": lambda: Shifted(4).to("meta"),
}


@pytest.mark.parametrize("other", APART.values(), ids=APART)
def test_parameters_that_differ_keep_nets_apart(other):
    assert groups([Shifted(4), other(), Shifted(4)]) == [[0, 2], [1]]


@pytest.mark.parametrize("inplace", [False, True])
def test_unusual_shortcuts_together_equal_each_alone(data, inplace):
    def make():
        blocks = (
            PreActivation(),
            PreActivation(),
            Nested(),
            torch.nn.ReLU(inplace=inplace),
            Nested(),
        )
        return torch.nn.Sequential(*stem(), *blocks, torch.nn.Linear(16, 10))

    assert_equal_alone(seeded(make), data, 1e-9)


@pytest.mark.parametrize("inplace", [False, True])
def test_shortcuts_around_shortcuts_together_equal_each_alone(data, inplace):
    def make():
        return stem(Nested(), Nested(), torch.nn.Linear(16, 10), inplace=inplace)

    assert_equal_alone(seeded(make), data, 1e-9)
