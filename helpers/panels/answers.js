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
  let waiting;
  let asked = 0;
  let used = false; // by a person, on this page
  const wait = () => (waiting ??= setTimeout(ask, PATIENCE));
  const use = () => {
    used = true;
    wait();
  };
  const ask = () => {
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
    if (message === "here" && used) sendAgain(model, controls);
    used &&= message !== "here";
    if (!isFollowed(model, controls)) wait();
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

// What a person did while the line was cut may be lost. ipywidgets waits for ever for its answer
// before it sends the next move.
function sendAgain(model, controls) {
  for (const part of [model, ...controls]) part._pending_msgs = 0;
  for (const control of controls) {
    const name = control.get("index") === undefined ? "value" : "index";
    control.save({ [name]: control.get(name) }, { patch: true });
  }
}

