"""Train one net, or many of them in lockstep; the result is a history of plain numbers.

The whole data set lies in memory as tensors. In lockstep nets of one structure are stacked: each layer of all of them
is one batched matrix product or one grouped convolution, and each core works on a stack of its own.
"""

import copy
import operator
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import fx, nn
from torch.func import functional_call, vmap
from torch.nn import functional as F

adam = partial(torch.optim.Adam, fused=True)  # one pass over memory instead of a dozen; the same numbers


@dataclass
class History:
    """What one training measured: a row (epoch, training loss, training error, test error) for each moment.

    The first row is the net before training. The loss is the mean cross-entropy in nats; errors are fractions of images
    put into a wrong class. ``history.training_loss`` and its like are the columns, as lists.
    ``diverged``: the loss became infinite or not a number; the rows end before that.
    ``stopped``: the training was interrupted; the rows hold what was measured until then.
    """

    rows: list[tuple[int, float, float, float]] = field(default_factory=list)
    diverged: bool = False
    stopped: bool = False

    epoch = property(lambda self: [row[0] for row in self.rows])
    training_loss = property(lambda self: [row[1] for row in self.rows])
    training_error = property(lambda self: [row[2] for row in self.rows])
    test_error = property(lambda self: [row[3] for row in self.rows])


def train(net, data, *, epochs, learning_rate, seed=0, **options):
    """Train one net in place; return its History. See ``train_many`` for arguments and errors."""
    return train_many([net], data, epochs=epochs, learning_rates=[learning_rate], seeds=[seed], **options)[0]


def train_many(nets, data, **arguments):
    """Train many nets in lockstep, in place; return one History each.

    ``arguments`` are those of ``lockstep``. An interrupt (the stop button of Jupyter) ends the training early: the
    nets and histories keep what was reached, and each history says ``stopped``.
    """
    histories = [History() for _ in nets]
    progress = lockstep(nets, data, **arguments)
    try:
        histories = next(progress)
        for _ in progress:
            pass
    except KeyboardInterrupt:
        for history in histories:
            history.stopped = True
    return histories


def lockstep(
    nets, data, *, epochs, learning_rates, seeds, batch=128, optimizer=adam, measure_every=1, bfloat16=False, **settings
):
    """Train ``nets`` in lockstep; yield the list of their histories before training and after each measured epoch.

    data: (x_train, y_train, x_test, y_test), arrays or tensors; x (images, ...) of numbers, y (images,) of classes.
    They go to the device of the nets, the images in the precision of the nets.
    learning_rates, seeds: one for each net. The seed alone orders the batches: nets of one seed see the same ones.
    ``optimizer(groups, **settings)`` is one of torch.optim that treats each number by itself: Adam, SGD, RMSprop, ...
    ``bfloat16`` trains as GPUs like it: products in that type where PyTorch holds it safe, feature maps with channels
    last. It rounds the steps, but neither the parameters nor what is measured.
    The nets may differ in their ``skip``, and in all else: those of one structure are stacked. With
    torch.set_num_threads(1) the stacks are trained one after another, otherwise side by side.
    The histories yielded are the same objects each time, growing. The nets hold their trained parameters once the
    generator ends or is closed; parameters with ``requires_grad`` off stay as they are.
    A net whose loss is no longer finite is frozen, and marked ``diverged`` when it is measured next; the others are not
    touched by it.
    Raises ValueError for data that are not finite or do not fit the nets or each other, for a net given twice, for
    ``epochs``, ``batch`` or ``measure_every`` below 1, for a learning rate that is not above 0, and for lists of
    different length.
    """
    _check({"epochs": epochs, "batch": batch, "measure_every": measure_every}, nets, learning_rates, seeds)
    histories, stacks = [History() for _ in nets], []
    for kind in _kinds(nets):
        like = next(nets[kind[0]].parameters())
        fitting = _tensors(data, like.device, like.dtype)
        _check_fit(nets[kind[0]], fitting, batch)
        share = len(kind) if like.is_cuda else -(-len(nets) // _threads())
        for part in (kind[at : at + share] for at in range(0, len(kind), share)):
            of_part = ([items[i] for i in part] for items in (nets, histories, learning_rates, seeds))
            stacks.append(_Stack(*of_part, fitting, partial(optimizer, **settings), bfloat16))
    moments = {epoch for epoch in range(epochs + 1) if epoch % measure_every == 0} | {epochs}
    return _epochs(stacks, histories, batch, moments)


def _epochs(stacks, histories, batch, moments):
    try:
        for epoch in range(max(moments) + 1):
            if epoch > 0:
                _side_by_side(lambda stack, stop: stack.learn(batch, stop), stacks)
            if epoch in moments:
                for stack, measured in zip(stacks, _side_by_side(_Stack.measure, stacks), strict=True):
                    stack.note(epoch, measured)
                yield histories
            if all(history.diverged for history in histories):
                return
    finally:
        for stack in stacks:
            stack.write_back()


def _kinds(nets):
    """The positions of the nets of each structure, down to their switches and to what is trained."""
    kinds = {}
    for i, net in enumerate(nets):
        numbers = [(name, p.shape, p.dtype, p.device, p.requires_grad) for name, p in net.named_parameters()]
        kinds.setdefault((str(net), *numbers), []).append(i)
    return kinds.values()


def _threads():
    """How many stacks are trained at a time: more than four would wait for one another at Python's lock."""
    return min(torch.get_num_threads(), 4)


def _side_by_side(work, stacks):
    """The results of ``work(stack, stop)``; an error or an interrupt sets ``stop`` and waits until all have ended."""
    stop, cores = threading.Event(), torch.get_num_threads()
    workers = min(_threads(), len(stacks))
    if workers == 1:
        return [work(stack, stop) for stack in stacks]
    try:
        with ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(cores // workers,)) as pool:
            try:
                return list(pool.map(work, stacks, [stop] * len(stacks)))
            finally:
                stop.set()
    finally:
        torch.set_num_threads(cores)  # threads that start later begin with the number that was set last


class _Linear(nn.Linear):
    """The same layer of many nets as one batched product: (nets, examples, inputs) to (nets, examples, outputs)."""

    def forward(self, a):
        W = self.weight.mT
        return a @ W if self.bias is None else torch.baddbmm(self.bias[:, None], a, W)


class _Conv2d(nn.Conv2d):
    """The same layer of many nets as one grouped convolution: (nets, examples, channels, height, width)."""

    def forward(self, a):
        nets, b = len(self.weight), None if self.bias is None else self.bias.flatten()
        W, groups = self.weight.flatten(0, 1), nets * self.groups
        z = F.conv2d(_channels(a), W, b, self.stride, self.padding, self.dilation, groups)
        return _nets(z, nets)


class _BatchNorm2d(nn.BatchNorm2d):
    """The same layer of many nets as one normalisation of all their channels, each with its own statistics."""

    def forward(self, a):
        own = [part.flatten() for part in (self.running_mean, self.running_var, self.weight, self.bias)]
        self.num_batches_tracked += self.training
        return _nets(F.batch_norm(_channels(a), *own, self.training, self.momentum, self.eps), len(self.weight))


def _channels(a):
    """(nets, examples, channels, ...) as (examples, nets * channels, ...), in which order they lie in memory."""
    return a.movedim(0, 1).flatten(1, 2)


def _nets(a, nets):
    return a.unflatten(1, (nets, -1)).movedim(1, 0)


def _take_all_nets(layer):
    """Make a layer without parts take (nets, examples, ...); return whether that is possible."""
    if type(layer) is nn.BatchNorm2d and (layer.momentum is None or not layer.affine or layer.running_mean is None):
        return False
    together = {nn.Linear: _Linear, nn.Conv2d: _Conv2d, nn.BatchNorm2d: _BatchNorm2d}.get(type(layer))
    if together:
        layer.__class__ = together
    elif type(layer) not in (nn.ReLU, nn.Identity):  # what has no numbers of its own takes all nets as more examples
        alone = layer.forward
        layer.forward = lambda a: alone(a.flatten(0, 1)).unflatten(0, a.shape[:2])
        return not layer.state_dict()
    return True


class _Stack:
    """Nets of one structure as one: the trained parameters of each net are a row of (nets, parameters)."""

    def __init__(self, nets, histories, rates, seeds, data, optimizer, bfloat16):
        self.nets, self.histories, self.data, self.bfloat16 = nets, histories, data, bfloat16
        self.orders = [torch.Generator().manual_seed(int(seed)) for seed in seeds]
        numbers = [dict(net.named_parameters()) | dict(net.named_buffers()) for net in nets]
        self.constants = {name: torch.stack([own[name].detach() for own in numbers]) for name in numbers[0]}
        trained = {name: self.constants.pop(name) for name, p in nets[0].named_parameters() if p.requires_grad}
        theta = torch.cat([values.flatten(1) for values in trained.values()], dim=1)
        gradients = torch.zeros_like(theta)
        self.rows, self.gradients = list(theta.unbind()), list(gradients.unbind())
        self.views = {name: view.requires_grad_() for name, view in _views(theta, trained).items()}
        self.slots = _views(gradients, trained)
        groups = {float(rate): {"params": [], "lr": float(rate)} for rate in rates}
        for row, rate in zip(self.rows, rates, strict=True):
            groups[float(rate)]["params"].append(row)
        self.optimizer = optimizer(list(groups.values()))
        self.template, self.scores = self._all_at_once() or self._by_vmap()
        self.program = None if self.constants or bfloat16 else _program(nets[0], data[0][0].numel())
        self.replays = {}

    def _by_vmap(self):
        template = copy.deepcopy(self.nets[0])
        return template, lambda x: vmap(partial(functional_call, template))((self.views, self.constants), x)

    def _all_at_once(self):
        """A net that takes (nets, examples, ...), if there is one and it says what each net says by itself."""
        template = copy.deepcopy(self.nets[0])
        if not all(_take_all_nets(layer) for layer in template.modules() if not list(layer.children())):
            return None
        for name, values in (self.views | self.constants).items():
            owner, _, own = name.rpartition(".")
            delattr(template.get_submodule(owner), own)
            setattr(template.get_submodule(owner), own, values)
        return (template, template) if self._agrees(template) else None

    @torch.no_grad()
    def _agrees(self, template):
        before = {name: values.clone() for name, values in self.constants.items()}
        x = self.data[0][:16]
        try:
            together = template.train()(x.expand(len(self.nets), *x.shape))
            alone = torch.stack([copy.deepcopy(net).train()(x) for net in self.nets])
        except (RuntimeError, ValueError):  # a forward that counts on the examples coming first
            return False
        finally:
            for name, values in self.constants.items():
                values.copy_(before[name])
        return together.shape == alone.shape and torch.allclose(together, alone, rtol=1e-3, atol=1e-3, equal_nan=True)

    def learn(self, batch, stop):
        """Train for one epoch, or until ``stop`` is set."""
        x, y, *_ = self.data
        order = torch.stack([torch.randperm(len(x), generator=own) for own in self.orders]).to(x.device)
        self.template.train()
        for indices in order.split(batch, dim=1):
            if stop.is_set():
                return
            losses = self._gradients(
                *(part.index_select(0, indices.flatten()).unflatten(0, indices.shape) for part in (x, y))
            )
            for row, gradient, history, finite in zip(
                self.rows, self.gradients, self.histories, losses.isfinite().tolist(), strict=True
            ):
                row.grad = gradient if finite and not history.diverged else None
            self.optimizer.step()

    def _gradients(self, x, y):
        """Set the gradient of each net, return the losses (nets,); x (nets, batch, ...), y (nets, batch)."""
        if self.program:
            if len(y[0]) not in self.replays:
                self.replays[len(y[0])] = _Replay(self.program, self.views, self.slots, x)
            return self.replays[len(y[0])](x, y)
        if self.bfloat16 and x.ndim == 5:
            x = _nets(_channels(x).contiguous(memory_format=torch.channels_last), len(x))
        with torch.autocast(x.device.type, torch.bfloat16, enabled=self.bfloat16):
            losses = _losses(self.scores(x), y)
        # A weight that has no way to the loss (Ws of a net that was switched to plain) gets a gradient of 0.
        parts = torch.autograd.grad(losses.sum(), list(self.views.values()), materialize_grads=True)
        for slot, part in zip(self.slots.values(), parts, strict=True):
            slot.copy_(part)
        return losses

    @torch.no_grad()
    def measure(self, stop):
        """The exact losses and errors over all images: (loss, training error, test error) of each net."""
        x_train, y_train, x_test, y_test = self.data
        self.template.eval()
        scores = self._scores_of_all(x_train)
        losses = [F.cross_entropy(own, y_train).item() for own in scores]
        return list(zip(losses, _errors(scores, y_train), _errors(self._scores_of_all(x_test), y_test), strict=True))

    def _scores_of_all(self, x):
        """The scores of all nets for the same images (nets, images, classes), in chunks, so that memory stays small."""
        nets = len(self.nets)
        chunk = max(1, min(512, 2**21 // (nets * x[0].numel())))
        return torch.cat([self.scores(part.expand(nets, *part.shape)) for part in x.split(chunk)], dim=1)

    def note(self, epoch, measured):
        """Add a row to the histories of the nets that still learn."""
        for history, row, (loss, *errors) in zip(self.histories, self.rows, measured, strict=True):
            finite = abs(loss) < float("inf") and bool(row.isfinite().all())
            history.diverged = history.diverged or not finite
            if not history.diverged:
                history.rows.append((epoch, loss, *errors))

    @torch.no_grad()
    def write_back(self):
        for i, net in enumerate(self.nets):
            for name, view in self.views.items():
                net.get_parameter(name).copy_(view[i])
            for name, buffer in net.named_buffers():
                buffer.copy_(self.constants[name][i])


def _views(rows, like):
    """The parameters by name, of the shapes of ``like``, seen in rows (nets, parameters)."""
    parts = rows.split([values[0].numel() for values in like.values()], dim=1)
    return {name: part.view(values.shape) for (name, values), part in zip(like.items(), parts, strict=True)}


def _losses(scores, y):
    """The mean cross-entropy of each net: scores (nets, batch, classes), y (nets, batch)."""
    return F.cross_entropy(scores.flatten(0, 1), y.flatten(), reduction="none").view(y.shape).mean(dim=1)


_KINDS = {nn.Linear: "linear", nn.ReLU: "relu", torch.relu: "relu", operator.add: "add"}


def _program(net, numbers):
    """A fully connected net for images of so many numbers, as steps (kind, inputs, output, layer); else None."""
    source, steps = {}, []
    try:
        nodes = fx.Tracer().trace(net).nodes
    except Exception:  # a forward that is not made for tracing may raise anything
        return None
    for node in nodes:
        inputs = [source[value] for value in node.all_input_nodes]
        layer = net.get_submodule(node.target) if node.op == "call_module" else None
        what = node.target if layer is None else type(layer)
        source[node] = inputs[0] if what in (nn.Identity, nn.Flatten, "output") else node
        if what in _KINDS and not getattr(layer, "inplace", False):
            steps.append((_KINDS[what], inputs, node, node.target))
        elif source[node] is node and node.op != "placeholder":
            return None
    return steps if _plain(net, steps, source[node], numbers) else None


def _plain(net, steps, scores, numbers):
    """Whether every value is used, by nothing else if a ReLU overwrites it, and every layer once, with a bias."""
    made, readers = {step[2] for step in steps}, Counter(value for step in steps for value in step[1])
    linear = [(net.get_submodule(layer), inputs[0]) for kind, inputs, _, layer in steps if kind == "linear"]
    return (
        scores in made
        and all((readers[value] > 0) != (value is scores) for value in made)
        and all(len(inputs) == (2 if kind == "add" else 1) for kind, inputs, *_ in steps)
        and all(kind == "linear" or made.issuperset(inputs) for kind, inputs, *_ in steps)
        and all(kind != "relu" or readers[inputs[0]] == 1 for kind, inputs, *_ in steps)
        and len({id(layer) for layer, _ in linear}) == len(linear)
        and all(layer.bias is not None for layer, _ in linear)
        and all(layer.in_features == numbers for layer, value in linear if value not in made)
    )


class _Replay:
    """The gradients of fully connected nets written out: autograd's products, in the same memory at every step.

    Measured for 20 layers of 64 units: autograd loses a third of the time to fresh memory and copies.
    """

    def __init__(self, program, views, slots, x):
        self.x = x.flatten(2).clone()
        self.forward, value = [], {}
        for kind, inputs, out, layer in program:
            a = value.get(inputs[0], self.x)
            if kind == "linear":
                W, b = views[f"{layer}.weight"].detach(), views[f"{layer}.bias"].detach()
                value[out] = a.new_empty(*a.shape[:2], len(W[0]))
                self.forward.append(partial(torch.baddbmm, b[:, None], a, W.mT, out=value[out]))
            elif kind == "relu":
                value[out] = a
                self.forward.append(a.relu_)
            else:
                value[out] = torch.empty_like(a)
                self.forward.append(partial(torch.add, a, value[inputs[1]], out=value[out]))
        self.scores = value[out]
        self.upstream = torch.empty_like(self.scores)
        self.backward = list(_backward(program, value, views, slots, self.x, out, self.upstream))

    def __call__(self, x, y):
        """Fill the slots, return the losses (nets,)."""
        self.x.copy_(x.flatten(2))
        for step in self.forward:
            step()
        scores = self.scores.detach().requires_grad_()
        losses = _losses(scores, y)
        self.upstream.copy_(torch.autograd.grad(losses.sum(), scores)[0])
        for step in self.backward:
            step()
        return losses.detach()


def _backward(program, value, views, slots, x, out, upstream):
    """The steps that lead from the gradient of the scores to those of all parameters."""
    g, spare = {out: upstream}, []

    def memory(a):
        fitting = [i for i, one in enumerate(spare) if one.shape == a.shape][-1:]
        return spare.pop(fitting[0]) if fitting else a.new_empty(a.shape)

    for kind, inputs, out, layer in reversed(program):
        own = g.pop(out)
        if kind == "linear":
            (source,), W = inputs, views[f"{layer}.weight"].detach()
            a = value.get(source, x)
            g_W = memory(W)
            yield partial(torch.bmm, own.mT, a, out=g_W)
            yield partial(slots[f"{layer}.weight"].copy_, g_W)
            spare.append(g_W)
            yield partial(torch.sum, own, 1, out=slots[f"{layer}.bias"])
            if source in g:
                yield partial(torch.baddbmm, g[source], own, W, out=g[source])
            elif a is not x:
                g[source] = memory(a)
                yield partial(torch.bmm, own, W, out=g[source])
            spare.append(own)
        elif kind == "relu":
            g[inputs[0]] = own
            yield partial(torch.ops.aten.threshold_backward.grad_input, own, value[out], 0, grad_input=own)
        else:
            for source in inputs:
                if source not in g:
                    g[source] = memory(own)
                    yield partial(g[source].copy_, own)
                else:
                    yield partial(g[source].add_, own)
            spare.append(own)


def _errors(scores, y):
    """Fractions of wrong images of each net: scores (nets, images, classes), y (images,)."""
    return (scores.argmax(dim=2) != y).double().mean(dim=1).tolist()


def _tensors(data, device, dtype):
    """The four arrays as tensors, once they are known to be usable; the images in ``dtype``."""
    x_train, y_train, x_test, y_test = (torch.as_tensor(array) for array in data)
    for name, x, y in (("training", x_train, y_train), ("test", x_test, y_test)):
        if len(x) != len(y) or len(x) == 0:
            raise ValueError(f"there are {len(x)} {name} images and {len(y)} labels; each image needs one label")
        bad = int((~x.to(dtype).isfinite()).sum())
        if bad:
            raise ValueError(f"the {name} images hold {bad} values that are infinite or not a number; mend them first")
        if y.ndim != 1:
            raise ValueError(
                f"the {name} labels have shape {tuple(y.shape)}, but must be ({len(x)},): one class an image"
            )
        if y.is_floating_point() or y.is_complex():
            raise ValueError(f"the {name} labels are of type {y.dtype}; classes are whole numbers from 0 on")
    x_train, x_test = (x.to(device, dtype) for x in (x_train, x_test))
    y_train, y_test = (y.to(device, torch.long) for y in (y_train, y_test))
    return x_train, y_train, x_test, y_test


@torch.no_grad()
def _check_fit(net, data, batch):
    """Send one image through the net, and compare the labels with the number of its scores."""
    x_train, y_train, x_test, y_test = data
    shape, kind = tuple(x_train.shape[1:]), str(x_train.dtype).removeprefix("torch.")
    try:
        classes = copy.deepcopy(net).eval()(x_train[:1]).shape[1]
    except (RuntimeError, ValueError) as error:
        raise ValueError(f"the net cannot take images of shape {shape} in {kind}: {error}") from error
    if tuple(x_test.shape[1:]) != shape:
        raise ValueError(f"training images have shape {shape}, but test images {tuple(x_test.shape[1:])}")
    if batch == 1 or len(x_train) % batch == 1:
        _check_lone_image(net, x_train, batch)
    labels = torch.cat([y_train, y_test])
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= classes:
        raise ValueError(f"the labels go from {low} to {high}, but the net has {classes} classes: 0 to {classes - 1}")


def _check_lone_image(net, x_train, batch):
    """A normalisation over the batch may not be able to take a single image; say so before the training."""
    try:
        copy.deepcopy(net).train()(x_train[:1])
    except ValueError as error:
        raise ValueError(f"batch = {batch} leaves one image alone, and this net needs two: choose another") from error


def _check(counts, nets, learning_rates, seeds):
    if not nets or not len(nets) == len(learning_rates) == len(seeds):
        raise ValueError(
            f"{len(nets)} nets, {len(learning_rates)} learning rates and {len(seeds)} seeds; give one of each per net"
        )
    for name, value in counts.items():
        if value < 1:
            raise ValueError(f"{name} = {value}, but it must be at least 1")
    for rate in learning_rates:
        if not rate > 0:
            raise ValueError(f"learning rate {rate}, but it must be above 0")
    if len(set(map(id, nets))) < len(nets):
        raise ValueError("the same net is given twice; build one for each training")
