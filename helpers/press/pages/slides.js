// Slides of 1280 x 720: what does not fit on one goes on to the next; what is too large for any is made smaller.
const PADDING = 35;
const HEIGHT = 720 - 2 * PADDING;

// Whether a block belongs to what follows: a heading, a line that leads to a list or a formula, code and what it prints.
function leads(block) {
  const next = block.nextElementSibling;
  const colon = block.tagName === "P" && /:$/.test(block.textContent.trim());
  return /^H[123]$/.test(block.tagName) || block.matches(".running") || next && (colon
    || block.tagName === "P" && /^[UO]L$/.test(next.tagName) || block.matches(".code") && next.matches("pre.output"));
}

// The lower end of a block, from the upper end of what its slide holds.
const end = (block, slide) => block.getBoundingClientRect().bottom - slide.getBoundingClientRect().top - PADDING;

const isWide = block => [block, ...block.querySelectorAll("pre, table, .code, math[display=block]")].some(
  part => part.scrollWidth > part.clientWidth + 1 && part.clientWidth > 0
    || part.getBoundingClientRect().right > 1280 - 60 + 1);

function shrink(block, isLarge) {
  for (let zoom = (block.style.zoom || 1) - 0.02; zoom > 0.3 && isLarge(block); zoom -= 0.02) block.style.zoom = zoom;
}

// What appears together, at one press of a key, need not stay together: it may go on on the next slide.
function unwrap(fragment) {
  const index = [...fragment.parentElement.children].indexOf(fragment);
  for (const block of fragment.children) {
    block.classList.add("fragment");
    block.dataset.fragmentIndex = index;
  }
  fragment.replaceWith(...fragment.children);
}

// What a slide begins with is there at once.
function begin(slide) {
  const [first] = [...slide.children].filter(block => !block.matches("h1, h2, h3, .running"));
  if (!first?.matches(".fragment")) return;
  for (const block of slide.querySelectorAll(`[data-fragment-index="${first.dataset.fragmentIndex}"]`)) {
    block.classList.remove("fragment");
  }
}

// The heading above a slide that does not begin with one.
function titled(slide, heading) {
  if (!heading || /^H[12]$/.test(slide.firstElementChild?.tagName ?? "H1")) return;
  const title = document.createElement("p");
  title.className = "running";
  title.append(...heading.cloneNode(true).childNodes);
  slide.prepend(title);
}

function paginate(slide, heading) {
  titled(slide, heading);
  const blocks = [...slide.children].filter(block => !block.matches("aside"));
  const isBeyond = block => end(block, slide) > HEIGHT;
  for (const block of blocks) shrink(block, isWide);
  let first = blocks.findIndex(isBeyond);  // the first block of the next slide
  if (first === -1) return;
  while (first > 0 && leads(blocks[first - 1])) first -= 1;
  if (first === 0) {  // only what leads to the large block is above it
    first = blocks.findIndex(block => !leads(block)) + 1 || blocks.length;
    for (const block of blocks.slice(0, first)) shrink(block, isBeyond);
  }
  if (first === blocks.length) return;
  const rest = document.createElement("section");
  rest.append(...blocks.slice(first));
  slide.after(rest);
  paginate(rest, slide.querySelector("h2") ?? heading);
}

document.fonts.load("16px 'Course Math'").then(async () => {
  await Promise.all([...document.images].map(image => image.decode()));
  document.body.classList.add("paging");
  let heading = null;
  document.querySelectorAll("section > div.fragment").forEach(unwrap);
  for (const slide of document.querySelectorAll(".slides > section > section")) {
    const own = slide.querySelector("h2");
    paginate(slide, heading);
    heading = own ?? heading;
  }
  document.querySelectorAll(".slides > section > section").forEach(begin);
  document.body.classList.remove("paging");
  const size = { width: 1280, height: 720, margin: 0, center: false };
  Reveal.initialize({ ...size, hash: true, transition: "none", navigationMode: "linear", slideNumber: "c/t", controls: false });
});
