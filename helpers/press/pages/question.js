// A question is on the page as a list of choices, each with its answer folded away; the form of the notebooks replaces it.
for (const box of document.querySelectorAll(".question")) {
  const choices = [...box.querySelectorAll("details")];
  pose(box, {
    ask: box.querySelector("p").textContent,
    choices: choices.map((choice) => ["summary", "span"].map((part) => choice.querySelector(part).textContent)),
    right: choices.findIndex((choice) => "right" in choice.dataset),
    verdicts: [box.dataset.wrong, box.dataset.right],
  });
}
