"""The table of the study of depth, read."""

import numpy as np
import pytest

from helpers.studies import compared, depths


def row(layers, skip, rate, seed, loss, error, diverged=False):
    names = (
        "layers",
        "skip",
        "learning_rate",
        "seed",
        "diverged",
        "training loss",
        "training error",
    )
    return dict(zip(names, (layers, skip, rate, seed, diverged, loss, error), strict=True))


def test_errors_are_those_at_the_rate_with_the_lowest_median_loss():
    rows = [
        row(20, skip, 0.01, seed, loss, 0.5)
        for skip in depths.ARMS
        for seed, loss in enumerate((0.1, 1.0, 1.1))
    ]
    rows += [
        row(20, skip, 0.03, seed, loss, 0.2)
        for skip in depths.ARMS
        for seed, loss in enumerate((0.9, 0.9, 9.0))
    ]
    assert compared.errors({"rows": rows}) == {
        skip: pytest.approx(np.array([[0.2] * 3])) for skip in depths.ARMS
    }
    assert compared.best_rates({"rows": rows}) == {skip: [0.03] for skip in depths.ARMS}
    tested = compared.errors({"rows": [one | {"test error": 0.7} for one in rows]}, "test error")
    assert tested["inside"].tolist() == [[0.7] * 3]


def test_a_net_that_diverged_counts_as_infinitely_bad_and_is_not_drawn():
    rows = [
        row(20, "none", 0.1, seed, None, None, diverged=seed > 0) | {"training loss": 0.0}
        for seed in range(3)
    ]
    rows += [row(20, "none", 0.01, seed, 2.0, 0.8, diverged=seed == 2) for seed in range(3)]
    found = compared.errors({"rows": rows + [r | {"skip": "inside"} for r in rows]})["none"]
    assert found[0][:2].tolist() == [0.8, 0.8]
    assert np.isnan(found[0][2])


def test_a_depth_with_fewer_seeds_has_fewer_errors():
    rows = [row(20, "none", 0.1, seed, 1.0, 0.5) for seed in range(3)]
    rows += [row(56, "none", 0.1, 7, 1.0, 0.25)]
    found = compared.errors({"rows": rows})["none"]
    np.testing.assert_array_equal(found, [[0.5] * 3, [0.25, np.nan, np.nan]])


def test_the_answer_has_a_line_for_each_arm_that_was_trained():
    """Depths in their order; the median over whatever seeds a depth has."""
    rows = [row(56, "outside", 0.1, seed, 1.0, 0.25) for seed in range(3)]
    rows += [row(20, "outside", rate, 0, rate, rate) for rate in (0.01, 0.5)]
    rows += [row(20, "none", 0.1, seed, 1.0, 0.5, diverged=seed > 0) for seed in range(3)]
    rows += [row(8, "none", 0.1, seed, 1.0, 0.5, diverged=seed > 1) for seed in range(3)]
    assert compared.answer({"rows": rows}).splitlines()[1:] == [
        "  skip = none: 8 layers 50.0% at 0.1, 20 layers diverged at 0.1",
        "  skip = outside: 20 layers 1.0% at 0.01, 56 layers 25.0% at 0.1",
    ]


def test_errors_of_something_else_are_named():
    with pytest.raises(ValueError, match="of = 'accuracy' is not known; use one of 'training loss"):
        compared.errors({"rows": [row(20, "none", 0.1, 0, 1.0, 0.5)]}, of="accuracy")
