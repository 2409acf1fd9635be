"""Solutions of notebook 5: each part replaces the cell of its exercise (``make teacher``)."""

# %% imports
import torch
from torch.nn.functional import conv2d


# %% count_stops
def count_stops(n, kernel, stride, padding):
    """Return at how many places a kernel stops along one side of an image of n pixels."""
    last = n + 2 * padding - kernel  # the last place for its left edge
    return last // stride + 1 if last >= 0 else 0


# %% [markdown] count_stops
# The left edge is at $0, s, 2s, \ldots$ up to $n + 2p - k$. So $\lfloor (n + 2p - k) / s \rfloor$
# steps fit in, and one more stop for place 0. Python can count it as well: `len(range(0, last + 1,
# stride))`.
#
# The formula alone goes wrong where the kernel does not fit: for $n = 2$, $k = 5$, $s = 1$ it gives
# $-2$. `output_size`, below, leaves that out, since PyTorch refuses such a layer.

# %% six_matrices
six_matrices = {
    "I on top of 0": [3, 1, 0, 0],
    "0 on top of I": [0, 0, 3, 1],
    "I on top of I": [3, 1, 3, 1],
    "I on top of -I": [3, 1, 0, 0],
    "-I on top of 0": [0, 0, 0, 0],
    "1/2 everywhere": [2, 2, 2, 2],
}

# %% [markdown] six_matrices
# With $z^{[l+2]} = 0$ the block returns $g(W_s a^{[l]})$. The first four matrices hold $I$, so
# $a^{[l]}$ can be read off. "$-I$ on top of 0" makes two numbers below 0, and $g$ cuts both. "1/2
# everywhere" keeps the mean and nothing else: (3, 1) and (2, 2) give the same result.
#
# "$I$ on top of $-I$" looks wasteful: its lower half is always 0, as with zero padding. It is the
# one that would keep an input with numbers below 0: $g(x)$ above and $g(-x)$ below, and $x$ is
# their difference.


# %% zero_padding
def zero_padding(a, more):
    """Return every second row and column of a[l], then ``more`` channels of zeros."""
    kept = a[:, :, ::2, ::2]
    examples, _, height, width = kept.shape
    return torch.cat([kept, torch.zeros(examples, more, height, width)], dim=1)


# %% [markdown] zero_padding
# The slice `::2` takes 0, 2, 4, ... and needs no case for odd sides: of 7 rows it keeps 4, as a
# convolution with stride 2 does. The new channels are added along dimension 1.
#
# `pad(kept, (0, 0, 0, 0, 0, more))` does the same. It counts the dimensions from the last one: two
# numbers for the width, two for the height, then none before the channels, and `more` after them.


# %% strided_block
def strided_block(a, W1, W2, Ws):
    """Return a[l+2] of the inside form: half as high and wide, a channel for each row of Ws."""
    z2 = conv2d(torch.relu(conv2d(a, W1, stride=2, padding=1)), W2, padding=1)
    shortcut = conv2d(a, Ws[:, :, None, None], stride=2)
    return torch.relu(z2 + shortcut)


# %% [markdown] strided_block
# Both ways have to halve the image: the branch by the stride of its first convolution, the shortcut
# by taking every second pixel. `torch.einsum("oc,nchw->nohw", Ws, a[:, :, ::2, ::2])` does the same
# as the 1 x 1 convolution.
#
# Most mistakes with strides raise an error. This one does not: without padding the branch shrinks 8
# x 8 to 1 x 1, and broadcasting adds that one pixel to all of the shortcut.

# %% [markdown] open_question
# 8,192 numbers fit, and A keeps 4,096. So a shortcut without weights can keep twice as many, for
# example a second pixel of each 2 x 2 square (row 1 and column 1) in the new channels, where A has
# zeros. More than half of the 16,384 cannot arrive as they are. Or it takes the mean of each
# square: then every pixel has a share, but none arrives as it is, and fine detail is gone.
#
# What A has and the first shortcut loses: new channels that start empty, so that the branch alone
# decides what they mean. Filled ones begin as copies of the old channels, shifted by one pixel, and
# the next layer sees almost the same picture twice.
#
# The experiment: the same net with each shortcut, the same initial numbers and batches, each at its
# own best rate, five seeds, every seed shown, training error first.
