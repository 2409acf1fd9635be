"""What is minimised and what is counted, for all nets of a stack."""

from torch.nn import functional as F


def losses_of(scores, y):
    """The mean cross-entropy of each net: scores (nets, batch, classes), y (nets, batch)."""
    return F.cross_entropy(scores.flatten(0, 1), y.flatten(), reduction="none").view(y.shape).mean(dim=1)


def errors_of(scores, y):
    """Fractions of wrong images of each net: scores (nets, images, classes), y (images,)."""
    return (scores.argmax(dim=2) != y).double().mean(dim=1).tolist()
