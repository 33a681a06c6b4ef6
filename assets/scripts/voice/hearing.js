// Tells the server how far a voice message was heard, so that another device goes on from there.
const SAVE_EVERY_MS = 5_000;
const SETTLE_MS = 400;
const HEARD_SHARE = 0.9;
const HEARD_S = 30;

class Hearing {
  constructor(message, player) {
    const { audio } = player;
    Object.assign(this, { message, player, audio, toldAt: 0, timer: 0, id: message.dataset.recording });
    this.stretches = this.recall();
    audio.addEventListener("playing", () => (this.toldAt = Date.now()));
    audio.addEventListener("timeupdate", () => this.look());
    audio.addEventListener("pause", () => audio.ended || this.tell());
    audio.addEventListener("ended", () => this.tell());
    player.addEventListener("moved", () => this.tellSoon());
    window.addEventListener("pagehide", () => audio.paused || this.tell());
    // What was heard in another tab is heard.
    window.addEventListener("storage", ({ key, newValue }) => key === this.shelf && newValue === null && message.hear());
  }

  // What was heard of it in this browser, not how far somebody jumped; a sound that is loaded again forgets what was played of it.
  takeUp() {
    this.stretches = merge([...this.stretches, ...stretchesOf(this.audio.played)]);
  }

  look() {
    const enough = Math.min(HEARD_S, HEARD_SHARE * this.player.length);
    this.takeUp();
    if (this.message.unheard && secondsOf(this.stretches) >= enough) this.tell({ heard: "1" });
    else if (!this.audio.paused && Date.now() - this.toldAt >= SAVE_EVERY_MS) this.tell();
  }

  tellSoon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.tell(), SETTLE_MS);
  }

  async tell(news = {}) {
    const { player, audio, id, message } = this;
    const speed = speedUntold;
    if (!message.isConnected) return; // It was deleted while it was heard.
    this.toldAt = Date.now();
    this.takeUp();
    this.keep();
    if (news.heard) this.hear();
    const token = document.querySelector("input[name=token]").value;
    const position = audio.ended ? 0 : player.position;
    const fields = { token, position: position.toFixed(2), ...(speed && { speed }), ...news };
    try {
      const { ok } = await fetch(`/recordings/${id}/listened`, { method: "POST", mode: "same-origin", keepalive: true, body: new URLSearchParams(fields) });
      if (ok && speed === speedUntold) speedUntold = null;
    } catch {
      // It is told again in five seconds, or with the next press.
    }
  }

  // Nothing is left to be kept of it; that this goes away tells the other tabs.
  hear() {
    this.message.hear();
    this.keep();
  }

  get shelf() {
    return `heard:${user}:${this.id}`;
  }

  // Heard in two goes is heard: what came before a reload counts.
  keep() {
    try {
      if (this.message.unheard) localStorage.setItem(this.shelf, JSON.stringify(this.stretches));
      else localStorage.removeItem(this.shelf);
    } catch {
      // Then only this page's own listening counts.
    }
  }

  recall() {
    try {
      const kept = JSON.parse(localStorage.getItem(this.shelf));
      return Array.isArray(kept) ? kept : []; // It may be what an older script kept, a sum.
    } catch {
      return [];
    }
  }
}
