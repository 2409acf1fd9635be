"""The net of 34 layers against that of torchvision, and its plain twin."""

import oracle
import pytest
import torch
from blocks import blocks_of, count, has_W, is_block, random_images

from helpers import nets, probes

theirs = oracle.theirs


def test_resnet34_is_that_of_torchvision(theirs):
    ours = nets.resnet34(shortcut="B").eval()
    assert count(ours) == count(theirs) == 21_797_672
    layers = theirs.state_dict()
    assert len(layers) == len(ours.state_dict())
    ours.load_state_dict(
        dict(zip(ours.state_dict(), layers.values(), strict=True))
    )  # shapes are checked there
    images = random_images(2, 3, 64, 64)
    with (
        torch.no_grad(),
        probes.recording(ours, has_W) as mine,
        probes.recording(theirs, has_W) as others,
    ):
        torch.testing.assert_close(ours(images), theirs(images), rtol=1e-4, atol=1e-4)
    assert len(mine) == len(others) == 34 + 3
    for my, other in zip(mine, others, strict=True):
        torch.testing.assert_close(my.output, other.output, rtol=1e-4, atol=1e-4)


@pytest.fixture(scope="module")
def resnet34():
    return nets.resnet34(shortcut="A")


def test_resnet34_has_the_stages_of_the_paper(resnet34):
    """He et al. 2015, table 1: 3, 4, 6 and 3 blocks at 56, 28, 14 and 7 pixels a side, for an image
    of 224.
    """
    assert count(resnet34) == 21_623_848
    with torch.no_grad(), probes.recording(resnet34, is_block) as calls:
        assert resnet34(torch.zeros(1, 3, 224, 224)).shape == (1, 1000)
    stages = {(1, 64, 56, 56): 3, (1, 128, 28, 28): 4, (1, 256, 14, 14): 6, (1, 512, 7, 7): 3}
    assert [call.output.shape for call in calls] == [
        shape for shape, blocks in stages.items() for _ in range(blocks)
    ]
    assert len([module for module in resnet34.modules() if has_W(module)]) == 34


def test_plain_twin_of_resnet34_differs_in_its_skips_only(resnet34):
    plain = nets.resnet34("none")
    assert {block.skip for block in blocks_of(plain)} == {"none"}
    assert {block.skip for block in blocks_of(resnet34)} == {"inside"}
    assert plain.state_dict().keys() == resnet34.state_dict().keys()
    with pytest.raises(ValueError, match="a plain net has none"):
        nets.resnet34("none", shortcut="B")
