// Each panel carries its pictures with it: a move of a control looks up which one covers the first, and says what it shows.
"use strict";

const PNG = "data:image/png;base64,";

for (const panel of document.querySelectorAll(".panel")) start(panel);

function start(panel) {
  const album = JSON.parse(panel.querySelector("script").textContent);
  const inputs = [...panel.querySelectorAll("input, select")];
  const picture = panel.querySelector(".picture"), whole = picture.querySelector("img");
  const status = panel.querySelector("[role=status]");
  let asked = 0, shown = 0;

  for (const input of inputs) {
    input.disabled = false;
    input.addEventListener("input", () => move(input));
  }
  keepHeight(status, new Set(Object.values(album.frames).map(([, sentence]) => sentence)));
  move(inputs[0]); // a page that is loaded again may have kept its controls

  function move(moved) {
    if (!(key() in album.frames)) inputs.forEach((input, i) => input === moved || put(input, album.controls[i].initial));
    inputs.forEach(tell);
    show(...album.frames[key()]);
  }

  // What is on the page for paper is not kept twice.
  function onPaper(number) {
    return panel.querySelector(`[data-cover="${number}"]`).src;
  }

  function key() {
    return inputs.map(at).join();
  }

  function tell(input, i) {
    if (input.type !== "range") return;
    const text = album.controls[i].texts[at(input)];
    input.setAttribute("aria-valuetext", text);
    input.parentElement.querySelector(".value").textContent = text;
  }

  // The cover is decoded before it is put up, so that nothing flickers; a late one does not cover a later one.
  async function show(number, sentence) {
    const turn = ++asked, cover = new Image();
    if (album.covers[number] !== "") {
      cover.src = album.covers[number] ? PNG + album.covers[number] : onPaper(number);
      cover.alt = "";
      await cover.decode();
    }
    if (turn < shown) return;
    shown = turn;
    picture.replaceChildren(whole, ...(cover.src ? [cover] : []));
    if (status.textContent !== sentence) status.textContent = whole.alt = sentence;
  }
}

function at(input) {
  if (input.type === "checkbox") return Number(input.checked);
  return input.type === "range" ? input.valueAsNumber : input.selectedIndex;
}

function put(input, place) {
  if (input.type === "checkbox") input.checked = place === 1;
  else if (input.type === "range") input.value = place;
  else input.selectedIndex = place;
}

// All sentences are on the page, hidden but for one, so that the longest sets the height.
function keepHeight(status, sentences) {
  for (const sentence of sentences) {
    const unseen = document.createElement("span");
    unseen.textContent = sentence;
    unseen.setAttribute("aria-hidden", "true");
    status.before(unseen);
  }
}
