"""Layers of many nets written out as one batched product, grouped convolution or normalisation."""

from functools import cache

import torch
from torch import nn
from torch.autograd.function import once_differentiable
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
        pixels, taps = a.shape[3:].numel(), self.weight.shape[3:].numel()
        if self.groups == 1 and pixels**2 <= 2 * taps:  # the matrix then holds at most twice the numbers of W
            return self._as_product(a)
        nets, b = len(self.weight), None if self.bias is None else self.bias.flatten()
        W, groups = self.weight.flatten(0, 1), nets * self.groups
        z = F.conv2d(_pixels_of(a).movedim(3, 1), W, b, self.stride, self.padding, self.dilation, groups)
        return _nets_of(z.movedim(1, 3), nets)

    def _as_product(self, a):
        """On maps of 2 x 2 most of a 3 x 3 kernel meets padding: one matrix of all pixels needs fewer products."""
        meets = _meets(*a.shape[3:], self.kernel_size, self.stride, self.padding, self.dilation).to(a)
        M = torch.einsum("pkhw,noik->npihwo", meets, self.weight.flatten(3))
        z = a.movedim(2, 4).flatten(2) @ M.flatten(3).flatten(1, 2)
        z = z.unflatten(2, M.shape[3:]).movedim(4, 2)
        return z if self.bias is None else z + self.bias[:, None, :, None, None]


@cache
def _meets(height, width, kernel, *settings):
    """1 where a pixel p meets place k of the kernel in the output at (h, w), else 0: (p, k, h, w)."""
    images, taps = (torch.eye(h * w).view(-1, 1, h, w) for h, w in ((height, width), kernel))
    return F.conv2d(images, taps, None, *settings)


class _BatchNorm2d(nn.BatchNorm2d):
    """The same layer of many nets as one normalisation of all their channels, each with its own statistics."""

    def forward(self, a):
        running = self.running_mean.flatten(), self.running_var.flatten()
        gamma, beta, x = self.weight.flatten(), self.bias.flatten(), _pixels_of(a)
        self.num_batches_tracked += self.training
        if self.training and x.dtype == gamma.dtype in (torch.float32, torch.float64) and not x.is_cuda:
            y = _Normalise.apply(x.flatten(0, 2), gamma, beta, *running, self.momentum, self.eps).view(x.shape)
        else:
            x = x.movedim(3, 1)
            y = F.batch_norm(x, *running, gamma, beta, self.training, self.momentum, self.eps).movedim(1, 3)
        return _nets_of(y, len(self.weight))


class _Normalise(torch.autograd.Function):
    """Batch normalisation of (pixels of all examples, channels): Ioffe and Szegedy 2015, arXiv 1502.03167, section 3.

    PyTorch's own adds up pixel after pixel on the CPU where channels come last, and rounds ten times as much as this.
    """

    @staticmethod
    def forward(ctx, x, gamma, beta, running_mean, running_var, momentum, eps):
        mean = x.mean(0)
        centred = x - mean
        var = (centred * centred).mean(0)
        running_mean.lerp_(mean, momentum)
        running_var.lerp_(var * (len(x) / (len(x) - 1)), momentum)
        scale = torch.rsqrt(var + eps)
        ctx.save_for_backward(centred, scale, gamma)
        return torch.addcmul(beta, centred, gamma * scale)

    @staticmethod
    @once_differentiable
    def backward(ctx, g):
        centred, scale, gamma = ctx.saved_tensors
        for_beta, for_gamma, slope = g.mean(0), (g * centred).mean(0) * scale, gamma * scale
        for_x = torch.addcmul(-slope * for_beta, g, slope).addcmul_(centred, -slope * scale * for_gamma)
        return for_x, for_gamma * len(g), for_beta * len(g), None, None, None, None


def _pixels_of(a):
    """(nets, examples, channels, height, width) as (examples, height, width, nets * channels), in that memory order."""
    return a.permute(1, 3, 4, 0, 2).flatten(3)


def _nets_of(x, nets):
    """(examples, height, width, nets * channels) as (nets, examples, channels, height, width), the way back."""
    return x.unflatten(3, (nets, -1)).permute(3, 0, 4, 1, 2)


def _take_all_nets(layer):
    """Make a layer take (nets, examples, ...); return whether that is possible."""
    if type(layer) is nn.BatchNorm2d and not _usual(layer):
        return False
    together = {nn.Linear: _Linear, nn.Conv2d: _Conv2d, nn.BatchNorm2d: _BatchNorm2d}.get(type(layer))
    if together:
        layer.__class__ = together
    elif not list(layer.children()) and type(layer) not in (nn.ReLU, nn.Identity):
        alone = layer.forward  # takes all nets as more examples
        layer.forward = lambda a: alone(a.flatten(0, 1)).unflatten(0, a.shape[:2])
    return bool(together) or not {**layer._parameters, **layer._buffers}  # only those above know the numbers of all


def _usual(norm):
    """Whether a normalisation has gamma and beta, and running statistics of a momentum."""
    parts = norm.weight, norm.bias, norm.running_mean, norm.momentum
    return norm.track_running_stats and all(part is not None for part in parts)
