"""Feature maps of many nets, pixel by pixel in memory: grouped convolutions are faster there."""

from itertools import product

import torch
from torch import nn
from torch.autograd.function import once_differentiable
from torch.nn.functional import one_hot

# Which entry of a 3 x 3 kernel leads from each pixel of a 2 x 2 map to each: 1 for it, (9, 16).
_WAYS = [3 * (h - to_h + 1) + w - to_w + 1 for h, w, to_h, to_w in product(range(2), repeat=4)]
ENTRIES = one_hot(torch.tensor(_WAYS), 9).T.float()


def pixels_first(x):
    """Maps (nets, images, channels, height, width), with all numbers of a pixel side by side."""
    return x.permute(1, 3, 4, 0, 2).contiguous().permute(3, 0, 4, 1, 2)


def suit_pixels(net):
    """Let layers of ``net`` that are slow, inexact or refused with such maps compute the same in
    another way.

    PyTorch's normalisation adds up pixel after pixel there, and rounds ten times as much.
    """
    for layer in net.modules():
        if type(layer) is nn.AdaptiveAvgPool2d and layer.output_size == 1:
            layer.__class__ = _MeanOfPixels
        elif type(layer) is nn.BatchNorm2d and _is_usual(layer):
            layer.__class__ = _BatchNorm2d
        elif type(layer) is nn.Conv2d and _is_same(layer):
            layer.__class__ = _Conv2d
        elif type(layer) is nn.GroupNorm:
            layer.__class__ = _GroupNorm


def _is_usual(norm):
    parts = norm.weight, norm.bias, norm.running_mean, norm.momentum
    has_all = norm.track_running_stats and all(part is not None for part in parts)
    return has_all and not norm.weight.is_cuda


def _is_same(layer):
    """Whether a convolution is of the usual kind: 3 x 3, and height and width stay."""
    how = layer.kernel_size, layer.stride, layer.padding, layer.dilation
    usual = layer.groups == 1 and layer.bias is None and layer.padding_mode == "zeros"
    return usual and how == ((3, 3), (1, 1), (1, 1), (1, 1))


class _Conv2d(nn.Conv2d):
    """On 2 x 2 pixels every pixel meets every other: the convolution is one matrix product.

    The library's gradient of the kernels takes five times as long there.
    """

    def forward(self, a):
        if a.shape[2:] != (2, 2):
            return super().forward(a)
        pairs = (self.weight.flatten(2) @ ENTRIES.to(self.weight)).unflatten(2, (4, 4))
        matrix = pairs.permute(2, 1, 3, 0).flatten(2).flatten(0, 1)
        z = a.permute(0, 2, 3, 1).flatten(1) @ matrix
        return z.unflatten(1, (2, 2, -1)).permute(0, 3, 1, 2)


class _MeanOfPixels(nn.AdaptiveAvgPool2d):
    def forward(self, a):
        return a.mean((-2, -1), keepdim=True)


class _GroupNorm(nn.GroupNorm):
    """vmap takes the library's only where the numbers of an image lie one after the other."""

    def forward(self, a):
        return super().forward(a.contiguous())


class _BatchNorm2d(nn.BatchNorm2d):
    def forward(self, a):
        if a.dtype != self.weight.dtype:
            return super().forward(a)
        if not self.training:
            scale = self.weight * torch.rsqrt(self.running_var + self.eps)
            shift = self.bias - self.running_mean * scale
            return torch.addcmul(shift[:, None, None], a, scale[:, None, None])
        pixels = a.permute(0, 2, 3, 1)
        x = pixels.flatten(0, 2)
        y, mean, var, *_ = Normalise.apply(x, self.weight, self.bias, self.eps)
        with torch.no_grad():
            self.num_batches_tracked += 1
            unbiased = var * (len(x) / (len(x) - 1))
            for running, now in ((self.running_mean, mean), (self.running_var, unbiased)):
                running.mul_(1 - self.momentum).add_(now, alpha=self.momentum)
        return y.view(pixels.shape).permute(0, 3, 1, 2)


class Normalise(torch.autograd.Function):
    """Batch normalisation: Ioffe and Szegedy 2015, arXiv 1502.03167, section 3.

    Maps x (pixels of all images, channels), gamma and beta (channels,) and eps to y, like x; to
    mean and variance of each channel (channels,); and, for the way back, to the centred x and to
    what it is multiplied by.
    """

    @staticmethod
    def forward(x, gamma, beta, eps):
        mean = x.mean(0)
        centred = x - mean
        var = (centred * centred).mean(0)
        scale = torch.rsqrt(var + eps)
        return torch.addcmul(beta, centred, gamma * scale), mean, var, centred, scale

    @staticmethod
    def setup_context(ctx, inputs, outputs):
        _, *rest = outputs
        ctx.mark_non_differentiable(*rest)
        ctx.save_for_backward(inputs[1], *rest[2:])

    @staticmethod
    @once_differentiable
    def backward(ctx, g, *_):
        gamma, centred, scale = ctx.saved_tensors
        slope, for_beta, for_gamma = gamma * scale, g.sum(0), (g * centred).sum(0) * scale
        for_x = torch.addcmul(slope * for_beta / -len(g), g, slope)
        for_x.addcmul_(centred, slope * scale * for_gamma, value=-1 / len(g))
        return for_x, for_gamma, for_beta, None

    @staticmethod
    def vmap(info, in_dims, x, gamma, beta, eps):
        """The channels of all nets are channels of one normalisation."""
        nets = info.batch_size
        all_nets = zip((x, gamma, beta), in_dims[:3], strict=True)
        found = Normalise.apply(*(_side_by_side(t, dim, nets) for t, dim in all_nets), eps)
        return tuple(t.unflatten(-1, (nets, -1)) for t in found), (1, 0, 0, 1, 0)


def _side_by_side(t, dim, nets):
    """(..., channels) with the nets along ``dim``, or none, to (..., nets * channels)."""
    t = t.unsqueeze(-2) if dim is None else t.movedim(dim, -2)
    return t.expand(*t.shape[:-2], nets, -1).flatten(-2)
