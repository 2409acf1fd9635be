"""Solutions of notebook 7: each part replaces the cell of its exercise (``make teacher``)."""

# %% imports
import copy

import torch
from torch import nn

from helpers import nets


# %% cosine_after_step
def cosine_after_step(net, x, y, step):
    """Return the cosine of the gradient at the start and the one after a step against it."""
    moved = copy.deepcopy(net)  # its weights move, and so do its running statistics

    def gradient():
        loss = nn.functional.cross_entropy(moved(x), y)
        return nn.utils.parameters_to_vector(torch.autograd.grad(loss, [*moved.parameters()]))

    start, before = nn.utils.parameters_to_vector(moved.parameters()).detach(), gradient()
    after_step = start - step * before / before.norm()
    nn.utils.vector_to_parameters(after_step, moved.parameters())
    return torch.cosine_similarity(before, gradient(), dim=0).item()


# %% [markdown] cosine_after_step
# Both gradients are *one* vector each, of all parameters: weights, $\gamma$, $\beta$ and $b$.
# Dividing by its norm makes the step as long as `step` says, so that nets of different depth, whose
# gradients differ in size by a factor of thousands, go equally far.
#
# The trap is in the normalisation. In training mode every forward pass moves the running
# statistics, even where no weight moves. A copy keeps the patient whole. With `backward()` there is
# a second one: gradients add up in `.grad`, so they have to be cleared in between.


# %% without_block
def without_block(net, number):
    """Return a new net without its block ``number``, counted from 1; the old one stays whole."""
    blocks = [place for place, part in enumerate(net) if isinstance(part, nets.Block)]
    gone = blocks[number - 1]
    return nn.Sequential(*net[:gone], *net[gone + 1 :])


# %% [markdown] without_block
# The new list holds the *same* layers as the old one, without a copy: nobody trains them, so that
# does no harm, and a lesion costs nothing. Asking each entry whether it is a block saves counting
# what comes before the blocks, three parts in one kind of net and two in the other.
#
# Setting the last layer to 0 does the same in a residual net, $g(0 + a^{[l]}) = a^{[l]}$. In a
# plain net it silences everything, and the comparison would be unfair.

# %% broken_claim
broken_claim = "S"

# %% [markdown] broken_claim
# What was measured in S is true: a lesion does little harm to the residual net, and much to the
# plain net with He's start. But these two differ in more than the shortcut. The control, a plain
# net whose blocks start as the identity, survives lesions without a shortcut. So a lesion measures
# how near a block is to the identity. The shortcut is one way to get there, and the one that weight
# decay and usual starts lead to.
#
# R is the tempting one: "gradients vanish" is the usual story. With batch normalisation they grow,
# and a loss of size alone would not matter to Adam, which divides it out.

# %% [markdown] open_question
# For the friend: nothing in section D has a normalisation or a convolution, and with batch
# normalisation an image's score depends on the other images of the batch, so that one has to freeze
# the statistics first. Against: the explanation says what to expect there, and can be wrong. A
# normalisation takes the mean off a signal that was nowhere below 0, and the ReLU after it cuts
# what is now below. A kernel that copies therefore copies no longer: each layer of the plain net
# loses something, and 54 of them lose nearly all. In a residual block the normalisation is in the
# branch, and the main path is spared.
#
# The measurement: directions that come through in plain and residual convolutional nets of 56
# layers with both starts, statistics frozen. We did it, from the first convolution to the last
# block, with three seeds. Plain with He's start: 8 or 9 of at most 64, and the largest is stretched
# by thousands. Plain with copying kernels: *none*, the net gives the same scores for every image
# near by. Residual with He's start: 30 or more. So the friend is wrong about the copying net, which
# is no identity there, and after three epochs both plain nets have most images wrong. And the
# friend is right that a count alone is not enough: the residual net that starts as the identity
# lets 7 or 8 directions through, no more than the plain one, and trains. But it stretches each of
# them by exactly 1.
