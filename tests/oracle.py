"""For tests of nets: torchvision's ResNets, the oracle that nobody here wrote."""

import functools
import importlib.metadata
from pathlib import Path

import pytest
import torch


@functools.cache  # operators are declared once in a process
def torchvision():
    """PyTorch's own library of vision models."""
    package = Path(importlib.metadata.distribution("torchvision").locate_file("torchvision"))
    try:
        torch.ops.load_library(next(package.glob("_C.*")))
    except OSError:
        # A CPU build of torch cannot load the compiled operators of a CUDA build of torchvision,
        # and two of them are then missed by `import torchvision`. No ResNet calls them: to declare
        # their names until then is enough.
        library = torch.library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    import torchvision

    return torchvision


def moved(net):
    """A net of torchvision whose gammas, betas and running statistics are no longer at their start,
    in eval mode.
    """
    draw = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, value in net.state_dict().items():
            if value.ndim == 1 and value.dtype == torch.float32:
                ends = (1, 3) if name.endswith("running_var") else (0.2, 0.8)
                value.uniform_(*ends, generator=draw)
    return net.eval()


@pytest.fixture(scope="session")
def theirs():
    """torchvision's ResNet-34, with random numbers."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return moved(torchvision().models.resnet34())
