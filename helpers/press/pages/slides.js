// A deck: arrow keys up and down move the first control of a slide, all others the slides.
const size = { width: 1280, height: 720, margin: 0, center: false, pdfSeparateFragments: false };
Reveal.initialize({ ...size, hash: true, transition: "none", slideNumber: "c/t", controls: false });
Reveal.addKeyBinding({ keyCode: 38, key: "↑ ↓", description: "Move the slider" }, () => nudge(1));
Reveal.addKeyBinding({ keyCode: 40 }, () => nudge(-1));
Reveal.addKeyBinding({ keyCode: 83, key: "S", description: "Window of the speaker" }, openSpeaker);
for (const event of ["ready", "slidechanged", "fragmentshown", "fragmenthidden"]) Reveal.on(event, tellSpeaker);
new MutationObserver(tellSpeaker).observe(document.querySelector(".slides"), { subtree: true, childList: true });

function nudge(step) {
  const input = Reveal.getCurrentSlide().querySelector(".control input, .control select");
  if (!input) return;
  if (input.type === "checkbox") input.checked = step === 1;
  else if (input.type === "range") input.value = input.valueAsNumber + step;
  else input.selectedIndex = Math.min(Math.max(input.selectedIndex - step, 0), input.length - 1);
  input.dispatchEvent(new Event("input"));
}

for (const input of document.querySelectorAll(".control input, .control select")) {
  // After a move by mouse or finger, the keys belong to the deck again.
  for (const event of ["pointerup", "click"]) input.addEventListener(event, () => input.matches("select") || input.blur());
  if (input.matches("select")) input.addEventListener("change", () => input.blur());
  // What leads through the slides always does; what is left to a control is not for the deck.
  input.addEventListener("keydown", event => {
    const lead = { PageDown: Reveal.next, PageUp: Reveal.prev }[event.key];
    if (lead) event.preventDefault(), input.blur(), lead();
    event.stopPropagation();
  });
}
