// A voice message: the server's waveform and sound, with the player's controls around them.
class VoiceMessage extends HTMLElement {
  connectedCallback() {
    this.changes ??= new MutationObserver(() => this.upgrade());
    this.changes.observe(this, { childList: true });
    this.upgrade();
  }

  disconnectedCallback() {
    this.changes.disconnect();
    this.player?.audio.pause();
  }

  get unheard() {
    return this.querySelector(".unheard") !== null;
  }

  hear() {
    this.heard = true;
    this.upgrade();
  }

  // What this browser cannot play has to wait until the rendition that it can is drawn into this row.
  get playable() {
    const audio = this.querySelector("audio:has(source)");
    if (!audio || !this.querySelector(".preparing")) return audio;
    return [...audio.children].some(({ type }) => audio.canPlayType(type)) ? audio : null;
  }

  // What is heard on another device of one's own comes by the line, and is put in here.
  takeNews() {
    const news = this.querySelector(":scope > i[data-position]");
    if (!news) return;
    news.remove();
    Object.assign(this.dataset, news.dataset);
    this.player?.follow(Number(news.dataset.position));
    adoptSpeed(Number(news.dataset.speed));
  }

  upgrade() {
    this.takeNews();
    if (this.dataset.key) knowSent(this.dataset.key);
    // A row that is drawn for everybody does not know who has heard it.
    this.heard ||= this.dataset.heard === "true";
    if (this.heard) this.querySelector(".unheard")?.remove();
    const audio = this.player ? null : this.playable;
    if (!audio) return;
    const { length, position = 0, speed } = this.dataset;
    adoptSpeed(Number(speed));
    this.player = new Player(this, audio, { length: Number(length), position: Number(position) });
    new Hearing(this, this.player);
    audio.addEventListener("play", () => this.announce());
    this.player.addEventListener("over", () => this.next()?.player.play());
    document.addEventListener("voice:speed", () => this.player.draw());
  }

  announce() {
    if (!navigator.mediaSession) return;
    const author = this.closest("article")?.querySelector(".author")?.textContent ?? "";
    navigator.mediaSession.metadata = new MediaMetadata({ title: `Voice message from ${author}`, artist: "Parlour" });
  }

  // The next one that was not heard; whatever else was said in between ends the row.
  next() {
    const articles = [...document.querySelectorAll("[role=log] article")];
    for (const article of articles.slice(articles.indexOf(this.closest("article")) + 1)) {
      const message = article.querySelector("voice-message");
      if (!message) return null;
      if (message.unheard && message.player) return message;
    }
    return null;
  }
}
