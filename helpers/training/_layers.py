"""Layers of many nets written out as one batched product, grouped convolution or normalisation."""

import torch
from torch import nn
from torch.nn import functional as F


def take_all_nets(net, values):
    """Make a net of one take (nets, examples, ...), with ``values`` (nets, ...) by name; return whether it can."""
    if len(values) < sum(1 for _ in net.named_parameters(remove_duplicate=False)) + sum(1 for _ in net.buffers()):
        return False  # a parameter that two layers share would become two
    if not all(_take_all_nets(layer) for layer in net.modules()):
        return False
    for name, of_all in values.items():
        owner, _, own = name.rpartition(".")
        delattr(net.get_submodule(owner), own)
        setattr(net.get_submodule(owner), own, of_all)
    return True


class _Linear(nn.Linear):
    """The same layer of many nets as one batched product: (nets, examples, inputs) to (nets, examples, outputs)."""

    def forward(self, a):
        W = self.weight.mT
        return a @ W if self.bias is None else torch.baddbmm(self.bias[:, None], a, W)


class _Conv2d(nn.Conv2d):
    """The same layer of many nets as one grouped convolution: (nets, examples, channels, height, width)."""

    def forward(self, a):
        nets, b = len(self.weight), None if self.bias is None else self.bias.flatten()
        W, groups = self.weight.flatten(0, 1), nets * self.groups
        z = F.conv2d(_channels_of(a), W, b, self.stride, self.padding, self.dilation, groups)
        return _nets_of(z, nets)


class _BatchNorm2d(nn.BatchNorm2d):
    """The same layer of many nets as one normalisation of all their channels, each with its own statistics."""

    def forward(self, a):
        own = [part.flatten() for part in (self.running_mean, self.running_var, self.weight, self.bias)]
        self.num_batches_tracked += self.training
        return _nets_of(F.batch_norm(_channels_of(a), *own, self.training, self.momentum, self.eps), len(self.weight))


def channels_last(x):
    """The same feature maps, all numbers of a pixel side by side: faster, but PyTorch's sums over them round more."""
    return _nets_of(_channels_of(x).contiguous(memory_format=torch.channels_last), len(x)) if x.ndim == 5 else x


def _channels_of(a):
    """(nets, examples, channels, ...) as (examples, nets * channels, ...), in which order they lie in memory."""
    return a.movedim(0, 1).flatten(1, 2)


def _nets_of(a, nets):
    """(examples, nets * channels, ...) as (nets, examples, channels, ...), the way back."""
    return a.unflatten(1, (nets, -1)).movedim(1, 0)


def _take_all_nets(layer):
    """Make a layer take (nets, examples, ...); return whether that is possible."""
    if type(layer) is nn.BatchNorm2d and (layer.momentum is None or not layer.affine or layer.running_mean is None):
        return False
    together = {nn.Linear: _Linear, nn.Conv2d: _Conv2d, nn.BatchNorm2d: _BatchNorm2d}.get(type(layer))
    if together:
        layer.__class__ = together
    elif not list(layer.children()) and type(layer) not in (nn.ReLU, nn.Identity):
        alone = layer.forward  # takes all nets as more examples
        layer.forward = lambda a: alone(a.flatten(0, 1)).unflatten(0, a.shape[:2])
    return bool(together) or not {**layer._parameters, **layer._buffers}  # only those above know the numbers of all
