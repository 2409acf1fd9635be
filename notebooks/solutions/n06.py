"""Solutions of notebook 6: each part replaces the cell of its exercise (``make teacher``)."""

# %% imports
import torch
from torch import nn

from helpers import nets


# %% head
def head(maps, W, b):
    """Return the probabilities of the classes, (examples, classes), from the last feature maps."""
    scores = maps.mean(dim=(2, 3)) @ W.T + b
    scores = scores - scores.amax(dim=1, keepdim=True)  # exp of the largest is 1: no overflow
    exponentials = torch.exp(scores)
    return exponentials / exponentials.sum(dim=1, keepdim=True)


# %% [markdown] head
# The mean, not the largest pixel. The sum over the classes of one image, axis 1, with
# `keepdim=True`, or the division goes wrong. And the largest score of *each image* is taken off
# first: that changes no probability, since it divides top and bottom by the same number.
# `scores.softmax(dim=1)` does all of it.
#
# The friend's sum over axis 0 raises no error: the columns add up to 1 instead of the rows. For one
# image that makes every probability 1.

# %% net_of_56
net_of_56 = {
    "blocks": 27,
    "convolutions": 55,
    "same convolutions": 53,
    "shortcuts that need Ws": 2,
    "channels at the end": 64,
    "pixels on a side at the end": 8,
}

# %% [markdown] net_of_56
# $56 = 6n + 2$ gives $n = 9$ blocks in each of three stages: 27 blocks, 54 convolutions. With the
# first one, 55. The second and the third stage begin with stride 2, so 53 are "same" and 2
# shortcuts need a $W_s$. 16 channels double twice, and 32 pixels halve twice.


# %% deepen
def deepen(net):
    """Return a net with a residual block more in each stage: the same scores, able to learn."""
    parts, n = list(net), sum(isinstance(part, nets.Block) for part in net) // 3
    for stage in (3, 2, 1):  # from the back, so that the places in front stay what they are
        last = 1 + stage * n
        width = parts[last].second[0].out_channels
        parts.insert(last + 1, nets.initialise(nets.convolutional_block(width, width), "identity"))
    return nn.Sequential(*parts)


# %% [markdown] deepen
# `"identity"` sets the last $\gamma$ of a block to 0 ($\beta$ starts at 0), so its branch returns 0
# and the block $g(a^{[l]}) = a^{[l]}$, to the last bit. $W^{[l+2]} = 0$ would do it, too. The first
# layer keeps its random numbers. With its $\gamma$ at 0 as well, only the last $\beta$ would get a
# gradient.
#
# The place of a block within its stage makes no difference to the scores. But it has to be in the
# right stage, since only there its number of channels fits.


# %% to_ours
def to_ours(theirs):
    """Return torchvision's tensors of one block, {name: tensor}, under the names of our block."""
    places = {"conv1": "first.0", "bn1": "first.1", "conv2": "second.0", "bn2": "second.1"}
    places |= {"downsample.0": "Ws.0", "downsample.1": "Ws.1"}
    ours = {}
    for name, tensor in theirs.items():
        layer, which = name.rsplit(".", 1)
        ours[f"{places[layer]}.{which}"] = tensor
    return ours


# %% [markdown] to_ours
# Six layers, six names; what comes after the last point stays. Names have to decide, not the order
# and not the shapes: within a stage both convolutions have one shape. If they are exchanged,
# `load_state_dict` raises no error, and the net looks whole, but it knows nothing any more. So the
# course compares *scores* with those of torchvision's own net, and not shapes.

# %% [markdown] open_question
# For the friend: in the plain net of 56 layers the gradient at the first convolution is hundreds of
# times that at the last one. One learning rate cannot suit both.
#
# Against: a rate for each layer changes how far a step goes, and not where. And rounding shows that
# a plain net stretches whatever changes in an early layer. So after one small step the gradient may
# point somewhere else: notebook 5 measures a cosine near 0. A better length does not help then. Nor
# does the size of the gradient bring back the digit, which is gone after 19 layers.
#
# The experiment: the plain net of 56 layers, each layer's gradient divided by its own norm, or
# Adam, which does so for each weight. Its own best learning rate of several, none at an end, five
# seeds, training error first. The control is the residual net by the same rule: if that fails as
# well, the rule is bad and not the net. If the plain net then trains like the residual one, the
# friend is right. If it stays near guessing at every rate, size was a symptom. (The plain nets of
# notebook 4 learned with Adam, and failed at 56 layers. But they had no normalisation.)
