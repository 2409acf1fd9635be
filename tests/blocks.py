"""What the tests of nets share: images, and ways to look into a net."""

import torch
from torch import nn

from helpers import nets


def random_images(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def is_block(module):
    return isinstance(module, nets.Block)


def has_W(module):
    return isinstance(module, nn.Conv2d | nn.Linear)


def blocks_of(net):
    return [module for module in net.modules() if is_block(module)]


def count(net):
    return sum(parameter.numel() for parameter in net.parameters())
