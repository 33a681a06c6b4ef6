// The controls of one sound: play, seek, speed. They stand in a shadow, which a message that is drawn again leaves alone.
const SPEEDS = [1, 1.5, 2];
const ARROW_S = 5;
const TROUBLE = "It cannot be played just now. Press Play to try again.";
const GONE = "This recording is gone.";
const OWN_MS = 2_000; // in which what comes back is what was told from here
let sounding = null; // the player that is heard; one at a time
let speedChosen = 1;
let speedUntold = null; // chosen on this page, and the server does not have it yet

function clock(seconds) {
  const whole = Math.floor(seconds + 0.001);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

// As the server says how long it is.
function lengthWords(seconds) {
  return clock(Math.round(seconds));
}

class Player extends EventTarget {
  constructor(host, audio, { length, position = 0 }) {
    super();
    const root = host.attachShadow({ mode: "open" });
    root.append(partOf("voice-player"));
    const part = (name) => root.querySelector(`[part=${name}]`);
    Object.assign(this, { audio, length, wanted: position, sought: false, movedAt: -OWN_MS });
    Object.assign(this, { button: part("play"), wave: part("wave"), time: part("time"), pace: part("speed"), trouble: part("trouble") });
    this.played = root.querySelector("[part~=played]");
    this.slot = root.querySelector("slot[name=waveform]");
    this.slot.addEventListener("slotchange", () => this.copyWave());
    this.button.addEventListener("click", () => (audio.paused ? this.play() : audio.pause()));
    this.pace.addEventListener("click", () => this.changeSpeed());
    watchSeeking(this);
    for (const name of ["play", "pause", "timeupdate", "seeked", "ratechange"]) audio.addEventListener(name, () => this.draw());
    audio.addEventListener("play", () => document.dispatchEvent(new Event("voice:play")));
    audio.addEventListener("pause", () => (this.movedAt = performance.now()));
    audio.addEventListener("loadedmetadata", () => this.wanted && this.seek(this.wanted));
    audio.addEventListener("ended", () => this.end());
    audio.addEventListener("error", ({ target }) => this.fail(target), { capture: true });
    this.copyWave();
    this.draw();
  }

  get position() {
    return this.audio.readyState ? this.audio.currentTime : this.wanted;
  }

  async play() {
    if (sounding !== this) hush();
    sounding = this;
    this.tryAgain();
    if (this.audio.ended || this.position >= this.length - 0.05) this.seek(0);
    this.audio.defaultPlaybackRate = this.audio.playbackRate = speedChosen;
    this.audio.preservesPitch = true;
    try {
      await this.audio.play();
    } catch {
      this.draw(); // Refused before anybody has touched the page, or paused at once: it can be pressed again.
    }
  }

  // After its last source the browser would wait for another one, and never say so.
  async fail(target) {
    const { audio, trouble } = this;
    if (target !== audio && target !== [...audio.querySelectorAll("source")].pop()) return;
    audio.pause();
    trouble.textContent = (await isGone(target.src || audio.currentSrc)) ? GONE : TROUBLE;
  }

  tryAgain() {
    const { audio, trouble } = this;
    trouble.textContent = "";
    if (!audio.error && audio.networkState !== HTMLMediaElement.NETWORK_NO_SOURCE) return;
    this.wanted = this.position;
    audio.load();
  }

  seek(seconds) {
    this.wanted = Math.min(Math.max(0, seconds), this.length);
    this.sought = true;
    this.movedAt = performance.now();
    if (this.audio.readyState) this.audio.currentTime = this.wanted;
    this.draw();
    this.dispatchEvent(new Event("moved"));
  }

  // Where another device has stopped; who listens here, or has just moved it, is left alone.
  follow(seconds) {
    if (!this.audio.paused || performance.now() - this.movedAt < OWN_MS) return;
    this.wanted = Math.min(seconds, this.length);
    if (this.audio.readyState) this.audio.currentTime = this.wanted;
    this.draw();
  }

  end() {
    // Whoever jumps to the end did not ask for what comes next.
    const heardOut = !this.sought;
    this.wanted = 0;
    this.draw();
    if (heardOut) this.dispatchEvent(new Event("over"));
  }

  changeSpeed() {
    this.movedAt = performance.now();
    speedChosen = speedUntold = SPEEDS[(SPEEDS.indexOf(speedChosen) + 1) % SPEEDS.length];
    this.audio.playbackRate = speedChosen;
    document.dispatchEvent(new CustomEvent("voice:speed"));
    this.dispatchEvent(new Event("moved"));
  }

  draw() {
    const { audio, button, wave, position, length } = this;
    const name = audio.paused ? "Play" : "Pause";
    if (!audio.paused && !audio.seeking) this.sought = false;
    if (button.getAttribute("aria-label") !== name) turn(button, name);
    for (const [key, value] of [["max", length], ["now", Math.min(position, length)]]) wave.setAttribute(`aria-value${key}`, Math.round(value * 10) / 10);
    wave.setAttribute("aria-valuetext", `${clock(position)} of ${lengthWords(length)}`);
    this.time.textContent = position > 0 ? clock(position) : lengthWords(length);
    this.pace.textContent = `${speedChosen}×`;
    this.played.style.setProperty("--rest", `${100 - (100 * position) / (length || 1)}%`);
  }

  // What was played stands over the drawing in another colour.
  copyWave() {
    const copies = this.slot.assignedElements().map((drawing) => drawing.cloneNode(true));
    for (const copy of copies) {
      copy.setAttribute("part", "drawing");
      for (const bar of copy.children) bar.setAttribute("part", "bar");
    }
    this.played.replaceChildren(...copies);
  }
}

function hush() {
  sounding?.audio.pause();
}

// What was chosen on another device is for what is played next.
function adoptSpeed(speed) {
  if (!speed || speed === speedChosen || speedUntold || (sounding && !sounding.audio.paused)) return;
  speedChosen = speed;
  document.dispatchEvent(new CustomEvent("voice:speed"));
}

// A browser only says that it could not play; the server knows whether there is anything left.
async function isGone(address) {
  try {
    return !address.startsWith("blob:") && (await fetch(address, { method: "HEAD", mode: "same-origin" })).status === 404;
  } catch {
    return false;
  }
}

function turn(button, name) {
  const use = button.querySelector("use");
  button.setAttribute("aria-label", name);
  use.setAttribute("href", use.getAttribute("href").replace(/#.*/, `#${name.toLowerCase()}`));
}
