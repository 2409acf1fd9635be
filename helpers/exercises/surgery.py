"""What a reader's function did to nets: to the one it was given, and to the one it returns."""

from functools import partial

import torch
from torch import nn

from helpers import nets
from helpers.exercises.saying import first_difference, type_in_words
from helpers.exercises.watching import Mistake, call

STEPS, LEARNING_RATE = 3, 0.1  # of the training in ``unmoved``


def places_of_blocks(net):
    """Return where the blocks are among the entries of a net."""
    return [place for place, part in enumerate(net) if isinstance(part, nets.Block)]


def portrait(net):
    """Return all that can be changed in a net: {words: numbers, switches, modes, parts, hooks}."""
    found = {"the number of its entries": len(list(net.children()))}
    for name, part in net.named_modules():
        where = f"entry {name}" if name else "the net"
        found[f"the object at {where}"] = part
        switches = {key: value for key, value in vars(part).items() if not key.startswith("_")}
        found |= {f"{key} of {where}": value for key, value in switches.items()}
        hooks = len(part._forward_hooks) + len(part._forward_pre_hooks) + len(part._backward_hooks)
        found[f"the number of hooks of {where}"] = hooks
    for name, parameter in net.named_parameters():
        found[f"requires_grad of {name}"] = parameter.requires_grad
    return found | {name: array.clone() for name, array in net.state_dict().items()}


def check_untouched(net, before, said="it changes the net that was handed in"):
    """Raise Mistake if a net is not what its ``portrait`` from before shows."""
    after = portrait(net)
    for words, was in before.items():
        now = after.get(words)
        if isinstance(was, torch.Tensor):
            if was.dtype != now.dtype:
                raise Mistake(f"{said}: {words} {_was(was.dtype, now.dtype)}")
            if not torch.equal(was, now):
                where, *numbers = first_difference(was.numpy(), now.numpy(), name=words)
                raise Mistake(f"{said}: {where} {_was(*numbers)}")
        elif now is not was and now != was:
            pair = [type_in_words(one) if isinstance(one, nn.Module) else one for one in (was, now)]
            raise Mistake(f"{said}: {words} {_was(*pair)}")


def _was(before, after):
    after = "another one" if before == after else after
    return f"was {before} and is now {after}; leave it as it is, and work on a copy"


def scores(net, x):
    """Return what a reader's net makes of images. Raises Mistake if that is not a tensor."""
    out = call("the net that it returns", net, x)
    if not isinstance(out, torch.Tensor):
        wanted = "the net that it returns should make a tensor of the images"
        raise Mistake(f"{wanted}, and makes {type_in_words(out)}")
    return out


def flow(words, out, *leaves):
    """Return the gradients of the sum of ``out`` at each of the ``leaves``; 0 if it is cut off.

    Raises Mistake, "``words`` raises ...", if there is no way back.
    """
    if not out.requires_grad:
        return [torch.zeros_like(leaf) for leaf in leaves]
    return call(words, partial(torch.autograd.grad, out.sum(), leaves, materialize_grads=True))


def gradient(net, x):
    """Return the gradient of the sum of all scores at the images, of the shape of ``x``."""
    leaf = x.clone().requires_grad_()
    return flow("backward", scores(net, leaf), leaf)[0]


def differing(some, others):
    """Return how many examples are not the same in two tensors, up to rounding."""
    if some.shape != others.shape:
        return len(others)
    close = torch.isclose(some, others, rtol=1e-4, atol=1e-6)
    return int((~close.flatten(1).all(dim=1)).sum())


def frozen(parameters):
    """Return how many arrays are kept from learning."""
    return sum(not parameter.requires_grad for parameter in parameters)


@torch.no_grad()
def differing_when_halved(net, parameters, x):
    """Return how many images get other scores while the numbers of ``parameters`` are halved.

    None do if these belong to a block whose branch is silent and whose shortcut has no weights.
    """
    before = scores(net, x)
    for parameter in parameters:
        parameter.mul_(0.5)
    after = scores(net, x)
    for parameter in parameters:
        parameter.mul_(2.0)
    return differing(after, before)


def unmoved(net, parameters, x):
    """Train a net for a few steps; return how many of ``parameters`` are still what they were."""
    before = [parameter.detach().clone() for parameter in parameters]
    for _ in range(STEPS):
        net.zero_grad()
        out = scores(net, x)
        loss = nn.functional.cross_entropy(out, torch.arange(len(x)) % out.shape[1])
        call("a step of training", loss.backward)
        with torch.no_grad():
            for parameter in net.parameters():
                if parameter.grad is not None:
                    parameter.sub_(LEARNING_RATE * parameter.grad)
    return sum(map(torch.equal, before, parameters))


def says(which, it):
    """Return the sentences about what ``learning`` finds; which, it: words for the blocks."""
    return {
        "gradient": "the scores are right, but for {got} images, and {expected} should be, another "
        "gradient flows back through the net; detach, .data and no_grad cut it off",
        "halved": f"when all numbers of {which} are halved, the scores of {{got}} images change, "
        f"and {{expected}} should: a shortcut without weights has to make {it} the identity",
        "frozen": f"{{got}} arrays of {which} are frozen (requires_grad is False), and "
        "{expected} should be",
        "unmoved": f"after a short training {{got}} arrays of {which} are still what they were, "
        "and {expected} should be",
    }


def learning(net, arrays, x, wanted):
    """Return what keeps new ``arrays`` of a net from learning: {what is wrong: how much}.

    wanted: the gradient at the images in a net that works.
    """
    return {
        "gradient": differing(gradient(net, x), wanted),
        "halved": differing_when_halved(net, arrays, x),
        "frozen": frozen(arrays),
        "unmoved": unmoved(net.train(), arrays, x),
    }
