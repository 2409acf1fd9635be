// Numbers that are typed beside a slider. This comes before the code of panels (panel.py).

// Typed beside a slider: ipywidgets would read 0,5 as 0, 50% as 50 and 1,000 as 1. It reads when
// the focus leaves and at Enter.
function readNumbers(controls, panel, gone) {
  const read = ({ target, type, key }) => {
    if (!target.matches(".widget-readout") || (type === "keydown" && key !== "Enter")) return;
    const control = controls[findRow(panel.firstElementChild, target)];
    if (typeof control?.get("value") !== "number") return; // a range, which is two
    const typed = target.textContent, number = readNumber(typed, control);
    if (number !== typed) target.textContent = number;
  };
  for (const event of ["keydown", "blur"])
    panel.addEventListener(event, read, { signal: gone, capture: true });
}

// What a person means by a number beside a slider, as text. Of several readings, the one counts
// that the slider can take. What is no number is "", which changes nothing.
function readNumber(text, slider) {
  const plain = text.replace(/[\s'\u2019_]/g, "").replace("\u2212", "-");
  const [, sign, digits, power, percent] =
    /^([-+]?)([\d.,]*\d[\d.,]*)((?:e[-+]?\d+)?)(%?)$/i.exec(plain) ?? [];
  const numbers = findReadings(digits ?? "").map((reading) => Number(sign + reading + power));
  if (slider.get("step") >= 1) numbers.reverse(); // rather thousands than decimals
  if (percent && !slider.get("description").includes("%"))
    numbers.unshift(...numbers.map((number) => number / 100));
  return String(numbers.find((number) => canBeAt(slider, number)) ?? numbers[0] ?? "");
}

// The last comma or point is that of the decimals, as in 1.000,5; but 1,000 may be a thousand, and
// 1,000,000 can only be a million.
function findReadings(digits) {
  const parts = digits.split(/[.,]/), marks = new Set(digits.match(/[.,]/g));
  const whole = parts.join(""), decimal = `${parts.slice(0, -1).join("")}.${parts.at(-1)}`;
  const grouped = /^[1-9]\d{0,2}([.,]\d{3})+$/.test(digits);
  if (parts.length < 2) return whole ? [whole] : [];
  if (parts.length < 3) return grouped ? [decimal, whole] : [decimal];
  return marks.size > 1 ? [decimal] : grouped ? [whole] : [];
}

function canBeAt(slider, number) {
  const [low, high, step, base] = ["min", "max", "step", "base"].map((name) => slider.get(name));
  if (base) return base ** low <= number && number <= base ** high; // of a logarithmic slider
  return low <= number && number <= high && isWhole((number - low) / step);
}

function isWhole(number) {
  return Math.abs(number - Math.round(number)) < 1e-9;
}

