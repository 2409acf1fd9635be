"""Solutions of notebook 1: each part replaces the cell of its exercise (``make teacher``)."""

# %% imports
import numpy as np

from helpers.block import relu


# %% residual_block
def residual_block(a, W1, b1, W2, b2):
    """Return a[l+2] of the inside form."""
    a1 = relu(W1 @ a + b1)
    z2 = W2 @ a1 + b2
    return relu(z2 + a)


# %% [markdown] residual_block
# The line that matters is the last one: the sum is inside $g$. Everything else is the plain block.
#
# Common mistakes: $g$ before the addition as well (then the branch cannot take away), and `z2 += a;
# a = ...` in place, which changes an array that the caller still needs.

# %% identities
predicted = {
    ("absolute value", "inside"): True,
    ("absolute value", "outside"): True,
    ("sine", "inside"): False,
    ("sine", "outside"): True,
    ("softplus", "inside"): False,
    ("softplus", "outside"): False,
}

# %% [markdown] identities
# Inside needs $g(a) = a$, and only for $a \ge 0$: the absolute value does that, although it differs
# from ReLU for negative numbers. Outside needs $g(0) = 0$: the sine does that. Softplus has $g(0) =
# \ln 2$, so it has neither. What inside needs includes $a = 0$, so a $g$ that is good for inside is
# good for outside as well.


# %% block_backward
def block_backward(a, W1, b1, W2, b2, upstream):
    """Return da, dW1, db1, dW2, db2 for the inside form."""
    z1 = W1 @ a + b1
    a1 = relu(z1)
    z2 = W2 @ a1 + b2
    d2 = upstream * (z2 + a > 0)
    d1 = (W2.T @ d2) * (z1 > 0)
    da = W1.T @ d1 + d2
    return (
        da,
        d1 @ a.T,
        np.sum(d1, axis=1, keepdims=True),
        d2 @ a1.T,
        np.sum(d2, axis=1, keepdims=True),
    )


# %% [markdown] block_backward
# `d2` is the derivative of the loss by the sum $z^{[l+2]} + a^{[l]}$. A sum hands its derivative to
# both terms: to $z^{[l+2]}$, and from there through the two layers; and to $a^{[l]}$, as it is.
# That second way is the $+1$.

# %% [markdown] open_question
# A good answer names what is lost and what is gained. The branch of the outside form is $g(z) \ge
# 0$, so activations can only grow from block to block, and a block that wants $0.5\, a$ cannot have
# it. In return, nothing is in the way of the shortcuts: the derivative holds a bare $1$, and the
# identity holds for negative inputs too. Better: put the $g$ elsewhere. He et al. 2016 move it to
# the *front* of the branch ("full pre-activation"). Then the branch ends in a linear layer, which
# can add and take away, and the shortcut is as free as before.
