"""For tests of training: images that nets learn at once, and the loop a user would write."""

import numpy as np
import torch


def brightest_rows():
    """60 training and 20 test images of 8 x 8; the class says which row is the brightest."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 8, 80)
    x = rng.normal(0, 0.3, (80, 8, 8))
    x[np.arange(80), y] += 1
    return x[:60], y[:60], x[60:], y[60:]


def with_channel(data):
    """The same four arrays for a convolutional net: (n, 8, 8) becomes (n, 1, 8, 8)."""
    return tuple(np.asarray(part)[:, None] if np.asarray(part).ndim == 3 else part for part in data)


def by_hand(net, data, epochs, rate, seed, batch, make=torch.optim.Adam):
    """One net, torch.optim, one batch after another; the loss and error at the end."""
    like = next(net.parameters())
    x, y = (
        torch.as_tensor(data[0]).to(like.device, like.dtype),
        torch.as_tensor(data[1]).to(like.device),
    )
    optimizer, order = make(net.parameters(), lr=rate), torch.Generator().manual_seed(seed)
    net.train()
    for _ in range(epochs):
        for indices in torch.randperm(len(x), generator=order).split(batch):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(net(x[indices]), y[indices]).backward()
            optimizer.step()
    net.eval()
    with torch.no_grad():
        scores = net(x)
        loss = torch.nn.functional.cross_entropy(scores, y).item()
        return loss, (scores.argmax(1) != y).float().mean().item()


def stem(*layers, inplace=False):
    return torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Linear(64, 16), torch.nn.ReLU(inplace=inplace), *layers
    )


class Tail(torch.nn.Module):
    """What a net may end in, and what cannot be written out as products."""

    def __init__(self, forward):
        super().__init__()
        self.last, self.called = torch.nn.Linear(16, 10), forward

    def forward(self, a):
        return self.called(self.last, a)
