// The page's side of a panel: picture and sentence, and what only the page can do for the controls.

const SPOKEN = 500; // milliseconds without a new sentence, before screen readers hear the last one
const MOVED = "explore:moved"; // tells all panels of the page that one of them moved

function element(tag, properties) {
  return Object.assign(document.createElement(tag), properties);
}

// ipywidgets gives the parts of a slider no names. Return whether all parts were there to name.
function nameSliders(panel, exact) {
  const sliders = [...panel.querySelectorAll(".widget-slider")];
  return sliders.every((slider) => {
    const label = slider.querySelector(".widget-label").textContent;
    const handle = slider.querySelector(".noUi-handle");
    const readout = slider.querySelector(".widget-readout");
    handle?.setAttribute("aria-label", label);
    readout?.setAttribute("role", "textbox");
    readout?.setAttribute("aria-label", label + exact);
    return handle && readout;
  });
}

// Which of the rows has an element; -1 if none.
function findRow(rows, element) {
  return [...rows.children].findIndex((child) => child.contains(element));
}

// The page may be zoomed, or go to another screen. Of several pages that show a panel, the sharpest
// counts.
function tellRatio(model, panel, gone) {
  let told;
  const tell = () => {
    if (told === window.devicePixelRatio && told <= model.get("pixel_ratio")) return;
    told = window.devicePixelRatio;
    model.set("pixel_ratio", told);
    model.save_changes();
  };
  window.addEventListener("resize", tell, { signal: gone });
  for (const event of ["keydown", "pointerdown"])
    panel.addEventListener(event, tell, { signal: gone, capture: true });
  // Later, since what is set while a change is told is not sent.
  listen(model, ["change:pixel_ratio"], () => queueMicrotask(tell), gone);
  tell();
}

// The parts of a panel appear one after another, in any order: wait for the panel, then for its
// sliders. ``gone`` is the signal that the view was removed.
function adopt(model, controls, el, silent, gone) {
  if (gone.aborted) return;
  const panel = el.closest(".widget-vbox");
  if (!panel) return requestAnimationFrame(() => adopt(model, controls, el, silent, gone));
  keepKeys(panel, gone);
  readNumbers(controls, panel, gone);
  tellRatio(model, panel, gone);
  hideStandIn(model, panel, gone);
  askWhenUsed(model, controls, panel, silent, gone);
  tellWhatIsTouched(model, panel.firstElementChild, gone);
  const size = model.get("size"), { exact } = model.get("words");
  panel.style.setProperty("--jp-widgets-font-size", `${13 * size}px`);
  panel.style.setProperty("--jp-widgets-inline-height", `${28 * size}px`);
  const watch = new MutationObserver(() => nameSliders(panel, exact) && watch.disconnect());
  watch.observe(panel.firstElementChild, { childList: true, subtree: true });
  gone.addEventListener("abort", () => watch.disconnect());
  nameSliders(panel, exact);
}

// As text: a blob takes a detour through another process, 5 to 8 ms in Chromium.
function encode({ buffer, byteOffset, byteLength }) {
  const bytes = new Uint8Array(buffer, byteOffset, byteLength);
  let text = "";
  for (let at = 0; at < byteLength; at += 8192)
    text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return `data:image/png;base64,${btoa(text)}`;
}

function showSentence(sentence, said) {
  if (said.textContent === sentence) return;
  if (said.textContent) speakLater(said);
  said.textContent = sentence;
  if (sentence.length > Number(said.dataset.longest || 0)) {
    // What is below must not move while a slider is dragged, so the room for it only grows.
    said.dataset.longest = sentence.length;
    const before = parseFloat(said.style.minHeight) || 0;
    said.style.minHeight = `${Math.max(before, said.offsetHeight)}px`;
  }
}

// A screen reader hears the sentence of the place where a drag ends, not those on its way.
function speakLater(said) {
  clearTimeout(said.dataset.waiting);
  said.ariaLive = "off";
  said.dataset.waiting = setTimeout(() => {
    said.ariaLive = "polite";
    said.replaceChildren(said.textContent); // a new text, which is heard
  }, SPOKEN);
}

function showError(error, failed) {
  if (failed.textContent === error) return;
  const alert = element("p", { role: "alert", textContent: error });
  failed.replaceChildren(...(error ? [alert] : []));
}

// The number of the place where a control is, as the kernel counts (helpers/panels/ahead.py).
function findPlace(control) {
  const [index, value] = [control.get("index"), control.get("value")];
  if (index !== undefined || typeof value === "boolean") return Number(index ?? value);
  const place = (value - control.get("min")) / control.get("step");
  return isWhole(place) ? Math.round(place) : NaN;
}

function findPlaces(controls) {
  return controls.map(findPlace).join();
}

// A picture that waits unseen takes less time to appear.
function decode(png) {
  const image = element("img", { src: encode(png) });
  image.decode().catch(() => {}); // it may be gone before
  return image;
}

// The models of a panel's controls; none if one is gone: then the panel shows what comes.
function findControls(model) {
  const names = (model.get("controls") ?? []).map((name) => name.replace("IPY_MODEL_", ""));
  return Promise.all(names.map((name) => model.widget_manager.get_model(name))).catch(() => []);
}

// Looking ahead: the kernel sends the pictures of the next places. A move to one of them is shown
// at once from here; the kernel follows, and what it shows on its way there is not shown. Return a
// function that tells whether that is so now. ``show`` puts png, sentence and error on the page.
function lookAhead(model, controls, show, gone) {
  const store = new Map(); // {the places of all controls: [image, sentence]}
  const name = model.get("controls")?.join();
  let foreseen = false;
  let way = []; // the places from where the kernel is to where the page is
  let shown = 0; // the place on this way that is on the page
  let deaf = false; // until the kernel has heard that the store was emptied here
  const here = () => findPlaces(controls);
  const forget = () => {
    store.clear();
    foreseen = false;
    shown = 0;
  };
  const moved = () => {
    window.dispatchEvent(new CustomEvent(MOVED, { detail: name }));
    if (!way.length) way.push(model.get("places"));
    way.push(here());
    const picture = store.get(here());
    foreseen = picture !== undefined;
    if (!foreseen) return;
    shown = way.length - 1;
    show(picture[0].src, picture[1], "");
  };
  const isBehind = () => {
    const at = way.lastIndexOf(model.get("places"));
    if ((0 <= at && at < shown) || (foreseen && model.get("places") !== here())) return true;
    way = at < 0 ? [] : way.slice(at);
    shown = 0;
    return false;
  };
  const empty = () => {
    forget();
    deaf = true;
    send(model, { view: "empty" });
  };
  const heard = (message, buffers) => {
    if (message.forget) {
      forget();
      deaf = false;
    }
    for (const places of message.dropped ?? []) store.delete(places);
    if (!message.places) return;
    send(model, { got: message.places });
    if (!deaf) store.set(message.places, [decode(buffers[0]), message.sentence]);
  };
  // What an update reads may be what another panel has changed.
  const other = ({ detail }) => detail !== name && store.size && empty();
  window.addEventListener(MOVED, other, { signal: gone });
  listen(model, ["change:pixel_ratio"], () => store.size && empty(), gone);
  listen(model, ["msg:custom"], heard, gone);
  if (name) empty(); // as this view is: others of this panel may have pictures
  findControls(model).then((all) => {
    if (!gone.aborted) controls.push(...all);
    for (const control of controls) listen(control, ["change:value", "change:index"], moved, gone);
  });
  return isBehind;
}

// Tell the kernel which control will move, and whether anybody sees the page.
function tellWhatIsTouched(model, rows, gone) {
  if (!model.get("controls")?.length) return;
  let last = -1;
  const touch = ({ target }) => {
    const at = findRow(rows, target);
    if (at >= 0 && at !== last) send(model, { touched: (last = at) });
  };
  const tell = () => {
    last = -1;
    send(model, { view: document.hidden ? "hidden" : "back" });
  };
  for (const event of ["pointerover", "focusin"])
    rows.addEventListener(event, touch, { signal: gone });
  rows.addEventListener("pointerleave", () => (last = -1), { signal: gone });
  document.addEventListener("visibilitychange", tell, { signal: gone });
}

function listen(model, events, listener, gone) {
  for (const event of events) {
    model.on(event, listener);
    gone.addEventListener("abort", () => model.off(event, listener));
  }
}

function render({ model, el }) {
  const picture = element("img", { className: "widget-image", alt: model.get("alt") });
  const said = element("p", { role: "status" });
  const failed = element("div", {});
  const silent = element("p", { className: "explore-silent", ariaLive: "polite", hidden: true });
  silent.textContent = model.get("words").silent;
  el.classList.add("explore");
  el.append(picture, said, failed, silent);
  el.style.fontSize = `${14 * model.get("size")}px`;
  picture.style.width = `${model.get("width")}px`;
  picture.style.aspectRatio = `${model.get("width")} / ${model.get("height")}`;

  const show = (png, sentence, error) => {
    if (picture.src !== png) picture.src = png;
    showSentence(sentence, said);
    showError(error, failed);
  };
  const removed = new AbortController();
  const controls = []; // the models of the controls, as soon as they are found
  const isBehind = lookAhead(model, controls, show, removed.signal);
  const follow = () =>
    isBehind() || show(encode(model.get("png")), model.get("sentence"), model.get("error"));
  follow();
  listen(model, ["change"], follow, removed.signal);
  adopt(model, controls, el, silent, removed.signal);
  return () => {
    clearTimeout(said.dataset.waiting);
    removed.abort();
  };
}

export default { render };
