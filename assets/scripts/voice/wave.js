// Bars: of what is being recorded, and of a whole take.
const BARS = 64;
const SVG = "http://www.w3.org/2000/svg";

// As the server draws a waveform: 64 bars of 2 with 2 between them, around the middle of a height of 32.
function drawBars(levels, attributes) {
  const drawing = element("svg", { class: "waveform", viewBox: "0 0 256 32", preserveAspectRatio: "none", "aria-hidden": "true", ...attributes });
  drawing.append(...levels.map((level, place) => element("rect", { x: 4 * place + 1, width: 2, ...sizeOf(level) })));
  return drawing;
}

function sizeOf(level) {
  const height = Math.max(2, Math.round(level * 32));
  return { y: 16 - height / 2, height };
}

function element(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function drawTake({ slices }) {
  const levels = slices.flatMap((slice) => slice.levels ?? []);
  const share = (place) => Math.floor((place * levels.length) / BARS);
  const loudest = Math.max(0.01, ...levels);
  const bars = Array.from({ length: BARS }, (_, place) => {
    const part = levels.slice(share(place), Math.max(share(place) + 1, share(place + 1)));
    return Math.max(0, ...part) / loudest;
  });
  return drawBars(bars, { slot: "waveform" });
}

// The last levels, newest at the right, as they come.
class Level {
  constructor(place) {
    Object.assign(this, { place, levels: Array(BARS).fill(0) });
    this.drawing = place.appendChild(drawBars(this.levels, {}));
  }

  show(level, moving) {
    this.place.setAttribute("aria-valuenow", Math.round(level * 100));
    if (!moving) return;
    this.levels.push(level);
    this.levels.shift();
    this.levels.forEach((each, place) => {
      for (const [key, value] of Object.entries(sizeOf(each))) this.drawing.children[place].setAttribute(key, value);
    });
  }
}
