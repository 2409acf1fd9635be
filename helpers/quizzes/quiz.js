// One question on a page: choose an answer, and see whether it is right, and why. In a notebook, and in the book.

function element(tag, properties) {
  return Object.assign(document.createElement(tag), properties);
}

// A form keeps its radio buttons apart from those of other questions, and gives them the arrow keys.
export function pose(box, { ask, choices, right, verdicts }) {
  const form = element("form", { className: "quiz" }), field = element("fieldset", {});
  const said = element("p", { role: "status" });
  field.append(element("legend", { textContent: ask }), ...choices.map(([text], place) => choice(text, place)), said);
  form.append(field);
  form.addEventListener("change", ({ target: { value } }) => {
    const isRight = Number(value) === right;
    said.className = isRight ? "right" : "wrong";
    said.replaceChildren(element("b", { textContent: `${verdicts[Number(isRight)]} ` }), choices[value][1]);
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  box.replaceChildren(form);
}

function choice(text, place) {
  const label = element("label", {});
  label.append(element("input", { type: "radio", name: "choice", value: place, autocomplete: "off" }), text);
  return label;
}

function render({ model, el }) {
  const removed = new AbortController();
  pose(el, model.get("question"));
  keepKeys(el, removed.signal);
  hideStandIn(model, el, removed.signal);
  return () => removed.abort();
}

export default { render };
