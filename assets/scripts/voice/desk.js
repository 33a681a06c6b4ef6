// A take in hand: listened to, given a caption, sent, thrown away, brought back.
const UNDO_MS = 10_000;

class Desk extends HTMLElement {
  show(state, words = "") {
    const open = !["idle", "discarded"].includes(state);
    this.state = state;
    document.dispatchEvent(new CustomEvent("activity", { detail: state === "recording" ? state : "" }));
    if (state === "idle") {
      this.panel?.remove();
      this.panel = null;
    } else {
      this.panel ??= new Panel(this);
      this.panel.say(words);
      this.panel.show(state);
    }
    this.button.hidden = open;
    this.toggleAttribute("data-take", open);
    this.text.placeholder = open ? "Add a caption" : this.prompt;
  }

  review(take, words = unkept) {
    this.take = take;
    hold(take.key);
    this.fill([fileOf(take)]);
    this.show("review", words);
    this.panel.tell(lengthOf(take));
    this.listen(take, words);
  }

  async listen(take, words) {
    const player = await showSound(this.panel.part("sound"), take);
    if (this.state !== "review" || this.take !== take) return forgetSound(player);
    this.player = player;
    this.panel.tell(player.length);
    this.show("review", words);
  }

  // A file that somebody chose is a take like any other.
  async choose() {
    const [file] = this.input.files;
    if (!file) return;
    if (this.state === "asking") this.discard();
    await this.finish();
    this.forget();
    forgetSound(this.player);
    if (this.take) setAside(this.take);
    const slice = { bytes: file, until: 0, levels: [] };
    const take = newTake({ type: file.type, name: file.name, caption: this.text.value, slices: [slice] });
    hold(take.key);
    this.review(take);
    await keepTake(take);
    await keepSlice(take, 0, slice);
  }

  // Comes back from being sent, with the sentence that says why.
  takeBack(take, words) {
    giveBack(take.caption === this.text.value ? "" : take.caption, words);
    this.review(take);
  }

  async send() {
    await Promise.all([this.choosing, this.finish()]);
    if (this.state !== "review") return;
    const { take, text } = this;
    take.caption = text.value;
    this.close();
    this.earlier?.expire();
    write("");
    text.focus({ preventScroll: true });
    complain("");
    showUnsent(take).send();
  }

  async discard() {
    this.attempt += 1;
    if (this.state === "asking") return this.callOff();
    await this.finish();
    if (this.state === "review") this.discarded(this.take);
  }

  // Whoever was about to record again still has what was there.
  callOff() {
    letGo("recorder");
    if (this.take) this.review(this.take);
    else this.close();
  }

  discarded(take) {
    this.earlier?.undo();
    forgetSound(this.player);
    this.fill([]);
    Object.assign(this, { take, player: null, undoing: setTimeout(() => this.forget(), UNDO_MS) });
    this.show("discarded", "Recording discarded.");
    mark(take, true);
  }

  undo() {
    clearTimeout(this.undoing);
    if (!this.text.value) write(this.take.caption);
    mark(this.take, false);
    this.review(this.take);
  }

  // What was there before another was recorded in its stead can be brought back until that one is sent.
  replace(take) {
    this.earlier?.expire();
    this.earlier = showUnsent(take);
    this.earlier.discarded("It is kept until the new one is sent.", 0);
  }

  // What was discarded and not brought back is gone for good.
  forget() {
    clearTimeout(this.undoing);
    if (this.state !== "discarded") return;
    drop(this.take);
    this.close();
  }

  close() {
    letGo("recorder");
    forgetSound(this.player);
    this.fill([]);
    Object.assign(this, { take: null, player: null });
    this.show("idle");
  }

  // Its message shows the caption that went with it; one that was changed since stays to be sent.
  closeSent() {
    if (this.text.value === this.take.said) write("");
    drop(this.take);
    this.close();
  }

  fill(files) {
    const transfer = new DataTransfer();
    for (const file of files) transfer.items.add(file);
    this.input.files = transfer.files;
  }
}
