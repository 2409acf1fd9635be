"""What is wrong with the arguments of a training, said before it starts."""

import copy

import torch


def fitting(net, data, batch):
    """Return the four arrays as tensors on the net's device, the images in its precision.

    Raises ValueError if they do not fit each other or the net.
    """
    like = next(net.parameters())
    found = tensors(data, like.device, like.dtype)
    _check_fit(net, found, batch)
    return found


def tensors(data, device, dtype):
    """Return (x_train, y_train, x_test, y_test) as tensors on ``device``, the images in ``dtype``.

    Raises ValueError for images that are not finite, and for labels that are no classes.
    """
    x_train, y_train, x_test, y_test = (torch.as_tensor(array) for array in data)
    _check_arrays("training", x_train.to(dtype), y_train)
    _check_arrays("test", x_test.to(dtype), y_test)
    x_train, x_test = (x.to(device, dtype) for x in (x_train, x_test))
    y_train, y_test = (y.to(device, torch.long) for y in (y_train, y_test))
    return x_train, y_train, x_test, y_test


def _check_arrays(name, x, y):
    if len(x) != len(y) or len(x) == 0:
        raise ValueError(
            f"there are {len(x)} {name} images and {len(y)} labels; each image needs one label"
        )
    if bad := int((~x.isfinite()).sum()):
        raise ValueError(
            f"the {name} images hold {bad} values that are infinite or not a number; "
            "mend them first"
        )
    if y.ndim != 1:
        raise ValueError(
            f"the {name} labels have shape {tuple(y.shape)}, but must be ({len(x)},): "
            "one class an image"
        )
    if y.is_floating_point() or y.is_complex():
        raise ValueError(
            f"the {name} labels are of type {y.dtype}; classes are whole numbers from 0 on"
        )


@torch.no_grad()
def _check_fit(net, data, batch):
    """Send one image through the net, and compare the labels with the number of its scores."""
    x_train, y_train, x_test, y_test = data
    classes, shape = _count_classes(net, x_train[:1]), tuple(x_train.shape[1:])
    if tuple(x_test.shape[1:]) != shape:
        raise ValueError(
            f"training images have shape {shape}, but test images {tuple(x_test.shape[1:])}"
        )
    if batch == 1 or len(x_train) % batch == 1:
        _check_lone_image(net, x_train[:1], batch)
    labels = torch.cat([y_train, y_test])
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= classes:
        raise ValueError(
            f"the labels go from {low} to {high}, but the net has {classes} classes: "
            f"0 to {classes - 1}"
        )


def _count_classes(net, x):
    try:
        scores = copy.deepcopy(net).eval()(x)
    except (RuntimeError, ValueError, IndexError) as error:
        shape, dtype = tuple(x.shape[1:]), str(x.dtype).removeprefix("torch.")
        raise ValueError(
            f"the net cannot take images of shape {shape} in {dtype}: {error}"
        ) from error
    found = tuple(getattr(scores, "shape", ()))
    if len(found) != 2 or found[0] != 1:
        raise ValueError(
            f"the net makes {found} of one image, but must make (1, classes): "
            "one row of scores an image"
        )
    return found[1]


def _check_lone_image(net, x, batch):
    """A normalisation over the batch may not be able to take a single image."""
    try:
        copy.deepcopy(net).train()(x)
    except ValueError as error:
        raise ValueError(
            f"batch = {batch} leaves one image alone, and this net needs two: choose another"
        ) from error


def check_together(stack, number):
    """Raise ValueError for nets that vmap refuses; ``number`` is that of the stack's first net."""
    try:
        _rehearse(stack)
    except (RuntimeError, ValueError) as error:
        reason = str(error).strip().split("\n")[0]
        if "random operation" in reason:
            reason = "what it computes is random, as in nn.Dropout"
        raise ValueError(
            f"net number {number} cannot be trained in lockstep ({reason}); train it by itself, "
            "with training.train"
        ) from error


def _rehearse(stack):
    """Try one step without learning: vmap raises errors of many types for nets it cannot take."""
    before = {name: values.clone() for name, values in stack.fixed.items()}
    images = torch.arange(min(2, len(stack.data[0])), device=stack.data[0].device)
    chosen = images.expand(len(stack.nets), -1)
    try:
        stack.template.train()
        with torch.enable_grad():
            stack.differentiate(chosen)
        stack.template.eval()
        with torch.no_grad():
            stack.scores(stack.data[0][chosen])
    finally:  # running statistics
        for name, values in before.items():
            stack.fixed[name].copy_(values)


def check(nets, learning_rates, seeds, counts):
    """Raise ValueError for numbers that make no training, and for nets that cannot learn.

    counts: (epochs, batch, measure_every).
    """
    if torch.is_inference_mode_enabled():
        raise ValueError(
            "no net learns in torch.inference_mode, which keeps no gradients: "
            "call this outside of it"
        )
    if not nets or not len(nets) == len(learning_rates) == len(seeds):
        raise ValueError(
            f"{len(nets)} nets, {len(learning_rates)} learning rates and {len(seeds)} seeds; "
            "give one of each per net"
        )
    for name, value in zip(("epochs", "batch", "measure_every"), counts, strict=True):
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
