"""Many nets together against each alone: normalisations and convolutions."""

import brightest
import pytest
import torch
from brightest import assert_equal_alone, seeded, stem, with_channel

from helpers.lockstep.pixels import Normalise

data = brightest.data


def test_a_second_derivative_of_the_normalisation_is_refused_and_never_wrong():
    x = torch.randn(6, 2, generator=torch.manual_seed(0), requires_grad=True)
    y, *_ = Normalise.apply(x, torch.ones(2), torch.zeros(2), 1e-5)
    (slope,) = torch.autograd.grad((y**3).sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        slope.sum().backward()


@pytest.mark.parametrize(
    "change",
    [
        {"affine": False},
        {"track_running_stats": False},
        lambda norm: setattr(norm, "track_running_stats", False),  # the buffers are still there
        lambda norm: setattr(norm, "bias", None),
        lambda norm: norm.weight.requires_grad_(False),
    ],
    ids=["affine", "no statistics", "statistics kept as they are", "no beta", "gamma frozen"],
)
def test_any_batch_normalisation_equals_itself_alone(data, change):
    def make():
        norm = torch.nn.BatchNorm2d(4, **change if isinstance(change, dict) else {})
        if callable(change):
            change(norm)
        return torch.nn.Sequential(
            # No bias: its gradient would be rounding, which Adam makes as large as any other.
            torch.nn.Conv2d(1, 4, 3, padding="same", padding_mode="circular", bias=False),
            norm,
            torch.nn.ReLU(),
            *(
                torch.nn.Conv2d(4, 4, 3, groups=2),
                torch.nn.MaxPool2d(2),
                *stem()[:1],
                torch.nn.Linear(36, 10),
            ),
        )

    assert_equal_alone(seeded(make), with_channel(data), 1e-9, batch=20)


def test_a_normalisation_of_groups_of_channels_equals_itself_alone(data):
    def make():
        layers = torch.nn.Conv2d(1, 4, 3, padding=1), torch.nn.GroupNorm(2, 4), torch.nn.ReLU()
        return torch.nn.Sequential(*layers, torch.nn.Flatten(), torch.nn.Linear(256, 10))

    assert_equal_alone(seeded(make), with_channel(data), 1e-9, batch=20)


CONVOLUTIONS = {
    "as in the course": {"padding": 1},
    "with bias": {"padding": 1, "bias": True},
    "with stride": {"padding": 1, "stride": 2},
    "not square": {"kernel_size": (3, 2), "padding": (2, 1), "stride": (1, 2)},
    "with a wide edge": {"padding": 2},
    "with holes": {"padding": "same", "dilation": 2},
    "in groups": {"padding": 1, "groups": 2},
    "around the edges": {"padding": 1, "padding_mode": "circular"},
}


@pytest.mark.parametrize("settings", CONVOLUTIONS.values(), ids=CONVOLUTIONS)
# Few channels and more, on maps of 6 x 6, and of 2 x 2 pixels.
@pytest.mark.parametrize(("channels", "first"), [(4, 3), (8, 3), (4, 7)])
def test_convolutions_together_equal_each_alone(data, settings, channels, first):
    def make():
        how = {"kernel_size": 3, "bias": False} | settings
        layers = torch.nn.Conv2d(1, channels, first), torch.nn.Conv2d(channels, 6, **how)
        last = torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(6, 10)
        return torch.nn.Sequential(*layers, torch.nn.ReLU(), *last)

    assert_equal_alone(seeded(make), with_channel(data), 1e-9, batch=20)


def test_the_mean_over_all_pixels_is_still_a_map(data):
    def make():
        layers = torch.nn.Conv2d(1, 4, 3), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(1)
        return torch.nn.Sequential(*layers, torch.nn.Conv2d(4, 10, 1), torch.nn.Flatten())

    assert_equal_alone(seeded(make), with_channel(data), 1e-9, batch=20)


def test_means_over_parts_of_a_map_stay_parts(data):
    def make():
        layers = torch.nn.Conv2d(1, 4, 3), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(2)
        return torch.nn.Sequential(*layers, torch.nn.Flatten(), torch.nn.Linear(16, 10))

    assert_equal_alone(seeded(make), with_channel(data), 1e-9, batch=20)


@pytest.mark.parametrize("shared", range(3))
def test_normalisation_of_many_nets_may_share_what_it_is_given(shared):
    """Pixels, gamma or beta: vmap gives it to all nets, and it is not stacked."""
    draw = torch.Generator().manual_seed(0)
    shapes = (3, 6, 2), (3, 2), (3, 2)
    given = [torch.randn(shape, generator=draw) for shape in shapes]
    given[shared] = given[shared][0]
    places = [None if place == shared else 0 for place in range(3)]
    together = torch.vmap(Normalise.apply, in_dims=(*places, None))(*given, 1e-5)[0]
    for net in range(3):
        one = [part if place == shared else part[net] for place, part in enumerate(given)]
        assert torch.allclose(together[net], Normalise.apply(*one, 1e-5)[0])
