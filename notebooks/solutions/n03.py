"""Solutions of notebook 3: each part replaces the cell of its exercise (``make teacher``)."""

# %% imports
import copy

from torch import nn

from helpers import nets


# %% add_identity_block
def add_identity_block(net, position):
    """Return a new net with a block more, entry ``position``: the identity, and able to learn."""
    old, width = copy.deepcopy(net), net[1].out_features
    block = nets.initialise(nets.Block(width, "inside"), "identity")
    return nn.Sequential(*old[:position], block, *old[position:])


# %% [markdown] add_identity_block
# Three things have to be right. The block is the identity: `"identity"` sets $W^{[l+2]}$ and
# $b^{[l+2]}$ to 0, and only those. It can learn: the inside form, with $W^{[l+1]}$ *not* 0; if both
# are 0, only $b^{[l+2]}$ gets a gradient. And the old net keeps its own layers: without the copy,
# both nets share them.

# %% plan
plan = {
    "arms": [(skip, start) for skip in nets.SKIPS for start in ("he", "pytorch", "identity")],
    "seeds": 5,
    "learning rate": "each arm's own best of a few",
}

# %% [markdown] plan
# Two arms that differ in two things cannot say which of the two did it. Three skips times three
# starts do: compare along a row, and only the skip changes; along a column, only the start. And a
# row may say something else than the next one: the skip does much at PyTorch's start, and nothing
# at the identity. Only the full table shows that.


# %% repair
def repair(net):
    """Return the net with its block mended: the identity, no weights on its shortcut, can learn."""
    block = net[3]
    block.skip = "inside"
    block.Ws = nn.Identity()
    nn.init.zeros_(block.second.weight)
    nn.init.zeros_(block.second.bias)
    return net


# %% [markdown] repair
# A: the block starts at He's numbers, so its branch is not silent. B: `skip="none"`, no shortcut;
# at 0 that is silence. C: `skip="outside"`: the identity, but with no gradient. D: a layer with
# weights is on the shortcut, so $a^{[l]}$ does not arrive as it is. None of the four raises an
# error; the numbers have to be looked at.

# %% [markdown] open_question
# The friend is right about the start: any block that is the identity when it is added does no harm,
# and the plain one at $W = I$ is such a block. What is left for the shortcut is where the identity
# lies. For the plain block it lies where the second matrix undoes the first, far from 0: weight
# decay pulls away from there, random starts miss it, and it exists only where the branch can copy
# (ReLU, two square matrices, enough units). For the residual block it is at $W^{[l+2]} = 0$: decay
# pulls toward it, all small weights are near it, and the branch may hold anything. The experiment:
# one plain block with W = I ends near the shallow net, ten in a row well above it, ten residual
# ones near it. Being the identity once is not enough; training has to be able to stay close to it.
# Notebook 4 adds weight decay and sees which net keeps what it knew.
