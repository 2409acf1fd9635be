"""Nets of one structure trained as one."""

import copy
from contextlib import contextmanager
from functools import partial

import torch
from torch.func import functional_call, vmap
from torch.nn import functional as F

from ._layers import take_all_nets
from ._losses import errors_of, losses_of
from ._replay import Replay, program_of


class Stack:
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
        self.program = None if self.constants or bfloat16 else program_of(copy.deepcopy(nets[0]), data[0][:2])
        self.replays = {}

    def _by_vmap(self):
        template = copy.deepcopy(self.nets[0])
        return template, lambda x: vmap(partial(functional_call, template))((self.views, self.constants), x)

    def _all_at_once(self):
        """A net that takes (nets, examples, ...), if it can be made and says what each net says by itself."""
        template = copy.deepcopy(self.nets[0])
        can = take_all_nets(template, self.views | self.constants)
        return (template, template) if can and self._agrees() else None

    @torch.no_grad()
    def _agrees(self):
        """Whether three nets say together what each says under vmap, of noise and with noise on their parameters.

        Without noise nets that are mixed may start equal, and a last layer of zeros would hide what stands before it.
        In float64, since a deep plain net makes much of rounding.
        """
        own, learned = torch.Generator().manual_seed(0), dict(self.nets[0].named_parameters())

        def noise(shape):
            return (torch.rand(shape, generator=own, dtype=torch.float64) - 0.5).to(self.data[0].device)

        numbers = {name: _exact(of_all[:3]) for name, of_all in (self.views | self.constants).items()}
        for name in learned:
            numbers[name] = numbers[name].nan_to_num(0, 0, 0) + 0.2 * noise(numbers[name].shape)
        x = noise((len(self.nets[:3]), *self.data[0][:4].shape))
        try:
            alone, together = (copy.deepcopy(self.nets[0]).double() for _ in range(2))
            take_all_nets(together, {name: values.clone() for name, values in numbers.items()})
            for training in (True, False):
                expected = vmap(partial(functional_call, alone.train(training)))(numbers, x)
                found = together.train(training)(x)
                if found.shape != expected.shape or not torch.allclose(found, expected, rtol=1e-3, atol=1e-3):
                    return False
        except Exception:  # whatever a module of the reader's own raises, when it is not given what it expects
            return False
        return True

    @contextmanager
    def _constants_kept(self):
        """Undo what a trial does to running statistics."""
        before = {name: values.clone() for name, values in self.constants.items()}
        try:
            yield
        finally:
            with torch.no_grad():
                for name, values in self.constants.items():
                    values.copy_(before[name])

    @torch.enable_grad()
    def rehearse(self):
        """Compute gradients and scores once, and learn nothing: vmap takes not every net, and raises what it likes."""
        if self.scores is self.template:
            return  # ``_agrees`` has tried it
        two = torch.arange(min(2, len(self.data[0])), device=self.data[0].device)
        with self._constants_kept():
            self.template.train()
            self._gradients(two.expand(len(self.nets), -1))
        with torch.no_grad():
            self.template.eval()
            self._scores_of_all(self.data[0][:2])

    @torch.enable_grad()  # whatever the caller has switched off
    def learn(self, batch):
        """Train for one epoch."""
        images, device = len(self.data[0]), self.data[0].device
        order = torch.stack([torch.randperm(images, generator=own) for own in self.orders]).to(device)
        self.template.train()
        for chosen in order.split(batch, dim=1):
            losses = self._gradients(chosen)
            for row, gradient, history, finite in zip(
                self.rows, self.gradients, self.histories, losses.isfinite().tolist(), strict=True
            ):
                row.grad = gradient if finite and not history.diverged else None
            self.optimizer.step()

    def _gradients(self, chosen):
        """Set the gradient of each net, return the losses (nets,); ``chosen`` (nets, batch) are images."""
        x, y, *_ = self.data
        if self.program:
            batch = len(chosen[0])
            if batch not in self.replays:
                self.replays[batch] = Replay(self.program, self.views, self.slots, batch, x)
            return self.replays[batch](x, y, chosen)
        x, y = (part.index_select(0, chosen.flatten()).unflatten(0, chosen.shape) for part in (x, y))
        with torch.autocast(x.device.type, torch.bfloat16, enabled=self.bfloat16):
            losses = losses_of(self.scores(x), y)
        # A weight that has no way to the loss (Ws of a net that was switched to plain) gets a gradient of 0.
        parts = torch.autograd.grad(losses.sum(), list(self.views.values()), materialize_grads=True)
        for slot, part in zip(self.slots.values(), parts, strict=True):
            slot.copy_(part)
        return losses

    @torch.no_grad()
    def measure(self):
        """The exact losses and errors over all images: (loss, training error, test error) of each net."""
        x_train, y_train, x_test, y_test = self.data
        self.template.eval()
        scores = self._scores_of_all(x_train)
        losses = [F.cross_entropy(own, y_train).item() for own in scores]
        errors = errors_of(scores, y_train), errors_of(self._scores_of_all(x_test), y_test)
        return list(zip(losses, *errors, strict=True))

    def _scores_of_all(self, x):
        """The scores of all nets for the same images (nets, images, classes), in chunks, so that memory stays small."""
        nets = len(self.nets)
        chunk = max(1, min(256, 2**21 // (nets * x[0].numel())))
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
        """Give the nets what was learned: their parameters and buffers."""
        for i, net in enumerate(self.nets):
            for name, view in self.views.items():
                net.get_parameter(name).copy_(view[i])
            for name, buffer in net.named_buffers():
                buffer.copy_(self.constants[name][i])


def _exact(values):
    """A copy in float64, of whole numbers as they are."""
    return values.clone().to(torch.float64 if values.is_floating_point() else values.dtype)


def _views(rows, like):
    """The parameters by name, of the shapes of ``like``, seen in rows (nets, parameters)."""
    parts = rows.split([values[0].numel() for values in like.values()], dim=1)
    return {name: part.view(values.shape) for (name, values), part in zip(like.items(), parts, strict=True)}
