"""What is wrong with the arguments of a training, said before it starts."""

import copy

import torch


def fitting(net, data, batch):
    """Return the four arrays as tensors on the device of the net, in its precision, once they fit
    it.
    """
    like = next(net.parameters())
    found = tensors(data, like.device, like.dtype)
    check_fit(net, found, batch)
    return found


def tensors(data, device, dtype):
    """Return the four arrays as tensors, once they are known to be usable; the images in ``dtype``."""
    x_train, y_train, x_test, y_test = (torch.as_tensor(array) for array in data)
    for name, x, y in (("training", x_train, y_train), ("test", x_test, y_test)):
        if len(x) != len(y) or len(x) == 0:
            raise ValueError(
                f"there are {len(x)} {name} images and {len(y)} labels; each image needs one label"
            )
        bad = int((~x.to(dtype).isfinite()).sum())
        if bad:
            raise ValueError(
                f"the {name} images hold {bad} values that are infinite or not a number; mend them "
                "first"
            )
        if y.ndim != 1:
            raise ValueError(
                f"the {name} labels have shape {tuple(y.shape)}, but must be ({len(x)},): one "
                "class an image"
            )
        if y.is_floating_point() or y.is_complex():
            raise ValueError(
                f"the {name} labels are of type {y.dtype}; classes are whole numbers from 0 on"
            )
    x_train, x_test = (x.to(device, dtype) for x in (x_train, x_test))
    y_train, y_test = (y.to(device, torch.long) for y in (y_train, y_test))
    return x_train, y_train, x_test, y_test


@torch.no_grad()
def check_fit(net, data, batch):
    """Send one image through the net, and compare the labels with the number of its scores."""
    x_train, y_train, x_test, y_test = data
    shape, kind = tuple(x_train.shape[1:]), str(x_train.dtype).removeprefix("torch.")
    try:
        scores = copy.deepcopy(net).eval()(x_train[:1])
    except (RuntimeError, ValueError, IndexError) as error:
        raise ValueError(
            f"the net cannot take images of shape {shape} in {kind}: {error}"
        ) from error
    found = tuple(getattr(scores, "shape", ()))
    if len(found) != 2 or found[0] != 1:
        raise ValueError(
            f"the net makes {found} of one image, but must make (1, classes): one row of scores an "
            "image"
        )
    classes = found[1]
    if tuple(x_test.shape[1:]) != shape:
        raise ValueError(
            f"training images have shape {shape}, but test images {tuple(x_test.shape[1:])}"
        )
    if batch == 1 or len(x_train) % batch == 1:
        _check_lone_image(net, x_train, batch)
    labels = torch.cat([y_train, y_test])
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= classes:
        raise ValueError(
            f"the labels go from {low} to {high}, but the net has {classes} classes: 0 to "
            f"{classes - 1}"
        )


def _check_lone_image(net, x_train, batch):
    """A normalisation over the batch may not be able to take a single image; say so before the
    training.
    """
    try:
        copy.deepcopy(net).train()(x_train[:1])
    except ValueError as error:
        raise ValueError(
            f"batch = {batch} leaves one image alone, and this net needs two: choose another"
        ) from error


def check_together(stack, number):
    """Refuse nets that can be trained by themselves only; ``number`` is that of the first net of
    the stack.
    """
    try:
        _rehearse(stack)
    except (RuntimeError, ValueError) as error:
        reason = str(error).strip().split("\n")[0]
        if "random operation" in reason:
            reason = "what it computes is random, as in nn.Dropout"
        raise ValueError(
            f"net number {number} cannot be trained in lockstep ({reason}); train it by itself, "
            "with torch.optim"
        ) from error


def _rehearse(stack):
    """Try one step without learning: vmap does not accept every net, and raises errors of many
    kinds.
    """
    before = {name: values.clone() for name, values in stack.fixed.items()}
    images = torch.arange(min(2, len(stack.data[0])), device=stack.data[0].device)
    try:
        stack.template.train()
        with torch.enable_grad():
            stack.differentiate(images.expand(len(stack.nets), -1))
        with torch.no_grad():
            stack.template.eval()
            stack.scores(
                stack.data[0][images].expand(len(stack.nets), *stack.data[0][images].shape)
            )
    finally:  # running statistics
        for name, values in before.items():
            stack.fixed[name].copy_(values)


def check(nets, learning_rates, seeds, **counts):
    """Refuse counts below 1 (by name), lists of different length, bad rates, nets given twice or
    without parameters.
    """
    if torch.is_inference_mode_enabled():
        raise ValueError(
            "no net learns in torch.inference_mode, which keeps no gradients: call this outside of "
            "it"
        )
    if not nets or not len(nets) == len(learning_rates) == len(seeds):
        raise ValueError(
            f"{len(nets)} nets, {len(learning_rates)} learning rates and {len(seeds)} seeds; give "
            "one of each per net"
        )
    for name, value in counts.items():
        if value < 1:
            raise ValueError(f"{name} = {value}, but it must be at least 1")
    for rate in learning_rates:
        if not rate > 0:
            raise ValueError(f"learning rate {rate}, but it must be above 0")
    if len(set(map(id, nets))) < len(nets):
        raise ValueError("the same net is given twice; build one for each training")
    for number, net in enumerate(nets):
        if not any(parameter.requires_grad for parameter in net.parameters()):
            raise ValueError(f"net number {number} has no parameter that learns")
