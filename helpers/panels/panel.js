// The page's side of a panel: picture and sentence, and what only the page can do for the controls.

const BEAT = 1000; // milliseconds between two signs of life, while a film runs
const PATIENCE = 2500; // milliseconds to wait for a picture, and then for an answer
const SILENT =
  "The kernel does not answer. It may be busy: then wait. If it is gone, run this cell again.";

function element(tag, properties) {
  return Object.assign(document.createElement(tag), properties);
}

// ipywidgets gives the parts of a slider no names. Return whether all parts were there to name.
function nameSliders(panel) {
  const sliders = [...panel.querySelectorAll(".widget-slider")];
  return sliders.every((slider) => {
    const label = slider.querySelector(".widget-label").textContent;
    const handle = slider.querySelector(".noUi-handle");
    const readout = slider.querySelector(".widget-readout");
    handle?.setAttribute("aria-label", label);
    readout?.setAttribute("role", "textbox");
    readout?.setAttribute("aria-label", `${label}, exact value`);
    return handle && readout;
  });
}

// Typed beside a slider: ipywidgets would read 0,5 as 0 and 50% as 50. It reads when the focus leaves and at Enter.
function readNumbers(panel, gone) {
  const read = ({ target, type, key }) => {
    if (!target.matches(".widget-readout") || (type === "keydown" && key !== "Enter")) return;
    const typed = target.textContent, number = readNumber(typed);
    if (number !== typed) target.textContent = number;
  };
  for (const event of ["keydown", "blur"]) panel.addEventListener(event, read, { signal: gone, capture: true });
}

// The last comma or point is that of the decimals.
function readNumber(text) {
  const plain = text.replace(/\s/g, "").replace("\u2212", "-");
  if (!/^[-+]?[\d.,]+%?$/.test(plain)) return text;
  const point = Math.max(plain.lastIndexOf(","), plain.lastIndexOf("."));
  const number = point < 0 ? plain : `${plain.slice(0, point).replace(/[.,]/g, "")}.${plain.slice(point + 1)}`;
  return plain.endsWith("%") ? String(parseFloat(number) / 100) : number;
}

// The page may be zoomed, or go to another screen. Of several pages that show a panel, the sharpest counts.
function tellRatio(model, panel, gone) {
  let told;
  const tell = () => {
    if (told === window.devicePixelRatio && told <= model.get("pixel_ratio")) return;
    told = window.devicePixelRatio;
    model.set("pixel_ratio", told);
    model.save_changes();
  };
  window.addEventListener("resize", tell, { signal: gone });
  for (const event of ["keydown", "pointerdown"]) panel.addEventListener(event, tell, { signal: gone, capture: true });
  listen(model, ["change:pixel_ratio"], () => queueMicrotask(tell), gone); // what is set meanwhile, is not sent
  tell();
}

// The parts of a panel appear one after another, in any order: wait for the panel, then for its
// sliders. ``gone`` is the signal that the view was removed.
function adopt(model, el, silent, gone) {
  if (gone.aborted) return;
  const panel = el.closest(".widget-vbox");
  if (!panel) return requestAnimationFrame(() => adopt(model, el, silent, gone));
  keepKeys(panel, gone);
  readNumbers(panel, gone);
  tellRatio(model, panel, gone);
  hideStandIn(model, panel, gone);
  askWhenUsed(model, panel, silent, gone);
  const size = model.get("size");
  panel.style.setProperty("--jp-widgets-font-size", `${13 * size}px`);
  panel.style.setProperty("--jp-widgets-inline-height", `${28 * size}px`);
  const watch = new MutationObserver(() => nameSliders(panel) && watch.disconnect());
  watch.observe(panel.firstElementChild, { childList: true, subtree: true });
  gone.addEventListener("abort", () => watch.disconnect());
  nameSliders(panel);
}

// As text: a blob takes a detour through another process, 5 to 8 ms in Chromium.
function showPicture(model, picture) {
  const { buffer, byteOffset, byteLength } = model.get("png");
  const bytes = new Uint8Array(buffer, byteOffset, byteLength);
  let text = "";
  for (let at = 0; at < byteLength; at += 8192)
    text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  picture.src = `data:image/png;base64,${btoa(text)}`;
}

function showSentence(model, said) {
  said.textContent = model.get("sentence");
  if (said.textContent.length > Number(said.dataset.longest || 0)) {
    // What is below must not move while a slider is dragged, so the room for it only grows.
    said.dataset.longest = said.textContent.length;
    const before = parseFloat(said.style.minHeight) || 0;
    said.style.minHeight = `${Math.max(before, said.offsetHeight)}px`;
  }
}

function showError(model, failed) {
  const alert = element("p", { role: "alert", textContent: model.get("error") });
  failed.replaceChildren(...(model.get("error") ? [alert] : []));
}

// A kernel that was shut down leaves no trace in a panel: if nothing follows a click or a key, ask.
function askWhenUsed(model, panel, note, gone) {
  let waiting;
  const used = () => (waiting ??= setTimeout(ask, PATIENCE));
  const ask = () => {
    waiting = setTimeout(() => (note.hidden = false), PATIENCE);
    try {
      model.send("are you there?");
    } catch {
      // There is no kernel to send to: no answer will come, and the note will say so.
    }
  };
  const heard = () => {
    clearTimeout(waiting);
    waiting = undefined;
    note.hidden = true;
  };
  for (const event of ["keyup", "pointerup"]) panel.addEventListener(event, used, { signal: gone });
  listen(model, ["change:png", "change:error", "msg:custom"], heard, gone);
  gone.addEventListener("abort", () => clearTimeout(waiting));
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
  silent.textContent = SILENT;
  el.classList.add("explore");
  el.append(picture, said, failed, silent);
  el.style.fontSize = `${14 * model.get("size")}px`;
  picture.style.width = `${model.get("width")}px`;
  picture.style.aspectRatio = `${model.get("width")} / ${model.get("height")}`;

  const shown = {
    png: [showPicture, picture],
    sentence: [showSentence, said],
    error: [showError, failed],
  };
  const removed = new AbortController();
  for (const [name, [show, place]] of Object.entries(shown)) {
    show(model, place);
    listen(model, [`change:${name}`], () => show(model, place), removed.signal);
  }
  adopt(model, el, silent, removed.signal);
  const heart = setInterval(() => model.get("running") && model.send("alive"), BEAT);
  return () => {
    clearInterval(heart);
    removed.abort();
  };
}

export default { render };
