"""Exercises of notebook 6: the head of a net, a net of 56 layers, a trained net made deeper, and
names for trained weights.
"""

import copy
import itertools

import numpy as np
import torch
from torch import nn

from helpers import nets, probes
from helpers.exercises import surgery
from helpers.exercises.checks import Exercise, Mistake, entries, picked, type_in_words
from helpers.exercises.watching import as_numbers
from helpers.files.torchvision import LAYERS


def head_cases():
    """Feature maps, W and b of the fully connected layer."""
    draw = torch.Generator().manual_seed(0)

    def case(examples, channels, side, classes):
        maps = torch.randint(0, 4, (examples, channels, side, side), generator=draw).float()
        shapes = (classes, channels), (classes,)
        return maps, *(torch.randint(-2, 3, shape, generator=draw) / 2 for shape in shapes)

    cases = [
        ("2 images, 3 channels of 2 x 2 and 5 classes", case(2, 3, 2, 5)),
        ("one image", case(1, 4, 7, 10)),
        ("as many images as classes", case(4, 3, 3, 4)),
    ]
    maps, W, b = case(2, 2, 2, 3)
    maps = maps * torch.tensor([500.0, 0.1]).view(2, 1, 1, 1)
    label = "scores around 1000 for one image and around 0 for the other"
    return [*cases, (label, (maps, W.abs() + torch.eye(3, 2), b))]


def over(scores, axis=1, taken_off=None):
    """Softmax over an axis, (0, 1) for all.

    taken_off: the axis whose largest score is taken off before exp, if another; or "nothing".
    """
    if taken_off != "nothing":
        scores = scores - scores.amax(axis if taken_off is None else taken_off, keepdim=True)
    powers = torch.exp(scores)
    return powers / powers.sum(axis, keepdim=True)


def ending(pooling=torch.mean, then=over, **how):
    """The end of a net, done in one of many ways."""
    return lambda maps, W, b: then(pooling(maps, dim=(2, 3)) @ W.T + b, **how)


def unmended():
    """{sentence: a function} with one, two or all three of the friend's mistakes."""
    three = {
        "the pooling takes the largest pixel, not the mean": {"pooling": torch.amax},
        "the sum goes along the images, not along the classes of one image": {"axis": 0},
        "exp of a large score overflows": {"taken_off": "nothing"},
    }
    return {
        ", and ".join(some): ending(**{key: how for one in some for key, how in three[one].items()})
        for number in (3, 2, 1)
        for some in itertools.combinations(three, number)
    }


def probabilities(solution, maps, W, b):
    """How many numbers of a result are not finite, and the result with -1 in their places."""
    given = as_numbers(solution(maps, W, b))
    finite = np.isfinite(given)
    return {"nan": (~finite).sum(), "probabilities": np.where(finite, given, -1.0)}


head = Exercise(
    name="head",
    title="A head with three mistakes",
    right=ending(),
    praise="right: the mean, one distribution for each image, and no overflow",
    cases=head_cases,
    observe=probabilities,
    mistakes=unmended()
    | {
        "the pooling takes the sum of the pixels, not the mean": ending(torch.sum),
        "the sum goes over all images and classes, so the probabilities of one image are less than "
        "1 in sum": ending(axis=(0, 1)),
        "the largest score of all images is taken off, and an image with small scores is left with "
        "0 / 0": ending(taken_off=(0, 1)),
        "the largest score of each class is taken off, so not the same number off all scores of an "
        "image": ending(taken_off=0),
        "the largest score of each image is taken off, but then the sum goes along the images": (
            ending(axis=0, taken_off=1)
        ),
        "these are the scores, without softmax": ending(then=lambda scores: scores),
        "these are logarithms of probabilities": ending(
            then=lambda scores: scores.log_softmax(dim=1)
        ),
        "b is forgotten, or the same for all classes, which is no help": lambda maps, W, b: over(
            maps.mean(dim=(2, 3)) @ W.T
        ),
    },
    says={"nan": "{got} entries of the result are nan or infinite, and {expected} should be"},
    tolerance=1e-5,
)


def counts(net):
    """The layers and shapes of a net through which a photograph of 32 x 32 pixels passes."""
    with torch.no_grad(), probes.recording(net.eval()) as calls:
        net(torch.zeros(1, 3, 32, 32))
    shapes = [(c.input.shape, c.output.shape) for c in calls if isinstance(c.module, nn.Conv2d)]
    blocks = probes.blocks(net)
    _, (_, channels, side, _) = shapes[-1]
    return {
        "blocks": len(blocks),
        "convolutions": len(shapes),
        "same convolutions": sum(before[2:] == after[2:] for before, after in shapes),
        "shortcuts that need Ws": sum(not isinstance(block.Ws, nn.Identity) for block in blocks),
        "channels at the end": channels,
        "pixels on a side at the end": side,
    }


RIGHT_COUNTS = counts(nets.convolutional(56, channels=3))
WRONG_PAPER = RIGHT_COUNTS | {"channels at the end": 512, "pixels on a side at the end": 7}
net_of_56 = Exercise(
    name="net_of_56",
    title="Read a net of 56 layers",
    right=RIGHT_COUNTS,
    praise="right: all 6 numbers follow from 6n + 2 = 56, three stages, and one halving between "
    "two stages",
    observe=lambda given: entries(given, list(RIGHT_COUNTS)),
    mistakes={"the last two numbers are those of ResNet-34 on 224 x 224 pixels": WRONG_PAPER},
    says={
        "blocks": "the number of blocks is not {got}: two of the 56 layers belong to no block, and "
        "a block takes two layers",
        "convolutions": "the number of convolutions is not {got}: all of the 56 layers but one are "
        "convolutions",
        "same convolutions": "the number of same convolutions is not {got}: those with stride 2 "
        "are not same, one at the start of each stage but the first",
        "shortcuts that need Ws": "the number of shortcuts that need Ws is not {got}: Ws is needed "
        "where the shape changes, between two stages, and there are 3 stages",
        "channels at the end": "the number of channels at the end is not {got}: 16 in the first "
        "stage, and twice as many in each of the other two",
        "pixels on a side at the end": "the side at the end is not {got} pixels: 32 in the first "
        "stage, and half of it in each of the other two",
    },
)


def trained_cases():
    """Nets whose normalisations have seen images, and images to compare scores with."""
    cases = []
    for layers, width in ((20, 4), (8, 3), (14, 2)):
        net = nets.convolutional(layers, seed=layers, width=width)
        draw = torch.Generator().manual_seed(layers)
        images = torch.randn(20, 1, 8, 8, generator=draw)
        with torch.no_grad():
            for parameter in net.parameters():
                parameter.add_(0.1 * torch.randn(parameter.shape, generator=draw))
            net.train()(3 * images + 1)
        cases.append((f"{layers} layers that begin with {width} channels", (net.eval(), images)))
    return cases


def weighted(net):
    """The layers that are counted: linear ones, and convolutions but for the 1 x 1 of shortcuts."""
    layers = [part for part in net.modules() if isinstance(part, nn.Conv2d | nn.Linear)]
    return [layer for layer in layers if layer.weight.shape[2:] != (1, 1)]


def odd_blocks(deeper, old):
    """Raise Mistake for a block at two places, a fully connected block, and the old net itself."""
    parts = list(deeper._modules.values())  # children() leaves out what comes twice
    for place, part in enumerate(parts):
        if isinstance(part, nets.Block) and (first := parts.index(part)) < place:
            raise Mistake(
                "a block is there twice, and is one block: make a new one for each place; entries "
                f"{first} and {place} are the same object"
            )
        if isinstance(part, nets.Block) and isinstance(part.second, nn.Linear):
            raise Mistake(
                f"entry {place} is a nets.Block, and nets.Block has fully connected layers; "
                "nets.convolutional_block makes the convolutional one"
            )
    now = list(deeper.parameters())
    same = len(now) == len(old) and all(map(torch.equal, now, old))
    if same and not any(isinstance(part, nn.Identity) for part in parts):
        raise Mistake(
            "this is the net as it was: the new blocks are not in what you return, and 3 of them "
            "should be"
        )


def silence(deeper, old):
    """Say which arrays of a new block are 0 and keep it from learning; "" if none are."""
    for block in deeper.modules():
        arrays = [p.detach() for p in block.parameters()] if isinstance(block, nets.Block) else []
        known = any(torch.equal(array, other) for array in arrays[::3] for other in old)
        if len(arrays) != 6 or known:
            continue
        W1, gamma1, _, W2, gamma2, beta2 = (not array.any() for array in arrays)
        if gamma2 and beta2 and (W1 or W2):
            return (
                "gamma and beta are 0, and a convolution before them is 0 as well, so that only "
                "the last beta gets a gradient: leave the convolutions at their own numbers"
            )
        if gamma1 and not gamma2:
            return "the first gamma is 0 and not the last"
    return ""


def deepening(solution, net, images):
    """Count the layers of a deeper net, and the new arrays that learn; compare the scores."""
    if isinstance(solution.__wrapped__, nn.Module):
        wanted = "hand in the function, which takes 1 net and returns 1"
        raise Mistake(f"it should be a function, and is a net; {wanted}")
    old = [parameter.detach().clone() for parameter in net.parameters()]
    widths = sorted({layer.out_channels for layer in weighted(net) if isinstance(layer, nn.Conv2d)})
    wanted = surgery.gradient(net, images)
    deeper = solution(net)
    if not isinstance(deeper, nn.Module):
        raise Mistake(f"it should return a net, and returns {type_in_words(deeper)}")
    odd_blocks(deeper, old)
    channels = [getattr(layer, "out_channels", None) for layer in weighted(deeper)]
    found = {"layers": len(channels)}
    found |= {f"stage {n}": channels.count(width) for n, width in enumerate(widths, start=1)}
    found["scores"] = surgery.scores(deeper.eval(), images)
    new = [p for p in deeper.parameters() if not any(torch.equal(p, other) for other in old)]
    why = silence(deeper, old)
    found |= surgery.learning(deeper, new, images, wanted)
    found["frozen"] = surgery.frozen(deeper.parameters())  # old arrays have to learn, too
    if why and found["unmoved"]:
        unmoved = deepen.says["unmoved"].format(got=found["unmoved"], expected=0)
        raise Mistake(f"{why}; {unmoved}")
    return found


def last_of_stages(net):
    """The places of the last block of each stage, from the back to the front."""
    places = surgery.places_of_blocks(net)
    return places[:: -len(places) // 3]


def identity_block(width, skip="inside", start="identity"):
    return nets.initialise(nets.convolutional_block(width, width, skip=skip), start)


def copied(net):
    """Put a silent copy behind the last block of each stage."""
    parts = list(net)
    for last in last_of_stages(net):
        parts.insert(last + 1, nets.initialise(copy.deepcopy(parts[last]), "identity"))
    return nn.Sequential(*parts)


def both_at_zero(width):
    block = identity_block(width)
    nn.init.zeros_(block.first[1].weight)
    return block


def deepened(make=identity_block, where=last_of_stages, **how):
    """A solution that puts make(width, **how) after each of the blocks ``where``."""

    def solution(net):
        parts = list(net)
        for last in where(net):
            parts.insert(last + 1, make(parts[last].second[0].out_channels, **how))
        return nn.Sequential(*parts)

    return solution


deepen = Exercise(
    name="deepen",
    title="Six layers more",
    right=deepened(),
    praise="right: one block more in each stage, not a bit of any score is changed, and all three "
    "blocks can learn",
    cases=trained_cases,
    observe=deepening,
    mistakes={
        "all new blocks are in the last stage": deepened(
            where=lambda net: surgery.places_of_blocks(net)[-1:] * 3
        ),
        "there is a new block after every old one": deepened(
            where=lambda net: surgery.places_of_blocks(net)[::-1]
        ),
        "the new blocks start at PyTorch's own numbers, not at the identity": deepened(
            lambda width: nets.convolutional_block(width, width)
        ),
        "the new blocks start at He's numbers, with gamma = 1, not at the identity": deepened(
            start="he"
        ),
        "at gamma = 0 and beta = 0 the plain block is silent": deepened(skip="none"),
        "the outside form is the identity here, and sleeps": deepened(skip="outside"),
        "more than one layer of the branch is at 0, so only the last beta learns": deepened(
            both_at_zero
        ),
        "where a stage has one block, that one changes the shape, and so does a copy of it: make a "
        "block that keeps it": copied,
        "nn.Identity has no layers and nothing that could learn": deepened(nn.Identity),
    },
    says=surgery.says("the new blocks", "them")
    | {
        "layers": "the new net has {got} layers with weights and should have {expected}: two more "
        "in each of the three stages",
        **{
            f"stage {n}": f"stage {n} has {{got}} convolutions and should have {{expected}}"
            for n in (1, 2, 3)
        },
        "scores": "the scores have changed: {where} should be {expected}, and yours is {got}",
        "frozen": "{got} arrays have requires_grad = False, so that they cannot learn, and "
        "{expected} should",
    },
    tolerance=0.0,
)


def named(theirs, layers=LAYERS):
    """torchvision's tensors of one block, {name: tensor}, under our names."""
    parts = {name: name.rsplit(".", 1) for name in theirs}
    return {f"{layers[layer]}.{which}": theirs[name] for name, (layer, which) in parts.items()}


def block_cases():
    """What torchvision keeps of two blocks: no two tensors are alike, and they come in no
    particular order.
    """
    theirs = {ours: name for name, ours in LAYERS.items()}
    cases = []
    for label, stride in (("a block that begins a stage", 2), ("a block within a stage", 1)):
        block = nets.convolutional_block(2 + stride % 2, 3, stride, shortcut="B")
        draw, given = torch.Generator().manual_seed(stride), {}
        for count, (name, tensor) in enumerate(reversed(block.state_dict().items())):
            layer, which = name.rsplit(".", 1)
            numbers = torch.rand(tensor.shape, generator=draw)
            counted = tensor.dtype == torch.long  # the batches that a normalisation has seen
            given[f"{theirs[layer]}.{which}"] = torch.tensor(100 + count) if counted else numbers
        cases.append((label, (given,)))
    return cases


def placing(solution, theirs):
    """Say which of torchvision's tensors is in a wrong place; else return how many there are."""
    before = {name: tensor.clone() for name, tensor in theirs.items()}
    wanted = named({name: name for name in theirs})
    given = solution(theirs)
    given = picked(given, sorted(wanted)) | dict(given)
    for name, tensor in given.items():
        if name not in wanted:
            raise Mistake(f"our block has no {name!r}, and what it has are {len(wanted)} tensors")
        if not isinstance(tensor, torch.Tensor):
            raise Mistake(f"{name} should be a tensor, and yours is {type_in_words(tensor)}")
        found = [source for source, other in before.items() if torch.equal(tensor, other)]
        if wanted[name] not in found:
            source = found[0] if found else "something that is none of torchvision's tensors"
            raise Mistake(f"in {name} is {source}, and {wanted[name]} should be there")
    return np.array(len(given))


to_ours = Exercise(
    name="to_ours",
    title="Other names for the same block",
    right=named,
    praise="right: all tensors of both blocks, 18 and 12, are in their places",
    cases=block_cases,
    observe=placing,
)
