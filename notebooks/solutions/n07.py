"""Solutions of notebook 7: each part replaces the cell of its exercise (``make teacher``)."""

# %% imports
import copy

import torch
from torch import nn
from torch.nn.functional import cosine_similarity, cross_entropy
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from helpers import nets


# %% cosine_after_step
def cosine_after_step(net, x, y, step):
    """Return the cosine of the gradient at the start and the one after a step against it."""
    moved = copy.deepcopy(net)  # its weights move, and so do its running statistics

    def gradient():
        loss = cross_entropy(moved(x), y)
        return parameters_to_vector(torch.autograd.grad(loss, [*moved.parameters()]))

    start, before = parameters_to_vector(moved.parameters()).detach(), gradient()
    vector_to_parameters(start - step * before / before.norm(), moved.parameters())
    return cosine_similarity(before, gradient(), dim=0).item()


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
broken_claim = "D"

# %% [markdown] broken_claim
# What was measured in D is true: a lesion does little harm to the residual net, and much to the
# plain net with He's start. But these two differ in more than the shortcut. The control, a plain
# net whose blocks start as the identity, survives lesions without a shortcut. So a lesion measures
# how near a block is to the identity. The shortcut is one way to get there, and the one that weight
# decay and usual starts lead to.
#
# C is the tempting one: "gradients vanish" is the usual story. With batch normalisation they grow,
# and a loss of size alone would not matter to Adam, which divides it out.

# %% [markdown] open_question
# Three places to look. *Near the identity, and yet not trained*: the outside form with its last
# layer at 0 is the identity and gets no gradient (notebook 3), so the thesis needs "and can leave
# it". A convolutional plain net whose kernels start as copies begins at the identity, too, and
# after three epochs it is hardly better off: "start" is not enough, it has to *stay* near, and one
# has to measure how far it went. *Trained, and far from the identity*: plain nets of 8 layers, with
# any start; so the thesis is about depth, and must name one. *Near, by another way*: an orthogonal
# start keeps all lengths and is nowhere near the identity; if it trained as well as W = I, then
# "keeps its input apart" would be enough, and the identity one case of it. In notebook 7 it did
# not, at 56 layers.
#
# A good answer says how it measures "near" (the size of F(a) over that of a, block by block, at the
# start and at the end), gives the other arm its own best rate and five seeds, and names the number
# that would change its mind.
