"""What people hand in for notebook 2: {exercise: {name: (solution, words of its own answer)}}."""

import math

import numpy as np
import torch


def no_decay(W, gradient, strength, learning_rate):
    return W - learning_rate * gradient


def only_decay(W, gradient, strength, learning_rate):
    return (1 - learning_rate * strength) * W


def decay_without_rate(W, gradient, strength, learning_rate):
    return (1 - strength) * W - learning_rate * gradient


def growing(W, gradient, strength, learning_rate):
    return W - learning_rate * gradient + learning_rate * strength * W


def in_place(W, gradient, strength, learning_rate):
    W -= learning_rate * (gradient + strength * W)
    return W


def gradient_in_place(W, gradient, strength, learning_rate):
    gradient += strength * W
    return W - learning_rate * gradient


def decay_afterwards(W, gradient, strength, learning_rate):
    W = W - learning_rate * gradient
    return W - learning_rate * strength * W


def twice(W, gradient, strength, learning_rate):
    return W - learning_rate * (gradient + 2 * strength * W)


def only_the_penalty(W, gradient, strength, learning_rate):
    return W - learning_rate * (gradient + strength / 2 * np.sum(W**2))


def penalty_entry_by_entry(W, gradient, strength, learning_rate):
    return W - learning_rate * (gradient + strength / 2 * W**2)


def still_squared(W, gradient, strength, learning_rate):
    return W - learning_rate * (gradient + strength * W**2)


def only_the_step(W, gradient, strength, learning_rate):
    return learning_rate * (gradient + strength * W)


def step_not_returned(W, gradient, strength, learning_rate):
    W = W - learning_rate * (gradient + strength * W)


def norm_for_W(W, gradient, strength, learning_rate):
    return W - learning_rate * (gradient + strength * np.linalg.norm(W))


def square_only(W, gradient, strength, learning_rate):
    return W - learning_rate * (gradient + strength * W @ np.eye(2))


def step_by_loops(W, gradient, strength, learning_rate):
    rows = [zip(w, g, strict=True) for w, g in zip(W, gradient, strict=True)]
    return [[w - learning_rate * g - learning_rate * strength * w for w, g in row] for row in rows]


def step_by_factor(W, gradient, strength, learning_rate):
    return (1 - learning_rate * strength) * W - learning_rate * gradient


def step_in_torch(W, gradient, strength, learning_rate):
    parameter = torch.nn.Parameter(torch.tensor(W))
    parameter.grad = torch.tensor(gradient)
    torch.optim.SGD([parameter], lr=learning_rate, weight_decay=strength).step()
    return parameter


def rounded_down(strength, learning_rate):
    return int(math.log(0.5) / math.log(1 - learning_rate * strength))


def not_whole(strength, learning_rate):
    return np.log(2) / -np.log(1 - learning_rate * strength)


def exponential(strength, learning_rate):
    return math.ceil(math.log(2) / (learning_rate * strength))


def straight_line(strength, learning_rate):
    t, size = 0, 1.0
    while size > 0.5:
        size -= learning_rate * strength
        t += 1
    return t


def squared_norm(strength, learning_rate):
    t, square = 0, 1.0
    while square > 0.5:
        square *= (1 - learning_rate * strength) ** 2
        t += 1
    return t


def rate_forgotten(strength, learning_rate):
    return math.ceil(math.log(0.5) / math.log(abs(1 - strength)))


def one_too_many(strength, learning_rate):
    t, size = 0, 1.0
    while size >= 0.5:
        size *= 1 - learning_rate * strength
        t += 1
    return t


def divided(strength, learning_rate):
    return 0.5 / (learning_rate * strength)


def return_inside_the_loop(strength, learning_rate):
    t = 0
    while (1 - learning_rate * strength) ** t > 0.5:
        t += 1
        return t


def factor_without_the_one(strength, learning_rate):
    t, size = 0, 1.0
    while size > 0.5:
        size *= learning_rate * strength
        t += 1
    return t


def turned_round(strength, learning_rate):
    t = 0
    while (1 - learning_rate * strength) ** t < 0.5:
        t += 1
    return t


def never_ends(strength, learning_rate):
    t, size = 0, 1.0
    while size > 0.5:
        t += 1
    return t


def log_of_a_negative_number(strength, learning_rate):
    return math.ceil(math.log(-0.5) / math.log(1 - learning_rate * strength))


def half_by_counting(strength, learning_rate):
    t = 0
    while (1 - learning_rate * strength) ** t > 0.5:
        t += 1
    return t


def half_by_logarithm(strength, learning_rate):
    return np.ceil(np.log(0.5) / np.log1p(-learning_rate * strength) - 1e-12)


def half_by_search(strength, learning_rate):
    t = torch.arange(10_000, dtype=torch.float64)
    return (((1 - learning_rate * strength) ** t) <= 0.5).nonzero()[0, 0]


def matrices(W1, W2):
    return lambda c, n: (W1(c, n), np.zeros((n, 1)), W2(c, n), np.zeros((n, 1)))


def eye(c, n):
    return np.eye(n)


def flat_biases(c, units):
    return np.eye(units), np.zeros(units), (c - 1) * np.eye(units), np.zeros(units)


def c_as_a_bias(c, units):
    return np.eye(units), np.zeros((units, 1)), np.zeros((units, units)), np.full((units, 1), c - 1)


def two_units_only(c, units):
    return np.eye(2), np.zeros((2, 1)), np.array([[c - 1, 0], [0, c - 1]]), np.zeros((2, 1))


def in_a_dict(c, units):
    return {"W1": np.eye(units), "W2": (c - 1) * np.eye(units)}


def root_in_both(c, units):
    W = np.sqrt(c - 1) * np.eye(units)
    return W, np.zeros((units, 1)), W, np.zeros((units, 1))


def in_another_order(c, units):
    return np.eye(units), (c - 1) * np.eye(units), np.zeros((units, 1)), np.zeros((units, 1))


def only_two(c, units):
    return np.eye(units), (c - 1) * np.eye(units)


def wide(c, units):
    I = np.eye(units)  # noqa: E741
    return (
        np.vstack([I, I]),
        np.zeros((2 * units, 1)),
        np.hstack([(c - 1) * I, 0 * I]),
        np.zeros((units, 1)),
    )


def with_a_detour(c, units):
    W1 = torch.eye(units) * 4
    return [W1, torch.zeros(units, 1), torch.eye(units) * (c - 1) / 4, torch.zeros(units, 1)]


def by_loops(c, units):
    W1 = [[float(i == j) for j in range(units)] for i in range(units)]
    W2 = [[(c - 1) * entry for entry in row] for row in W1]
    return W1, [[0.0]] * units, W2, [[0.0]] * units


def nearest_to_the_exponential(strength, learning_rate):
    return max(1, round(math.log(2) / (learning_rate * strength)))


def cut_by_max(c, units):
    return (
        np.eye(units), np.zeros((units, 1)), max(c - 1, 0) * np.eye(units), np.zeros((units, 1))
    )  # fmt: skip


def as_parameters(c, units):
    numbers = torch.eye(units), torch.zeros(units, 1), (c - 1) * torch.eye(units)
    W1, b1, W2 = map(torch.nn.Parameter, numbers)
    return {"b1": b1, "W2": W2, "b2": b1, "W1": W1}


WRONG = {
    "decay_step": {
        "no decay": (no_decay, "the decay is missing"),
        "only decay": (only_decay, "the gradient of the loss is missing"),
        "decay without the rate": (
            decay_without_rate,
            "the decay is not multiplied by the learning rate",
        ),
        "plus": (growing, "makes W larger"),
        "W modified in place": (in_place, "entry [0, 0] of W was 2 and is now 1.8"),
        "gradient modified in place": (
            gradient_in_place,
            "entry [0, 0] of gradient was 1 and is now 2",
        ),
        "decay afterwards": (decay_afterwards, "already moved"),
        "2 W": (twice, "without a 2"),
        "the penalty instead of its derivative": (
            only_the_penalty,
            "the penalty is one number for W",
        ),
        "the penalty of each entry": (penalty_entry_by_entry, "the penalty itself is taken off"),
        "W**2": (still_squared, "W is not squared in the derivative"),
        "the norm": (norm_for_W, "entry [0, 0] of the result should be 1.8, and yours is"),
        "only the step": (only_the_step, "this is what is taken off W"),
        "no return": (step_not_returned, "ends without return"),
        "only for two columns": (
            square_only,
            "right for strength 0.5 and learning rate 0.1, a gradient of 0, strength 0",
        ),
    },
    "steps_to_half": {
        "the nearest to exp": (
            nearest_to_the_exponential,
            "but for strength 0.4 and learning rate 0.5, the result should be 4, and yours is 3",
        ),
        "rounded down": (rounded_down, "this is rounded down"),
        "not a whole number": (not_whole, "steps are whole numbers"),
        "exp for (1 - x)": (exponential, "only near for small x"),
        "a straight line": (straight_line, "W shrinks by a factor"),
        "squared norm": (squared_norm, "the square of the norm"),
        "rate forgotten": (rate_forgotten, "the learning rate is forgotten"),
        "one too many": (
            one_too_many,
            "exactly half is enough, and this takes one step more there",
        ),
        "divided": (divided, "if each step takes off the same amount"),
        "return inside the loop": (return_inside_the_loop, "return is inside the loop, or"),
        "1 minus forgotten": (
            factor_without_the_one,
            "multiplied by rate x strength, not by 1 minus that",
        ),
        "the condition turned round": (turned_round, "after 0 steps W is still whole"),
        "never ends": (never_ends, "not finished after"),
        "logarithm of -0.5": (log_of_a_negative_number, "it raises ValueError in line 2"),
    },
    "scaling_block": {
        "cut by max": (cut_by_max, "has to arrive, and here it is cut off at 0: for c = 0.5"),
        "c in W2": (matrices(eye, lambda c, n: c * np.eye(n)), "the block returns (c + 1) a"),
        "c in W1": (matrices(lambda c, n: c * np.eye(n), eye), "the block returns (c + 1) a"),
        "c - 1 in W1": (
            matrices(lambda c, n: (c - 1) * np.eye(n), eye),
            "c - 1 is negative for c below 1 and has to arrive",
        ),
        "c - 1 in both": (
            matrices(*[lambda c, n: (c - 1) * np.eye(n)] * 2),
            "both W hold the factor",
        ),
        "1 - c": (matrices(eye, lambda c, n: (1 - c) * np.eye(n)), "takes away what it should add"),
        "ones": (
            matrices(lambda c, n: np.ones((n, n)), lambda c, n: (c - 1) * np.eye(n)),
            "adds up all units",
        ),
        "in a bias": (c_as_a_bias, "c - 1 is in a bias"),
        "b of one axis": (flat_biases, "b1 has shape (2,), but must have two axes"),
        "two units only": (
            two_units_only,
            "but for c = 0 and 3 units, with these numbers the block raises ValueError",
        ),
        "another order": (
            in_another_order,
            "with these numbers the block raises ValueError: b1 has",
        ),
        "only the W": (only_two, "it should return 4 arrays (W1, b1, W2, b2), and returns a tuple"),
        "a dict": (in_a_dict, "and returns a dict"),
        "|c - 1|": (
            matrices(eye, lambda c, n: abs(c - 1) * np.eye(n)),
            "has to take away, and here it adds",
        ),
        "a root in both": (root_in_both, "and yours is nan"),
        "silent": (matrices(eye, lambda c, n: np.zeros((n, n))), "the branch is silent"),
    },
}
RIGHT = {
    "decay_step": [step_by_loops, step_by_factor, step_in_torch],
    "steps_to_half": [half_by_counting, half_by_logarithm, half_by_search],
    "scaling_block": [as_parameters, wide, with_a_detour, by_loops],
}
