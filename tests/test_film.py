"""A film as a widget: buttons, controls, what a page and a saved notebook see of it."""

import base64
import threading

import numpy as np
import pytest
from figures import assert_shows, film_of, pixels, wait_for, watch_display

from helpers import plots
from helpers.explore import explore
from helpers.panels.film import Film


@pytest.fixture
def displayed(monkeypatch):
    return watch_display(monkeypatch)


@pytest.fixture
def keeping_stills(monkeypatch):
    monkeypatch.setattr(Film, "keeps_stills", True)


def made_of(update, **controls):
    return explore(plots.figure(size=(3, 2))[0], update, **controls)


def run(film):
    film.start()
    wait_for(lambda: not film._reel.running)


def test_a_film_shows_its_first_picture_and_plays_to_its_last():
    film, computed = film_of()
    assert film.sentence == "Frame 0 at height 5."
    run(film)
    assert computed == list(range(7))
    assert film.sentence == film._screen.sentence == "Frame 6 at height 5."
    assert film._bar.value == 1.0
    assert film._screen.running is False


def test_each_button_does_what_it_says():
    film, computed = film_of(frames=100_000, pause=0.001)
    film._buttons["start"].click()
    assert film._screen.running
    wait_for(lambda: len(computed) > 3)
    film._buttons["pause"].click()
    here = len(computed)
    film._buttons["step"].click()
    assert len(computed) == here + 1
    film._buttons["reset"].click()
    assert computed == [0]
    assert all(button.icon and button.description for button in film._buttons.values())


def test_a_moved_control_goes_back_to_the_start():
    film, computed = film_of(frames=100_000, pause=0.001)
    film.start()
    wait_for(lambda: len(computed) > 3)
    film.controls["height"].value = 2
    assert computed == [0]
    assert film.sentence == "Frame 0 at height 2."


def test_an_error_in_a_film_is_shown_and_reset_goes_on():
    film, computed = film_of(fails_at=3)
    run(film)
    assert "the film broke" in film._screen.error
    assert computed == [0, 1, 2]
    film.reset()
    assert film._screen.error == ""


def test_play_shows_the_film_and_stores_its_last_picture(displayed):
    film, computed = film_of()
    first = film._screen.png
    film.play()
    assert computed == list(range(7))
    live, picture, note = displayed
    assert "application/vnd.jupyter.widget-view+json" in live
    assert live["text/plain"] == "Live panel (height = 5)."
    assert base64.b64decode(picture["image/png"]) == film._screen.png != first
    assert note["text/plain"].startswith("A live training, and the last picture of it. To move")


def test_an_interrupt_keeps_what_was_computed(displayed):
    done = []

    def interrupted():
        for number in range(10):
            if number == 4:
                raise KeyboardInterrupt
            done.append(number)
            yield number / 10, f"Frame {number}."

    film = made_of(interrupted)
    film.play()  # does not raise: the cell goes on
    assert done == [0, 1, 2, 3]
    assert "kept" in film._note.value
    assert not film._buttons["start"].disabled
    done.clear()
    film.play()  # from the beginning again
    assert done == [0, 1, 2, 3]
    assert len(displayed) == 2 * 3


def test_buttons_and_controls_are_disabled_while_a_cell_plays(displayed):
    """A busy kernel would hear a click only after the cell, and throw the last picture away."""
    disabled, films = [], []

    def update(height=5):
        for number in range(3):
            for film in films:
                parts = film.controls["height"], film._buttons["pause"]
                disabled.append(tuple(part.disabled for part in parts))
            yield number / 2, f"Frame {number}."

    films.append(made_of(update, height=(1, 9)))
    films[0].play()
    assert disabled == [(True, True)] * 2
    assert not films[0].controls["height"].disabled
    assert not films[0]._buttons["pause"].disabled


def test_play_raises_what_the_film_raised(displayed):
    """Otherwise a notebook with a broken film would pass for a good one."""
    film, _ = film_of(fails_at=3)
    with pytest.raises(RuntimeError, match="the film broke"):
        film.play()
    assert "the film broke" in film._screen.error


def test_a_paused_film_shows_the_picture_of_its_sentence():
    film, computed = film_of(frames=100_000)
    film.start()
    wait_for(lambda: len(computed) > 50)
    film.pause()
    assert film.sentence == film._screen.sentence == f"Frame {computed[-1]} at height 5."
    assert_shows(film, film._drawing.canvas.figure)


def test_a_control_moved_from_another_thread_while_the_film_plays(displayed):
    film, computed = film_of(frames=500, pause=0.002)

    def drag():
        wait_for(lambda: film._reel.running)
        for height in (2, 7, 3):
            wait_for(lambda: len(computed) > 3 or not film._reel.running)
            film.controls["height"].value = height

    thread = threading.Thread(target=drag)
    thread.start()
    film.play()
    thread.join()
    assert film._screen.error == ""
    assert film.sentence == "Frame 0 at height 3."


def test_start_then_play_runs_the_film_once(displayed):
    film, computed = film_of(frames=200, pause=0.001)
    film.start()
    film.play()
    assert computed == list(range(201))


def test_the_text_of_a_film_does_not_depend_on_how_far_it_ran(displayed):
    film, _ = film_of()
    film._ipython_display_()
    film.play()
    texts = [bundle["text/plain"] for bundle in displayed]
    assert texts[:3] == texts[3:]


def test_a_film_says_that_nobody_watches_it_until_it_starts_again():
    """The page of a closed notebook gives no sign of life."""
    film, _ = film_of(frames=100_000, pause=0.001)
    film._reel.patience = 0.0
    run(film)
    assert "Press start to go on" in film._note.value
    film._reel.patience = 60.0
    film.start()
    assert film._note.value == ""
    film.pause()


def test_a_film_goes_on_when_its_page_is_back_but_not_if_it_was_stopped():
    film, computed = film_of(frames=100_000, pause=0.001)
    film._reel.patience = 0.0
    run(film)
    film._reel.patience = 60.0
    here = len(computed)
    film._screen._handle_custom_msg("alive", [])
    assert film._note.value == ""
    wait_for(lambda: len(computed) > here)
    for stop in (film.pause, film.step, film.reset):
        stop()
        film._screen._handle_custom_msg("alive", [])
        assert not film._reel.running
        film._reel.patience = 0.0
        run(film)  # and nobody watches
        film._reel.patience = 60.0
        stop()
        film._screen._handle_custom_msg("alive", [])
        assert not film._reel.running


def test_every_message_of_a_page_is_a_sign_of_life():
    film, _ = film_of()
    heard = []
    film._reel.hear = lambda: heard.append("alive")
    film._screen._handle_custom_msg("alive", [])
    assert heard == ["alive"]


def test_a_film_keeps_stills_while_it_plays_and_is_not_run_again(displayed, keeping_stills):
    film, computed = film_of(frames=10)
    film.play()
    computed.append("played")
    stills = film.stills()
    assert computed[-1] == "played"
    assert [done for done, *_ in stills] == [number / 10 for number in range(11)]
    assert [sentence for *_, sentence in stills] == [f"Frame {n} at height 5." for n in range(11)]
    assert len({png for _, png, _ in stills}) == 11
    assert_shows(film, film._drawing.canvas.figure)


def test_a_film_has_no_single_still():
    film, computed = film_of()
    with pytest.raises(TypeError, match=r"stills\(\), not still"):
        film.still(height=3)
    assert computed == [0]


def test_stills_of_a_film_lie_on_each_other(keeping_stills, displayed):
    """What is drawn at the same place has the same pixels, in the first still as in the last."""
    picture, axes = plots.figure(size=(3, 2))
    axes.set(xlabel="x", ylabel="y")

    def frames():
        yield 0.0, "first"
        yield 1.0, "last"

    film = explore(picture, frames)
    film.play()
    (_, first, _), (_, last, _) = film.stills()
    assert np.array_equal(pixels(first), pixels(last))


def test_stills_of_a_film_that_did_not_play(displayed):
    film, computed = film_of(frames=6)
    sentences = [sentence for *_, sentence in film.stills()]
    assert sentences == [f"Frame {n} at height 5." for n in range(7)]
    assert computed == [0]
    assert film.sentence == "Frame 0 at height 5."
    film.play()
    assert film._reel.stills == {}  # nobody asked


def test_stills_of_a_broken_film_raise(displayed):
    film, _ = film_of(fails_at=3)
    with pytest.raises(RuntimeError, match="the film broke"):
        film.stills()
    assert film._screen.error == ""
