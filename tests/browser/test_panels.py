"""Run a notebook in the browser, move every control by keyboard and by mouse, see picture and sentence change."""

import re
import time

import pytest
from playwright.sync_api import expect

MINUTE = 60_000  # milliseconds
PANEL = ".jp-OutputArea-output .widget-vbox:has(> .widget-image)"


def panels(page):
    return page.locator(PANEL)


def state(panel):
    return panel.locator(".widget-image").get_attribute("src"), panel.locator("[role=status]").first.text_content()


def changes(panel, act, what):
    """Do something to a control; picture and sentence must both change, and no error be shown."""
    before = state(panel)
    act()
    end = time.monotonic() + 15
    while time.monotonic() < end:
        picture, sentence = state(panel)
        if picture != before[0] and sentence != before[1]:
            assert panel.locator("[role=alert]").count() == 0, panel.locator("[role=alert]").text_content()
            return
        time.sleep(0.05)
    raise AssertionError(f"{what}: nothing changed")


def drag(page, handle, distance):
    handle.scroll_into_view_if_needed()
    box = handle.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + distance, y, steps=15)
    page.mouse.up()


def in_upper_half(handle):
    low, now, high = (float(handle.get_attribute(f"aria-value{part}")) for part in ("min", "now", "max"))
    return now > (low + high) / 2


def move_every_control(page, panel):
    """Move each control of one panel in every way it has; return how many there were."""
    sliders, boxes, choices = (
        panel.locator(kind) for kind in (".widget-slider", ".widget-checkbox", ".widget-dropdown")
    )
    for slider in sliders.all():
        name, handle = slider.locator(".widget-label").first.text_content(), slider.locator(".noUi-handle")
        assert name
        value = slider.locator(".widget-readout").text_content()
        handle.focus()
        key = "ArrowLeft" if in_upper_half(handle) else "ArrowRight"
        changes(panel, lambda key=key: [page.keyboard.press(key) for _ in range(3)], f"{name} by keyboard")
        assert slider.locator(".widget-readout").text_content() != value
        distance = -90 if in_upper_half(handle) else 90
        changes(panel, lambda handle=handle, d=distance: drag(page, handle, d), f"{name} by mouse")
    for choice in choices.all():
        select = choice.locator("select")
        here, count = select.evaluate("element => [element.selectedIndex, element.length]")
        for index in [*range(here + 1, count), *range(here + 1)]:
            changes(panel, lambda i=index, s=select: s.select_option(index=i), f"choice {index}")
    for box in boxes.all():
        for _ in range(2):
            changes(panel, lambda box=box: box.locator("input").press("Space"), f"switch {box.text_content()}")
    return sliders.count() + boxes.count() + choices.count()


@pytest.mark.parametrize(
    ("name", "controls"),
    [
        ("00_start_here", [1, 1]),
        ("01_the_residual_block", [1, 1, 1]),
        ("02_shrinking_to_the_identity", [2, 6, 1, 1]),
        ("03_two_more_layers", [1, 1, 1]),
        ("05_matching_dimensions", [3, 3]),
        ("06_resnets_on_images", [0, 3]),
    ],
)
def test_every_control_moves_the_picture_and_the_sentence(opened, name, controls):
    page = opened(name)
    expect(panels(page)).to_have_count(len(controls), timeout=MINUTE)  # the page puts them up one by one
    for panel, count in zip(panels(page).all(), controls, strict=True):
        panel.scroll_into_view_if_needed()
        assert move_every_control(page, panel) == count


def test_the_picture_keeps_its_size_while_dragging(opened):
    page = opened("02_shrinking_to_the_identity")
    panel = panels(page).first
    before = panel.bounding_box()
    drag(page, panel.locator(".noUi-handle").first, -150)
    assert panel.bounding_box()["height"] == pytest.approx(before["height"], abs=1)


def test_an_error_is_a_sentence_in_the_panel_and_the_next_move_works(opened):
    page = opened("broken")
    panel = panels(page).first
    panel.locator(".noUi-handle").focus()
    page.keyboard.press("ArrowLeft")  # x = 0
    expect(panel.locator("[role=alert]")).to_contain_text("ZeroDivisionError", timeout=15_000)
    page.keyboard.press("ArrowRight")
    expect(panel.locator("[role=alert]")).to_have_count(0, timeout=15_000)
    expect(panel.locator("[role=status]").first).to_have_text("x is 1.")


def frame(panel):
    return int(re.search(r"\d+", panel.locator("[role=status]").first.text_content()).group())


def test_a_film_starts_pauses_steps_and_resets(opened):
    page = opened("film")
    panel = panels(page).first
    press = {name: panel.get_by_role("button", name=name) for name in ("start", "pause", "step", "reset")}
    assert frame(panel) == 0
    changes(panel, press["start"].click, "start")
    changes(panel, lambda: None, "going on by itself")
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
    page = opened("film")
    page.locator(".jp-CodeCell .cm-content").first.click()
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
    assert "epoch 20" in panel.locator("[role=status]").first.text_content()
    changes(panel, lambda: panel.locator("select").first.select_option(label="8"), "layers")
    assert "8 layers, epoch 0" in panel.locator("[role=status]").first.text_content()
    panel.get_by_role("button", name="start").click()
    expect(panel.locator("[role=status]").first).to_contain_text("8 layers, epoch 20", timeout=MINUTE)
