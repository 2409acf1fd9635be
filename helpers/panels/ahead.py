"""Looking ahead: while a panel rests, its next pictures are drawn, and kept by its page.

A move to a place that was foreseen is shown by the page at once, from any distance; the kernel
follows. What may change the pictures of a panel empties its store: a cell, a move of another panel,
a film, an error, other pixels. A panel that does not draw the same again, or draws another picture
than was foreseen, stops looking ahead. That is checked at each rest, before the page gets a
picture, since an update may read what no event tells of: the clock, or what a thread changes.
"""

import math
import time
import weakref
from functools import partial

import ipywidgets as widgets
from IPython import get_ipython
from ipywidgets.widgets.widget_selection import _Selection as Selection  # of one value out of a few

from helpers.panels.flow import Flow
from helpers.panels.reel import Reel

REST = 0.1  # seconds from a move to the first picture that is drawn ahead
PAUSE = 0.008  # seconds between two of them, in which the kernel hears of a move
LONGEST = 1.8  # seconds from a move to the last of them
SLOWEST = 0.2  # seconds that one may take; after two slower ones, no more until the next rest
REACH = 200  # places of a control, each way
ROOM = 6_000_000  # bytes of pictures that a page keeps; as its text, a third more
TRACK = ["min", "max", "step", "_options_labels"]  # what the places of a control depend on
SWITCHES = widgets.Checkbox | widgets.ToggleButton
TRACKS = widgets.IntSlider | widgets.FloatSlider | widgets.BoundedIntText | widgets.BoundedFloatText


def find_place(control):
    """Return the number of the place where a control is, counted from 0; None if between two."""
    if isinstance(control, Selection):
        return control.index
    if isinstance(control, SWITCHES):
        return int(control.value)
    if not isinstance(control, TRACKS) or not control.step:
        return None
    place = (control.value - control.min) / control.step
    return round(place) if math.isfinite(place) and abs(place - round(place)) < 1e-9 else None


def value_at(control, place):
    """Return the value of a control at a place: 0.3, also where a page comes to 0.1 + 0.2."""
    if isinstance(control, Selection):
        return control._options_values[place]
    if isinstance(control, SWITCHES):
        return bool(place)
    value = control.min + place * control.step
    if isinstance(value, int):
        return value
    return round(value, 10 - math.floor(math.log10(control.step)))


def last_place(control):
    """Return the number of the last place that a control can go to."""
    if isinstance(control, Selection):
        return len(control._options_values) - 1
    if isinstance(control, SWITCHES):
        return 1
    return int((control.max - control.min) / control.step + 1e-9)


def as_key(places):
    """Return places of several controls as one text."""
    return ",".join(map(str, places))


class Ahead:
    """Draws the next places of a panel while it rests, one picture at a time, and sends them.

    controls: {name: widget}. screen: the widget of the page's side. lock: held by whoever draws.
    draw: returns (png, sentence) at any values of controls, by name; the panel stays as it is.
    on: False for a panel whose pictures do not follow from the values of its controls alone.
    """

    def __init__(self, controls, draw, screen, lock, on=True):
        self._controls, self._draw, self._screen = controls, draw, screen
        self._lock, self.on, self._hidden, self._slow = lock, on, False, 0
        self._run, self._flow, self._go_on = None, Flow(), None
        self._known = {}  # {key: (digest, bytes)} of the pictures that the page has, oldest first
        self.comms = {part.model_id for part in (screen, *controls.values())}
        _panels.append(weakref.ref(self, _panels.remove))
        for control in controls.values():
            control.observe(lambda _change: self.forget(), names=TRACK)

    def here(self):
        """Return the key of the values of the controls; "" if one of them is at no place."""
        places = [find_place(control) for control in self._controls.values()]
        return "" if None in places else as_key(places)

    def shown(self):
        """Return (png, sentence) as the page shows them."""
        return self._screen.png, self._screen.sentence

    def rest(self, control, loop):
        """Begin, around the place where the controls are, with the places of this one."""
        self.stop()
        self._slow = min(self._slow, 1)  # it may have been the machine that was slow
        if self.on and not self._hidden and self.here():
            run = self._run = self._draw_around(control)
            loop.call_later(REST, self._step, run, loop, time.monotonic() + LONGEST)

    def hear(self, message, loop):
        """Take a message of the page: its store is empty, a picture has come, it is hidden or back,
        a control is touched.
        """
        match message:
            case {"view": "empty"}:
                self.forget(answer=True)
            case {"view": view}:
                self._hidden = view == "hidden"
                self.stop()
            case {"got": key}:
                self._flow.arrive(key)
                go_on, self._go_on = self._go_on, None
                if go_on:  # a picture was waited for
                    go_on()
            case {"touched": int(number)} if loop and number < len(self._controls):
                self._hidden = False
                self.rest(list(self._controls.values())[number], loop)

    def stop(self):
        """Draw nothing more ahead, until the next rest."""
        self._run = self._go_on = None

    def forget(self, answer=False):
        """Empty the store of the page. A picture that is being drawn is awaited."""
        self.stop()
        with self._lock:
            self._slow = 0
            if self._known or answer:
                self._known.clear()
                self._screen.send({"forget": True})

    def compare(self, picture):
        """Take (png, sentence) of the place where the controls are, which the kernel has drawn."""
        if self._known.get(self.here(), (hash(picture),))[0] != hash(picture):
            self._give_up()

    def _give_up(self):
        self.on = False
        self.forget()

    def _step(self, run, loop, end):
        next_step = partial(loop.call_later, PAUSE, self._step, run, loop, end)
        with self._lock:
            began = time.monotonic()
            if run is not self._run or _cell["runs"] or Reel.any_runs():
                return
            if began > end:
                return self.stop()
            if not self._flow.is_free():
                self._go_on = next_step
                return
            going = next(run, False)
            took = time.monotonic() - began
            self._slow = self._slow + 1 if took > SLOWEST else 0
        if going and self._slow < 2 and time.monotonic() + took < end:
            next_step()
        elif run is self._run:
            self.stop()

    def _draw_around(self, control):
        """Draw and send; yield True after each picture. Before any is sent the panel must draw the
        very picture that it shows, at once and coming back from another place; and at the end.
        """
        places = {name: find_place(control) for name, control in self._controls.items()}
        if not self._is_steady(places):
            return
        yield True
        proved, room = False, ROOM
        for key, values in self._find_next(places, control):
            if key not in self._known:
                picture = self._try(values)
                yield True
                if picture is None:
                    continue
                if not proved:
                    if not self._is_steady(places):
                        return
                    proved = True
                    self._keep(self.here(), self.shown())
                    room -= len(self.shown()[0])
                    yield True
                if room < len(picture[0]):
                    break
                self._keep(key, picture)
            self._known[key] = self._known.pop(key)  # the last to go
            room -= self._known[key][1]
        if proved:
            self._is_steady(places)

    def _is_steady(self, places):
        """Draw the place where the panel is. If that is not what it shows, give up."""
        same = self._try(self._values_at(places)) == self.shown()
        if not same:
            self._give_up()
        return same

    def _find_next(self, places, first):
        """Yield key and values of the places of one control, nearest first, then of the others."""
        for name, control in sorted(self._controls.items(), key=lambda item: item[1] is not first):
            here, last = places[name], last_place(control)
            near = range(max(0, here - REACH), min(last, here + REACH) + 1)
            for place in sorted(near, key=lambda place, here=here: abs(place - here))[1:]:
                there = places | {name: place}
                yield as_key(there.values()), self._values_at(there)

    def _values_at(self, places):
        return {name: value_at(self._controls[name], place) for name, place in places.items()}

    def _try(self, values):
        try:
            return self._draw(values)
        except (Exception, SystemExit):
            return None  # the move will tell

    def _keep(self, key, picture):
        """Send a picture; if the page has too many then, the oldest go."""
        png, sentence = picture
        self._known.pop(key, None)
        self._known[key] = hash(picture), len(png)
        dropped = []
        while sum(size for _, size in self._known.values()) > ROOM:
            dropped.append(next(iter(self._known)))
            del self._known[dropped[-1]]
        self._flow.send(key)
        self._screen.send({"places": key, "sentence": sentence, "dropped": dropped}, [png])


_panels = []  # weak references to all that look ahead
_cell = {"runs": get_ipython() is not None}  # which imports this


def forget_all(but=None):
    """Empty all stores: something has changed that updates may read."""
    for reference in tuple(_panels):
        if (ahead := reference()) not in (None, but):
            ahead.forget()


def _begin_any():
    """A cell begins, or the callback of a widget; that of a panel itself tells what it does."""
    message = get_ipython().kernel.get_parent() if hasattr(get_ipython(), "kernel") else {}
    of = message.get("content", {}).get("comm_id")
    panels = [reference() for reference in tuple(_panels)]
    if not any(ahead is not None and of in ahead.comms for ahead in panels):
        forget_all()


if get_ipython() is not None:
    get_ipython().events.register("pre_execute", _begin_any)
    get_ipython().events.register("pre_run_cell", lambda _info: _cell.update(runs=True))
    get_ipython().events.register("post_run_cell", lambda _result: _cell.update(runs=False))
