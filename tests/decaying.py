"""What weight decay alone does, computed by PyTorch's own optimiser."""

import torch


def decayed(rates):
    """What weight decay alone leaves of W after each step of the recipe of He et al. 2015: momentum
    0.9, decay 1e-4.
    """
    W = torch.ones(1, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD([W], lr=1.0, momentum=0.9, weight_decay=1e-4)
    left = []
    for rate in rates:
        W.grad = torch.zeros_like(W)  # no data
        optimizer.param_groups[0]["lr"] = rate
        optimizer.step()
        left.append(W.item())
    return left
