// What panels and questions ask of any page that shows notebooks. It comes before the code of either (page.py).
// ``gone`` is the signal that the view was removed.

const SEARCH = 10_000; // milliseconds to look for what is about to appear on the page

// Letters, digits and arrows are for the control that has the focus, not for the page's commands for cells. What has a
// modifier key is for the page (Ctrl+S, Shift+Enter), and so is what leads elsewhere.
function isForControl({ key, ctrlKey, altKey, metaKey, shiftKey }) {
  return !ctrlKey && !altKey && !metaKey && !(shiftKey && key === "Enter") && !/^(F\d+|Escape|Tab)$/.test(key);
}

// Some pages hear keys before the control does (Notebook 7) and look for a mark; others hear them after it.
function keepKeys(box, gone) {
  const mark = (event) => {
    if (box.contains(event.target)) event.target.toggleAttribute("data-lm-suppress-shortcuts", isForControl(event));
  };
  const keep = (event) => isForControl(event) && event.stopPropagation();
  window.addEventListener("keydown", mark, { signal: gone, capture: true });
  for (const kind of ["keydown", "keypress"]) box.addEventListener(kind, keep, { signal: gone });
}

// A saved notebook keeps a stand-in of what is alive here: a text, and before it perhaps a picture. It is one of the
// next outputs of the cell. No page has the same elements and classes around them, but in each they are neighbours.
function hideStandIn(model, el, gone) {
  let hidden = [], end = 0;
  const observer = new MutationObserver(() => {
    if (hide() || Date.now() > end) observer.disconnect();
  });
  const search = () => {
    end = Date.now() + SEARCH;
    if (!hide()) observer.observe(document.body, { childList: true, subtree: true });
  };
  const hide = () => {
    hidden = hidden.filter((output) => output.isConnected);
    const text = letters(model.get("stand_in"));
    for (let node = el; text && node && !hidden.length; node = node.parentElement) hidden = findStandIn(node, text);
    for (const output of hidden) output.style.display = "none";
    return hidden.length > 0;
  };
  model.on("change:stand_in", search);
  gone.addEventListener("abort", () => {
    observer.disconnect();
    model.off("change:stand_in", search);
    for (const output of hidden) output.style.display = "";
  });
  search();
}

function findStandIn(node, text) {
  for (let before = node, output; (output = before.nextElementSibling); before = output) {
    if (output.querySelector("img") || letters(output.textContent) !== text) continue;
    return before !== node && before.querySelector("img") ? [before, output] : [output];
  }
  return [];
}

function letters(text) {
  return text.replace(/\s/g, "");
}

