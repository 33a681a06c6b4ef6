// One take that is not with the server yet.
class UnsentTake {
  constructor(take) {
    this.root = partOf("voice-unsent").firstElementChild;
    this.part = (name) => this.root.querySelector(`[data-part=${name}]`);
    Object.assign(this, { take, failures: 0, player: null });
    this.part("length").textContent = take.name || lengthWords(lengthOf(take));
    this.part("caption").textContent = take.caption;
    pressOnce(this.root);
    this.root.addEventListener("click", ({ target }) => {
      const wish = target.closest("[data-do]")?.dataset.do;
      if (wish) this[wish]();
    });
    this.show("kept");
  }

  show(state, words = "") {
    const focused = document.activeElement;
    this.state = state;
    showOnly(this.root, state);
    this.root.setAttribute("aria-label", state === "discarded" ? "Discarded recording" : "Unsent recording");
    this.part("words").textContent = words;
    if (focused.hidden && this.root.contains(focused)) this.root.querySelector("button:not([hidden])").focus();
  }

  async listen() {
    this.player ??= await showSound(this.part("sound"), this.take);
    this.player.play();
  }

  async send() {
    if (this.state === "sending") return;
    clearTimeout(this.timer);
    this.show("sending", "Sending");
    Object.assign(this.take, { waiting: true, said: this.take.caption });
    await keepTake(this.take);
    this.cancelled = false;
    this.part("progress").value = 0;
    this.upload = upload(this.take, (share) => (this.part("progress").value = share));
    this.settle(await this.upload.answer);
  }

  cancel() {
    this.cancelled = true;
    this.upload?.cancel();
  }

  settle({ status, html }) {
    if (status >= 200 && status < 300) return this.arrived(html);
    const refused = status >= 400 && status < 500 && status !== 408;
    if (!refused && !this.cancelled) return this.wait();
    this.take.waiting = false;
    const kept = keepTake(this.take);
    if (status !== 401) return this.goBack(refused ? sentence(html) : "");
    this.show("kept", sentence(html));
    kept.then(() => location.assign(`/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`));
  }

  arrived(html) {
    // Swapped and removed in one go: nobody ever sees the recording twice, or not at all.
    const { body } = document;
    htmx.swap({ sourceElement: body, target: body, swap: "none", text: html }).catch(() => {});
    this.remove();
    drop(this.take);
    // Beside older messages there is no place for new ones.
    if (!document.getElementById("messages")) location.assign(`/conversations/${here}#latest`);
  }

  wait() {
    this.failures += 1;
    const pause = Math.min(500 * 2 ** this.failures, LONGEST_PAUSE_MS) * (0.75 + Math.random() / 4);
    this.timer = setTimeout(() => this.send(), pause);
    this.show("waiting", "Not sent yet: the server cannot be reached. It is tried again by itself.");
  }

  // Into the composer, where it can be changed; where another take is in hand, it waits here.
  goBack(words) {
    const recorder = document.querySelector("voice-recorder");
    if (recorder.state !== "idle") this.show("kept", words);
    else {
      this.remove();
      recorder.takeBack(this.take, words);
    }
    if (isMessage(this.take)) knowSent(this.take.key);
  }

  // A recorder that is free offers to undo it; else it is offered here.
  discard() {
    const recorder = document.querySelector("voice-recorder");
    clearTimeout(this.timer);
    if (recorder.earlier === this) recorder.earlier = null;
    this.take.waiting = false;
    mark(this.take, true);
    if (recorder.state !== "idle") return this.discarded("Recording discarded.", UNDO_MS);
    this.remove();
    recorder.discarded(this.take);
  }

  // It stays for so long, or until it is told to expire.
  discarded(words, undoMs) {
    this.part("sound").replaceChildren();
    this.player = forgetSound(this.player);
    this.show("discarded", words);
    if (undoMs) this.timer = setTimeout(() => this.expire(), undoMs);
  }

  undo() {
    if (this.state !== "discarded") return;
    clearTimeout(this.timer);
    mark(this.take, false);
    this.goBack("");
  }

  expire() {
    if (this.state !== "discarded") return;
    clearTimeout(this.timer);
    this.remove();
    drop(this.take);
  }

  remove() {
    forgetSound(this.player);
    unsent.delete(this.take.key);
    this.root.remove();
  }
}
