// What a page does when nobody answers. This comes before the code of panels (panel.py).

const BEAT = 1000; // milliseconds between two signs of life, while a film runs
const PATIENCE = 2500; // milliseconds to wait for a picture, and then for an answer
const LONGEST = 10_000; // milliseconds between two questions to a kernel that does not answer

function send(model, message) {
  try {
    model.send(message);
  } catch {
    // There is no kernel to send to: no answer will come, and a note will say so.
  }
}

// A kernel that was shut down leaves no trace in a panel, nor does a network that is gone: if
// nothing follows a click, a key or the last picture of a film, ask, and again until it answers.
function askWhenUsed(model, controls, panel, note, gone) {
  let waiting, wishes; // values of the controls, as a person has set them
  let asked = 0;
  let lost = false; // maybe, what was sent; until the kernel says that it is there
  const wait = () => (waiting ??= setTimeout(ask, PATIENCE));
  const use = () => {
    setTimeout(() => (wishes = controls.map(findValue))); // after the control itself has heard
    wait();
  };
  const ask = () => {
    lost ||= asked > 0;
    note.hidden = !asked;
    send(model, "are you there?");
    waiting = setTimeout(ask, Math.min(PATIENCE * 2 ** asked++, LONGEST));
  };
  const stop = () => {
    clearTimeout(waiting);
    waiting = undefined;
  };
  const heard = (message) => {
    stop();
    asked = 0;
    note.hidden = true;
    if (message === "here") {
      if (lost && wishes) sendAgain(model, controls, wishes);
      lost = false;
      wishes = undefined;
    }
    if (lost || !isFollowed(model, controls)) wait();
    else if (isAt(controls, wishes)) wishes = undefined;
  };
  for (const event of ["keyup", "pointerup"]) panel.addEventListener(event, use, { signal: gone });
  listen(model, ["change:png", "change:error", "change:places", "msg:custom"], heard, gone);
  const live = () => send(model, "alive");
  const heart = setInterval(() => model.get("running") && (live(), wait()), BEAT);
  // A film pauses if it did not hear of any page for a while; then it hears that this one is back.
  listen(model, ["change:running"], () => model.get("running") || live(), gone);
  gone.addEventListener("abort", () => {
    stop();
    clearInterval(heart);
  });
}

// Whether the kernel is where the controls are; of some controls it cannot be told.
function isFollowed(model, controls) {
  const places = model.get("places");
  return !places || !controls.length || places === findPlaces(controls);
}

// What a person did while the line was cut may be lost, and is undone when the line is back.
// ipywidgets waits for ever for an answer that was lost, before it sends the next move.
function sendAgain(model, controls, wishes) {
  for (const part of [model, ...controls]) part._pending_msgs = 0;
  controls.forEach((control, at) => control.save(wishes[at], { patch: true }));
}

function isAt(controls, wishes) {
  return JSON.stringify(controls.map(findValue)) === JSON.stringify(wishes);
}

function findValue(control) {
  const name = control.get("index") === undefined ? "value" : "index";
  return { [name]: control.get(name) };
}

