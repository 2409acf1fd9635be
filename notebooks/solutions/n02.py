"""Solutions of notebook 2: each part replaces the cell of its exercise (``make teacher``)."""

# %% imports
import numpy as np


# %% decay_step
def decay_step(W, gradient, strength, learning_rate):
    """Return W after one step of gradient descent on the loss and the penalty together."""
    return W - learning_rate * (gradient + strength * W)


# %% [markdown] decay_step
# The gradient of the sum is the sum of the gradients: `gradient` from the data, `strength * W` from
# the penalty. The same line can be written $(1 - \eta\lambda) W - \eta\, G$: first shrink, then
# step. What it is not: shrink *after* the step.


# %% steps_to_half
def steps_to_half(strength, learning_rate):
    """Return the first number of steps after which the norm of W is at most half its start."""
    steps = np.log(0.5) / np.log(1 - learning_rate * strength)
    return int(np.ceil(steps - 1e-9))


# %% [markdown] steps_to_half
# $(1 - \eta\lambda)^t \le \tfrac12$ means $t \ge \ln\tfrac12 / \ln(1 - \eta\lambda)$; the sign
# turns since the logarithm is negative. For small $\eta\lambda$ that is about $0.69 /
# (\eta\lambda)$: 693 steps at $\eta\lambda = 0.001$. The $10^{-9}$ guards against rounding where
# $t$ comes out whole.


# %% scaling_block
def scaling_block(c, units):
    """Return W1, b1, W2, b2 for which the inside block returns c * a, for every a >= 0."""
    no_bias = np.zeros((units, 1))
    return np.eye(units), no_bias, (c - 1) * np.eye(units), no_bias


# %% [markdown] scaling_block
# The branch has to add what is missing: $(c - 1)\, a$. The first layer hands $a$ on, since $g$ has
# nothing to cut. The second multiplies; there the number may be negative, as $g$ comes after the
# sum $(c - 1) a + a = c\,a \ge 0$. With $c = 1$ the branch is all zeros: the identity is the one
# multiple that costs no weights, and so the one that weight decay likes.

# %% [markdown] open_question
# If weight decay wins in every block, every block is the identity. What is left is the first layer
# followed by the last: a shallow net. So strong decay makes a deep residual net shallow, not
# silent; a plain net would be silent. A good answer adds that the identity is not the aim. A block
# pays, by the size of its weights, for each change that it makes, and it makes those that lower the
# loss by more. In between, weak decay works like a soft choice of depth: blocks that the data do
# not need fade to the identity, and the others stay. Not fair to leave out: decay also acts on the
# first and the last layer, where there is no shortcut and 0 means silence.
