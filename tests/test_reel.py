"""The running of a film, without widgets and by a clock that the test sets."""

import subprocess
import sys
import threading
from contextlib import suppress

import pytest
from figures import wait_for

from helpers.panels.reel import STILLS, Reel


class Stage:
    """A reel, and all that its callbacks were told. Its clock goes on by the costs alone."""

    def __init__(self, frames=6, frame_costs=0.0, picture_costs=0.0, fails_at=None, records=False):
        self.time, self.computed, self.followed, self.shown = 0.0, [], [], []
        self.reports, self.errors, self.at_frame = [], [], {}
        self.generators, self.frames_closed = [], 0
        self.costs, self.fails_at, self.frames = (frame_costs, picture_costs), fails_at, frames
        self.reel = Reel(
            lambda: self.generators.append(self.make_frames()) or self.generators[-1],
            lambda done, sentence: self.followed.append(sentence),
            self.show,
            lambda: self.followed[-1] if records else None,
            self.guard,
            self.reports.append,
            now=lambda: self.time,
        )
        self.reel.reset()

    def make_frames(self):
        self.computed.clear()
        try:
            for number in range(self.frames + 1):
                if number == self.fails_at:
                    raise RuntimeError("the film broke")
                self.at_frame.get(number, lambda: None)()
                self.time += self.costs[0]
                self.computed.append(number)
                yield number / self.frames, f"frame {number}"
        finally:
            self.frames_closed += 1

    def show(self):
        self.time += self.costs[1]
        self.shown.append(self.followed[-1])

    def guard(self, action):
        try:
            return action()
        except Exception as error:
            self.errors.append(error)

    def run_on_its_thread(self):
        self.reel.start()
        self.wait()

    def wait(self):
        if self.reel._thread:
            self.reel._thread.join(20)
        assert not self.reel.running


@pytest.fixture
def endless():
    """Films that go on until they are stopped."""
    stages = [Stage(frames=10**9, picture_costs=1.0) for _ in range(2)]  # few are drawn
    yield stages
    for stage in stages:
        stage.reel.pause()


def reach(stage, frames):
    """Let the thread of a film compute so many more frames."""
    reached = threading.Event()
    stage.at_frame[len(stage.computed) + frames] = reached.set
    assert reached.wait(20)


def test_a_reel_loads_no_widgets():
    code = "import sys, helpers.panels.reel; print(*sys.modules)"
    command = [sys.executable, "-c", code]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert not {"ipywidgets", "matplotlib", "numpy", "IPython"} & set(loaded)


def test_it_shows_its_first_frame_and_plays_to_its_last():
    stage = Stage()
    assert stage.shown == ["frame 0"]
    assert stage.reports == []
    stage.reel.play()
    assert stage.computed == list(range(7))
    assert stage.followed == [f"frame {number}" for number in range(7)]
    assert stage.shown[-1] == "frame 6"
    assert stage.reports == ["running", "paused"]


def test_a_film_that_ended_starts_again():
    stage = Stage()
    for _ in range(2):
        stage.run_on_its_thread()
        assert stage.computed == list(range(7))


def test_drawing_takes_a_tenth_of_the_time():
    stage = Stage(frames=2000, frame_costs=1.0, picture_costs=1.0)
    stage.reel.play()
    assert len(stage.computed) == 2001
    assert len(stage.shown) / stage.time == pytest.approx(0.1, abs=0.005)
    assert stage.shown[-1] == "frame 2000"


def test_every_frame_is_shown_where_drawing_is_quick():
    stage = Stage(frames=100, frame_costs=1.0, picture_costs=0.1)
    stage.reel.play()
    assert stage.shown == [*stage.followed, "frame 100"]


def test_a_step_is_shown_at_once():
    stage = Stage(picture_costs=1.0)
    stage.reel.step()
    stage.reel.step()
    assert stage.shown == ["frame 0", "frame 1", "frame 2"]


def test_pausing_loses_nothing(endless):
    stage, _ = endless
    stage.reel.start()
    reach(stage, 5)
    stage.reel.pause()
    here = len(stage.computed)
    assert stage.shown[-1] == stage.followed[-1] == f"frame {here - 1}"
    stage.reel.step()
    assert len(stage.computed) == here + 1
    stage.reel.start()
    reach(stage, 5)
    stage.reel.pause()
    assert stage.computed == list(range(len(stage.computed)))
    assert stage.reports == ["running", "paused"] * 2


def test_reset_goes_back_to_the_start_and_closes_what_ran(endless):
    stage, _ = endless
    stage.reel.start()
    reach(stage, 5)
    stage.reel.reset()
    assert stage.computed == [0]
    assert stage.frames_closed == 1


def test_a_film_that_nobody_watches_pauses_and_loses_nothing():
    stage = Stage(frames=100, frame_costs=1.0)
    stage.at_frame = {number: stage.reel.hear for number in (4, 8)}
    stage.run_on_its_thread()
    assert stage.computed == list(range(8 + 5))  # five seconds of patience, a frame each
    assert stage.reports == ["running", "unwatched", "paused"]
    stage.reel.step()
    assert stage.computed == list(range(14))
    stage.reel.play()  # in a cell, which somebody has run
    assert stage.computed == list(range(101))


def test_an_error_ends_the_film_and_it_starts_again_from_its_beginning():
    stage = Stage(fails_at=3)
    for times in (1, 2):
        stage.run_on_its_thread()
        assert stage.computed == [0, 1, 2]
        assert [str(error) for error in stage.errors] == ["the film broke"] * times


def stubborn():
    with suppress(GeneratorExit):
        yield 0.1, "still here"
    yield 0.2, "and here"


def failing_at_its_end():
    try:
        yield 0.1, "still here"
    finally:
        raise ValueError("the file cannot be closed")


@pytest.mark.parametrize("frames", [stubborn, failing_at_its_end])
def test_a_film_that_cannot_be_closed_is_reported_and_left(frames):
    stage = Stage()
    stage.reel._make_frames = frames
    stage.reel.reset()
    assert stage.errors == []
    stage.reel._make_frames = stage.make_frames
    stage.reel.reset()
    assert len(stage.errors) == 1
    assert stage.followed[-1] == "frame 0"


def test_an_error_in_the_first_frame_leaves_a_reel_that_does_not_run():
    stage = Stage(fails_at=0)
    stage.run_on_its_thread()
    assert len(stage.errors) == 2
    stage.fails_at = None
    stage.reel.play()
    assert stage.computed == list(range(7))


def test_an_interrupt_ends_the_film_and_is_raised():
    stage = Stage()
    stage.at_frame[4] = lambda: (_ for _ in ()).throw(KeyboardInterrupt)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            stage.reel.play()
        assert stage.computed == [0, 1, 2, 3]
        assert stage.shown[-1] == "frame 3"
        assert not stage.reel.running


def test_only_one_reel_runs_at_a_time(endless):
    first, second = endless
    first.reel.start()
    reach(first, 3)
    second.reel.start()
    assert not first.reel.running
    assert second.reel.running


def test_a_reel_that_runs_is_not_started_twice(endless):
    stage, _ = endless
    stage.reel.start()
    thread = stage.reel._thread
    stage.reel.start()
    stage.reel.play()  # returns at once
    assert stage.reel._thread is thread
    assert stage.reports == ["running"]


def test_a_film_may_pause_itself():
    stage, threads = Stage(), []

    def pause():
        threads.append(threading.current_thread())
        stage.reel.pause()

    stage.at_frame[3] = pause
    stage.reel.start()
    wait_for(lambda: threads and not threads[0].is_alive())
    assert stage.computed == [0, 1, 2, 3]


@pytest.mark.parametrize(("frames", "kept"), [(10, 11), (STILLS, 21), (1000, 21)])
def test_some_twenty_stills_are_kept(frames, kept):
    stage = Stage(frames, records=True)
    assert list(stage.reel.stills.items()) == [(0.0, "frame 0")]
    stage.reel.play()
    expected = [number / (kept - 1) for number in range(kept)]
    assert sorted(stage.reel.stills) == pytest.approx(expected)
    assert stage.reel.stills[0.5] == f"frame {frames // 2}"
    assert stage.reel.stills[1.0] == f"frame {frames}"


@pytest.mark.parametrize("end", [1.0, 0.52])
def test_the_last_still_is_the_last_frame_also_where_a_film_ends_early(end):
    stage = Stage(records=True)
    frames = (0.0, "first"), (end, "nearly"), (end, "all")
    stage.reel._make_frames = lambda: (frame for frame in frames)
    stage.reel.reset()
    stage.reel.play()
    assert stage.reel.stills[0.0] == "first"
    assert stage.reel.stills[1.0] == "all"


def test_no_still_is_kept_where_nobody_asked():
    stage = Stage()
    stage.reel.play()
    assert stage.reel.stills == {}
