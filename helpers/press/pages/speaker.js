// The speaker's window: notes, this slide and the next, the time. This page writes it, so that it works from a file.
let speaker = null, begun = 0;

function openSpeaker() {
  speaker = window.open("", "speaker", "width=1280,height=800");
  if (!speaker) return; // the browser forbids windows
  const styles = [...document.querySelectorAll("style")].map(style => style.outerHTML).join("");
  const { document: page } = speaker;
  page.write(`<!DOCTYPE html><html lang="en"><head><title>Speaker: ${document.title}</title>${styles}</head><body class="speaker">
    <header><span class="place"></span><span class="since"></span><button type="button">Begin again</button><span class="clock"></span></header>
    <main class="said-notes"></main><div><h2>on the wall</h2><div class="small now"></div><h2>next</h2><div class="small next"></div></div>
    </body></html>`);
  page.close();
  page.querySelector("button").addEventListener("click", begin);
  page.addEventListener("keydown", event => Reveal.triggerKey(event.keyCode));
  begun ? tick() : begin();
  tellSpeaker();
}

function begin(event) {
  event?.target.blur(); // the next space is for the slides
  begun = Date.now();
  tick();
}

function tick() {
  if (!speaker || speaker.closed) return;
  const seconds = Math.floor((Date.now() - begun) / 1000);
  say(".since", `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`);
  say(".clock", new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }));
}

setInterval(tick, 1000);

function say(part, text) {
  speaker.document.querySelector(part).textContent = text;
}

function tellSpeaker() {
  if (!speaker || speaker.closed) return;
  const slides = Reveal.getSlides(), at = slides.indexOf(Reveal.getCurrentSlide());
  say(".place", `${at + 1} / ${slides.length}`);
  speaker.document.querySelector("main").innerHTML = slides[at].querySelector("aside").innerHTML;
  draw(".now", slides[at]);
  draw(".next", slides[at + 1]);
}

// A copy of the slide as it is now: its picture is where the slider has moved it.
function draw(part, slide) {
  const copies = slide ? [speaker.document.importNode(slide.querySelector(".slide"), true)] : [];
  speaker.document.querySelector(part).replaceChildren(...copies);
}
