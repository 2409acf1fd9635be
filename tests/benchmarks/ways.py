"""Three ways of showing a figure that follows a slider, and how long each takes to show a move."""

import math
import statistics
import time

BURST = 40
REST = 2200  # milliseconds: the kernel has drawn ahead what it may
FORGET = "() => window.dispatchEvent(new CustomEvent('explore:moved'))"

# First cell of a notebook whose panels shall be those of interact: the same figures and updates,
# shown by pyplot.
TWIN = """
import inspect
from ipywidgets import interactive
from matplotlib import pyplot
from matplotlib._pylab_helpers import Gcf
from matplotlib_inline.backend_inline import new_figure_manager_given_figure
from helpers import explore, plots
get_ipython().run_line_magic("matplotlib", "inline")

explore_itself = explore.explore
del plots.Pixels.draw, plots.Name.draw  # what is left is AxesImage and Annotation

def with_interact(figure, update, labels=None, **controls):
    if inspect.isgeneratorfunction(update):
        return explore_itself(figure, update, labels, **controls)
    def show(**values):
        sentence = update(**values)
        Gcf._set_new_active_manager(new_figure_manager_given_figure(1, figure))
        pyplot.show()
        print(sentence)
    shown = interactive(show, **explore.make(update, controls, labels or {}))
    shown.update()
    return shown

explore.explore = with_interact
"""
FLOOR = """
import io
import ipywidgets
from PIL import Image
pixels = []
for grey in range(101):
    buffer = io.BytesIO()
    Image.new("L", (1, 1), grey).save(buffer, "png")
    pixels.append(buffer.getvalue())
image, slider = ipywidgets.Image(value=pixels[100]), ipywidgets.IntSlider(max=100, value=100)
slider.observe(lambda change: setattr(image, "value", pixels[change.new]), "value")
ipywidgets.VBox([slider, image])
"""
# Note the time of each key press, and of each picture once it is decoded and the frame with it is
# on its way.
WATCH = """
root => {
  window.watch?.disconnect();
  const seen = window.seen = {keys: [], pictures: []};
  if (!window.keysHeard) {
    document.addEventListener('keydown', event => window.seen.keys.push(event.timeStamp), true);
    window.keysHeard = true;
  }
  let last = root.querySelector('img')?.src;
  const look = async () => {
    const image = root.querySelector('img');
    if (!image || !image.src || image.src === last) return;
    last = image.src;
    try { await image.decode(); } catch { return; }
    requestAnimationFrame(() => setTimeout(() => {
    seen.pictures.push(performance.now());
    seen.told?.();
  }, 0));
  };
  window.watch = new MutationObserver(look);
  const what = {subtree: true, childList: true, attributes: true, attributeFilter: ['src']};
  window.watch.observe(root, what);
}
"""
# Whether so many pictures come within ten seconds.
COME = """
count => new Promise(come => {
  window.seen.told = () => window.seen.pictures.length >= count && come(true);
  window.seen.told();
  setTimeout(() => come(false), 10_000);
})
"""


# Press a key, wait for the picture, and again; there and back over the whole slider. The title
# tells how often, and what the scripts hold then.
DRAG = """
async root => {
  const handle = root.querySelector('.noUi-handle'), image = root.querySelector('img');
  for (let done = 0; ; done++) {
    if (done % 180 === 0) {
      gc();
      document.title = `${done} moves ${performance.memory.usedJSHeapSize}`;
    }
    const seen = new Promise(go => new MutationObserver((_, it) => { it.disconnect(); go(); })
      .observe(image, {attributes: true, attributeFilter: ['src']}));
    const key = Math.floor(done / 90) % 2 ? 'ArrowRight' : 'ArrowLeft';
    handle.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true, cancelable: true}));
    await seen;
  }
}
"""
THERE_AND_BACK = 180  # moves: the slider ends where it began
WARM, LONG = 3 * THERE_AND_BACK, 56 * THERE_AND_BACK


class Way:
    """One way to put a moving picture on a page: the page, its box there, and its control."""

    def __init__(self, page, box):
        self.page, self.box, self.times, self.foreseen = page, box, [], []
        self.control = box.locator(".noUi-handle, select, input[type=checkbox]").first
        # Without this, JupyterLab keeps the arrow keys from the drop-downs of interact.
        self.control.evaluate("control => { control.dataset.lmSuppressShortcuts = 'true'; }")
        self.keys = self._there_and_back()

    def _there_and_back(self):
        kind = self.control.evaluate("e => e.tagName + (e.type || '')")
        if kind == "INPUTcheckbox":
            return ["Space"]
        if kind.startswith("SELECT"):
            count, here = self.control.evaluate("e => [e.length, e.selectedIndex]")
            up, down = "ArrowUp", "ArrowDown"
            free, gone = count - 1 - here, here
        else:
            up, down = "ArrowLeft", "ArrowRight"
            free, gone = self._room(up, down)
        return [down] * free + [up] * (free + gone) + [down] * gone

    def _room(self, up, down):
        """How many steps of the slider there are to the right, and to the left: 8 in the direction
        that has more.
        """
        low, before, high = self._stands_at()
        self.control.press(up if before > low else down)
        now = self._stands_at()[1]
        step = (
            abs(now - before) or (high - low) / 100
        )  # a small step may be too small to be written
        right = high - now > now - low
        steps = min(8, round((high - now if right else now - low) / step))
        return (steps, 0) if right else (0, steps)

    def _stands_at(self):
        return [
            float(self.control.get_attribute(f"aria-value{part}")) for part in ("min", "now", "max")
        ]

    def begin(self, rest=300):
        self.page.bring_to_front()
        self.control.scroll_into_view_if_needed()
        self.control.hover()
        self.control.focus()
        self.page.wait_for_timeout(rest)
        self.box.evaluate(WATCH)

    def press(self):
        self.keys.append(self.keys.pop(0))
        self.page.keyboard.press(self.keys[-1])

    def move(self, count, foreseen=False):
        self.begin(REST if foreseen else 300)
        for done in range(1, count + 1):
            if not foreseen:
                self.page.evaluate(FORGET)
            self.press()
            assert self.page.evaluate(COME, done), (
                f"no new picture after {self.keys[-1]}, move {done} of {self.keys}"
            )
            keys, pictures = self.page.evaluate("[window.seen.keys, window.seen.pictures]")
            (self.foreseen if foreseen else self.times).append(pictures[-1] - keys[-1])
            # The kernel is idle again, or has drawn what is near; and the page is idle.
            self.page.wait_for_timeout(400 if foreseen else 120)
            self.page.evaluate(f"() => {{ window.seen.pictures.length = {done}; }}")

    def burst(self):
        """Press keys for one second, after a rest; return the distinct pictures, and how late the
        last one is, in ms.
        """
        self.begin(REST)
        start = time.perf_counter()
        for number in range(BURST):
            time.sleep(max(0.0, start + number / BURST - time.perf_counter()))
            self.press()
        self.page.wait_for_timeout(2000)
        keys, pictures = self.page.evaluate("[window.seen.keys, window.seen.pictures]")
        last, took = pictures[-1] - keys[-1], keys[-1] - keys[0]
        return {"pictures": len(pictures), "last": round(last, 1), "pressed_in": round(took, 1)}


def summary(times):
    ordered = sorted(times)
    return {
        "median": round(statistics.median(times), 1),
        "p95": round(ordered[math.ceil(0.95 * len(ordered)) - 1], 1),
        "moves": len(times),
    }
