"""Solutions of notebook 0: each part replaces the cell of its exercise (``make teacher``)."""

# %% imports
import numpy as np


# %% plain_layer
def plain_layer(a, W, b):
    """Return g(W a + b), (units, examples)."""
    z = W @ a + b
    return np.maximum(z, 0)


# %% [markdown] plain_layer
# Two lines, and both come back in every notebook: first the sum $z$, then $g$. $b$ is a column;
# NumPy adds it to every column of $W a$. `np.where(z > 0, z, 0)` does the same as `np.maximum`.

# %% counted
counted = {
    "blocks": (32 - 2) // 2,
    "parameters of a block": 2 * (32 * 32 + 32),
    "parameters of the plain net": (64 * 32 + 32) + 15 * 2 * (32 * 32 + 32) + (32 * 10 + 10),
    "more in the residual net": 0,
}

# %% [markdown] counted
# 15 blocks of 2,112 parameters, 2,080 in the first layer and 330 in the last: 34,090. The shortcut
# adds $a^{[l]}$ as it is. There is nothing on it that could be learned, so a residual net is not a
# larger net. Whoever wins the race does not win by having more parameters.


# %% percent_wrong
def percent_wrong(scores, labels):
    """Return how many images of a hundred get their largest score in a wrong row."""
    named = np.argmax(scores, axis=0)
    return 100 * np.mean(named != labels)


# %% [markdown] percent_wrong
# `axis=0` goes down each column: one digit for each image. The mean of `True` and `False` is the
# fraction of `True`. Note what the error does not see: by how much a wrong score was ahead. The
# loss does.

# %% [markdown] open_question
# The training error says what a net *has learned*, the test error what it can do with images that
# it has not seen. A net with a large training error has not even learned its own examples, so
# nothing is there that could carry over: its test error is large too. That is a failure of
# *training*. A small training error with a large test error is a failure to *generalise*, which is
# what overfitting means. In the race both errors of the plain net are large, so more data or a
# smaller net would be cures for the wrong illness. A good answer also says what would count as
# overfitting here: the plain net with few wrong training images and many wrong test images.
