"""Run a notebook in the browser, move every control by keyboard and by mouse, see picture and
sentence change.
"""

import re
import time

import pytest
from lab import MINUTE, open_notebook, run_all
from moves import changes, drag, menu, move_every_control, panels
from playwright.sync_api import expect

from helpers.panels.panel import Screen

KERNELS = {"python3": re.compile("^ipykernel 7"), "old": re.compile("^ipykernel 6")}

# A view of a model that counts who listens, put up in a panel or not, used, and removed. Timers run
# as usual.
REMOVED = """
async ([code, attached]) => {
  const { default: screen } = await import(`data:text/javascript;base64,${btoa(code)}`);
  const png = new DataView(new ArrayBuffer(0));
  const controls = ["IPY_MODEL_control"];
  const values = { png, width: 8, height: 8, size: 1, sentence: "", stand_in: "a", controls };
  values.words = {};
  const listening = new Set(), sent = [];
  const model = {
    get: name => values[name], set() {}, save_changes() {}, send: message => sent.push(message),
    on: (event, listener) => listening.add(`${event} ${listener}`),
    off: (event, listener) => listening.delete(`${event} ${listener}`),
    widget_manager: { get_model: async () => model },
  };
  const panel = document.createElement("div"), el = document.createElement("div");
  panel.className = "widget-vbox";
  panel.append(document.createElement("div"), el);
  const end = screen.render({ model, el: attached ? el : document.createElement("div") });
  const use = () => panel.dispatchEvent(new KeyboardEvent("keyup"));
  await new Promise(done => setTimeout(done, 100));  // the controls are found
  const before = listening.size;
  sent.length = 0;
  use();
  end();
  use();
  let frames = 0;
  const ask = window.requestAnimationFrame;
  window.requestAnimationFrame = then => ask(time => { frames += 1; then(time); });
  await new Promise(done => setTimeout(done, 3500));
  window.requestAnimationFrame = ask;
  return { before, after: listening.size, sent, frames };
}
"""


# Timers that the test rings, in place of the browser's: ``pass`` returns when they were due.
TIMERS = """
const timers = new Map(), clearTimeout = (number) => timers.delete(number);
let last = 0;
const setTimeout = (call, after = 0) => (timers.set(++last, [call, after]), last);
export const beats = [], setInterval = (call) => beats.push(call), clearInterval = () => {};
export function pass() {
  const due = [...timers.values()];
  timers.clear();
  return due.map(([call, after]) => (call(), after));
}
"""
OUTAGE = """
async (code) => {
  const module = await import(`data:text/javascript;base64,${btoa(code)}`);
  const told = {}, heard = {}, values = { places: "3" }, control = { _pending_msgs: 1 };
  const model = { get: (name) => values[name], on: (event, call) => (heard[event] = call) };
  control.get = (name) => ({ min: 0, step: 1, value: 5 })[name];
  control.save = (wish) => (told.again = wish);
  const panel = document.createElement("div"), note = {}, sent = [];
  model.send = (message) => sent.push(message);
  module.askWhenUsed(model, [control], panel, note, new AbortController().signal);
  for (const event of ["keyup", "pointerup"]) panel.dispatchEvent(new Event(event));
  told.silent = Array.from(Array(5), () => [module.pass(), !note.hidden]);
  heard["msg:custom"]("here");
  told.back = [note.hidden, control._pending_msgs, module.pass()];
  values.places = "5";
  heard["change:places"]();
  told.followed = module.pass();
  for (values.running of [true, false]) module.beats[0]();
  told.film = module.pass();
  heard["change:running"]();
  return { ...told, sent };
}
"""


def test_a_silent_kernel_is_asked_again_and_again_and_hears_what_was_done_meanwhile(offline):
    seen = offline.evaluate(OUTAGE, f"{TIMERS}{Screen._esm}\nexport {{ askWhenUsed }};")
    asked = ["are you there?"] * 5
    assert seen.pop("sent") == [*asked, "are you there?", "alive", "are you there?", "alive"]
    waits = [([0, 2500, 0], False), ([2500], True), ([5000], True), ([10_000], True)]
    assert seen == {
        "silent": [[wait, shown] for wait, shown in [*waits, waits[-1]]],
        "again": {"value": 5},
        "back": [True, 0, [2500]],  # until it is where the control is
        "followed": [],
        "film": [2500],
    }


@pytest.mark.parametrize("attached", [True, False])
def test_nothing_of_a_removed_view_goes_on(offline, attached):
    seen = offline.evaluate(REMOVED, [Screen._esm, attached])
    assert seen.pop("before") >= 3
    assert seen == {"after": 0, "sent": [], "frames": 0}


def test_every_kind_of_control_moves_the_picture_and_the_sentence(opened):
    page = opened("controls")
    assert move_every_control(page, panels(page).first) == 5
    a_picture_keeps_its_size(page)
    everything_has_a_name(page)


def a_picture_keeps_its_size(page):
    panel = panels(page).first
    before = panel.bounding_box()
    drag(page, panel.locator(".noUi-handle").first, -150)
    assert panel.bounding_box()["height"] == pytest.approx(before["height"], abs=1)


def everything_has_a_name(page):
    """What a screen reader says of the controls, the picture and the sentence."""
    panel = panels(page).first
    for name in ("count", "height, m"):
        expect(panel.get_by_role("slider", name=name, exact=True)).to_have_count(1)
        box = panel.get_by_role("textbox", name=f"{name}, exact value", exact=True)
        expect(box).to_have_count(1)
    for name in ("kind", "side"):
        expect(panel.get_by_role("combobox", name=name, exact=True)).to_have_count(1)
    expect(panel.get_by_role("checkbox", name="thick")).to_have_count(1)
    assert panel.get_by_role("img").get_attribute("alt")
    expect(panel.get_by_role("status")).not_to_be_empty()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "controls"),
    [
        ("00_start_here", [1, 1]),
        ("01_the_residual_block", [1, 1, 1]),
        ("02_shrinking_to_the_identity", [2, 3, 1, 2]),
        ("03_two_more_layers", [1, 1]),
        ("05_matching_dimensions", [3, 3]),
        ("06_resnets_on_images", [0, 3]),
        ("07_why_it_works", [1, 1, 2, 0, 2, 3]),
        ("08_at_scale", [3, 3]),
    ],
)
def test_every_control_of_a_notebook_moves_the_picture_and_the_sentence(opened, name, controls):
    page = opened(name)
    # The page puts them up one by one.
    expect(panels(page)).to_have_count(len(controls), timeout=MINUTE)
    for panel, count in zip(panels(page).all(), controls, strict=True):
        panel.scroll_into_view_if_needed()
        assert move_every_control(page, panel) == count


def test_an_error_is_a_sentence_the_next_move_works_and_letters_do_nothing(opened, kernel):
    page = opened(f"broken_{kernel}")
    expect(page.get_by_text(KERNELS[kernel])).to_be_visible()
    panel = panels(page).first
    panel.locator(".noUi-handle").focus()
    page.keyboard.press("ArrowLeft")  # x = 0
    expect(panel.locator("[role=alert]")).to_contain_text("ZeroDivisionError", timeout=15_000)
    page.keyboard.press("ArrowRight")
    expect(panel.locator("[role=alert]")).to_have_count(0, timeout=15_000)
    expect(panel.locator("[role=status]").first).to_have_text("x is 1.")
    letters_do_nothing_to_the_cells(page, panel)


def letters_do_nothing_to_the_cells(page, panel):
    cells = page.locator(".jp-Notebook .jp-Cell").count()
    panel.locator(".noUi-handle").focus()
    for key in "bax":  # in JupyterLab: new cell below, above, cut
        page.keyboard.press(key)
    page.wait_for_timeout(500)
    assert page.locator(".jp-Notebook .jp-Cell").count() == cells


def frame(panel):
    return int(re.search(r"\d+", panel.locator("[role=status]").first.text_content()).group())


def test_a_film_starts_pauses_steps_and_resets(opened, kernel):
    page = opened(f"film_{kernel}")
    expect(page.get_by_text(KERNELS[kernel])).to_be_visible()
    panel = panels(page).first
    press = {
        name: panel.get_by_role("button", name=name) for name in ("start", "pause", "step", "reset")
    }
    assert frame(panel) == 0
    changes(panel, press["start"].click, "start")
    changes(panel, lambda: None, "going on by itself")
    beside = panels(page).nth(1)
    changes(
        beside,
        lambda: beside.locator(".noUi-handle").press("ArrowRight"),
        "another slider meanwhile",
    )
    press["pause"].click()
    time.sleep(1)
    here = frame(panel)
    time.sleep(0.5)
    assert frame(panel) == here > 0
    changes(panel, press["step"].click, "step")
    assert frame(panel) >= here + 1
    changes(panel, press["reset"].click, "reset")
    assert frame(panel) == 0


def test_the_stop_button_of_jupyter_ends_a_film_in_a_cell_and_keeps_what_it_computed(opened):
    page = opened("film_python3")
    page.locator(".jp-CodeCell .cm-content").nth(1).click()
    page.keyboard.press("Control+End")
    page.keyboard.type(".play()")
    page.keyboard.press("Control+Enter")
    panel = panels(page).first
    expect(panel.get_by_text("Running in this cell")).to_be_visible(timeout=15_000)
    expect(panel.get_by_role("button", name="pause")).to_be_disabled()
    changes(panel, lambda: None, "playing")
    page.get_by_role("button", name="Interrupt the kernel").click()
    expect(panel.get_by_text("Stopped early")).to_be_visible(timeout=15_000)
    expect(page.get_by_text("[*]:")).to_have_count(0, timeout=15_000)
    assert page.locator("[data-mime-type='application/vnd.jupyter.error']").count() == 0
    panel.get_by_role("button", name="start").click()
    changes(panel, lambda: None, "going on from the panel")
    panel.get_by_role("button", name="pause").click()


def test_the_race_of_notebook_4_runs_in_the_browser(opened):
    page = opened("race")
    panel = panels(page).first
    assert "20 layers, epoch 0" in panel.locator("[role=status]").first.text_content()
    changes(panel, lambda: panel.locator("select").first.select_option(label="8"), "layers")
    assert "8 layers, epoch 0" in panel.locator("[role=status]").first.text_content()
    panel.get_by_role("button", name="start").click()
    expect(panel.locator("[role=status]").first).to_contain_text(
        "8 layers, epoch 20", timeout=MINUTE
    )


def close(page):
    """Close the tab of the notebook; its kernel stays."""
    page.locator(".lm-DockPanel-tabBar .lm-mod-current .lm-TabBar-tabCloseIcon").click()
    expect(page.locator(".jp-Notebook")).to_have_count(0, timeout=15_000)


@pytest.mark.slow
def test_a_film_stops_when_its_notebook_is_closed(opened, lab, kernel):
    page = opened(f"film_{kernel}")
    film = panels(page).first
    changes(film, film.get_by_role("button", name="start").click, "start")
    menu(page, "File", "Save Notebook")
    page.wait_for_timeout(1000)
    close(page)
    page.wait_for_timeout(7000)  # the film is patient for five seconds
    open_notebook(page, lab, f"film_{kernel}")
    film = panels(page).first  # the kernel is there still, so the panel is too
    expect(film.get_by_text("Press start to go on")).to_be_visible(timeout=15_000)
    here = frame(film)
    changes(film, film.get_by_role("button", name="start").click, "going on")
    assert frame(film) >= here


@pytest.mark.slow
def test_a_panel_whose_kernel_was_shut_down_says_so_beside_its_last_picture(opened):
    page = opened("broken_python3")
    panel = panels(page).first
    note = panel.get_by_text("run this cell again")
    press_a_key(page, panel)
    page.wait_for_timeout(4000)
    expect(note).to_be_hidden()
    menu(page, "Kernel", "Shut Down Kernel")
    expect(page.get_by_text("No Kernel | Unknown")).to_be_visible()
    press_a_key(page, panel)
    expect(note).to_be_visible(timeout=15_000)
    assert panel.locator("img").evaluate("image => image.naturalWidth") > 0


def press_a_key(page, panel):
    panel.locator(".noUi-handle").focus()
    page.keyboard.press("ArrowRight")


def test_a_panel_whose_kernel_died_says_so_without_being_asked(opened):
    page = opened("broken_python3")
    page.locator(".jp-CodeCell .cm-content").first.click()
    page.keyboard.press("Control+a")
    page.keyboard.type("import os; os._exit(1)")
    page.keyboard.press("Control+Enter")
    expect(panels(page).first.get_by_text("run this cell again")).to_be_visible(timeout=30_000)


def test_a_notebook_opened_again_shows_the_last_picture_and_what_to_do(opened):
    """As stored in the project: pictures, and no kernel that knows of them."""
    page = opened("stored", run=False)
    note = page.get_by_text("To move the controls, run this cell.").first
    note.scroll_into_view_if_needed()
    expect(note).to_be_visible()
    picture = page.locator(
        ".jp-OutputArea:has-text('To move the controls, run this cell.') img"
    ).first
    assert picture.evaluate("image => image.naturalWidth") > 0
    run_all(page)
    expect(panels(page)).to_have_count(1, timeout=MINUTE)
    expect(page.get_by_text("To move the controls, run this cell.").first).to_be_hidden()


def test_a_question_is_answered_by_keyboard_also_while_the_kernel_is_busy(opened):
    page = opened("question", run=False)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name=re.compile("^Run All Cells")).click()
    asked = page.get_by_role("group", name="What is 2 + 2?")
    expect(page.get_by_text("[*]:")).to_have_count(1)  # the last cell runs
    cells = page.locator(".jp-Cell").count()
    asked.get_by_role("radio").first.focus()
    page.keyboard.press("Space")
    expect(asked.get_by_role("status")).to_have_text("✗ No. One is lost.")
    page.keyboard.press("ArrowDown")
    expect(asked.get_by_role("status")).to_have_text("✓ Right. It is the sum.")
    page.keyboard.type("dd")
    assert page.locator(".jp-Cell").count() == cells
    expect(page.get_by_text("To answer, run this cell.")).to_be_hidden()
    expect(page.get_by_text("[*]:")).to_have_count(1)
