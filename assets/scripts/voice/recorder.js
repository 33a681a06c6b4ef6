// The recorder around the composer's own file input: it fills that input, and the composer's Send sends it.
const WARN_BEFORE_S = 10;
const TOO_SHORT_S = 1;
const SAY_ASKING_AFTER_MS = 500;
const SAY = {
  asking: "Waiting for the microphone. Your browser may ask whether Parlour may use it.",
  silent: "We hear nothing. Is the microphone muted, or is another program using it?",
  ending: "Less than ten seconds left.",
  full: "That is as long as a recording can be. Listen to it, and send it.",
  cut: "The microphone went away. What was said until then is here.",
  short: "Hold the button while you speak, or tap it once to record.",
  elsewhere: "Another tab is recording. Finish there first.",
};

class VoiceRecorder extends Desk {
  connectedCallback() {
    this.button = this.querySelector(":scope > button");
    this.input = this.querySelector("input[type=file]");
    this.text = document.getElementById("composer-text");
    Object.assign(this, { state: "idle", attempt: 0, prompt: this.text.placeholder });
    watchHold(this.button, { tap: () => this.record(), hold: () => this.record(), release: () => this.release() });
    pressOnce(this);
    this.input.addEventListener("change", () => (this.choosing = this.choose()));
    this.text.addEventListener("input", () => this.keepCaption());
    document.addEventListener("voice:send", () => this.send());
    // What is played would be recorded, too.
    document.addEventListener("voice:play", () => this.state === "recording" && this.pause());
  }

  async record() {
    if (!["idle", "discarded", "review"].includes(this.state)) return;
    const before = this.state === "review" ? this.take : null;
    const attempt = (this.attempt += 1);
    complain("");
    this.forget();
    forgetSound(this.player);
    this.show("asking");
    const slow = setTimeout(() => this.state === "asking" && this.panel.say(SAY.asking), SAY_ASKING_AFTER_MS);
    try {
      if (!(await hold("recorder"))) throw new Error(SAY.elsewhere);
      const stream = await openMicrophone();
      // Meanwhile it may have been called off.
      if (attempt !== this.attempt) return closeMicrophone(stream);
      this.begin(stream);
      if (before) this.replace(before);
    } catch (error) {
      if (attempt !== this.attempt) return;
      if (before) this.review(before);
      else this.close();
      letGo("recorder");
      complain(error.message);
    } finally {
      clearTimeout(slow);
    }
  }

  again() {
    this.record();
  }

  begin(stream) {
    hush();
    this.take = newTake({ caption: this.text.value });
    hold(this.take.key);
    const onLevel = (level, silent) => this.look(level, silent);
    const limit = Number(this.dataset.limit);
    this.taking = new Taking(this.take, stream, { limit, onLevel, onFull: () => this.finish(SAY.full), onEnd: () => this.finish(SAY.cut) });
    this.fill([]);
    this.show("recording");
  }

  look(level, silent) {
    const { taking, panel, state } = this;
    if (!["recording", "paused"].includes(state)) return;
    const left = taking.limit - taking.seconds;
    panel.tell(taking.seconds);
    panel.level.show(level, state === "recording");
    if (state === "recording") panel.say(left <= WARN_BEFORE_S ? SAY.ending : silent ? SAY.silent : unkept);
    if (left <= 0) this.finish(SAY.full);
  }

  pause() {
    this.taking.pause();
    this.show("paused");
  }

  resume() {
    hush();
    this.taking.resume();
    this.show("recording");
  }

  // What was held is let go: that much is the take, unless it was only a slip of the finger.
  release() {
    if (this.state === "asking") {
      this.discard();
      complain(SAY.short);
    }
    if (this.state !== "recording") return;
    this.finish("", this.taking.seconds < TOO_SHORT_S);
  }

  // Once is enough, whoever asks: Done, Send, the limit, or a microphone that is pulled out.
  finish(words = "", slip = false) {
    if (["recording", "paused"].includes(this.state)) this.finished = this.end(words, slip);
    return this.finished;
  }

  async end(words, slip) {
    this.state = "finishing";
    await this.taking.finish();
    letGo("recorder");
    if (!slip && this.take.slices.length) return this.review(this.take, words || unkept);
    drop(this.take);
    this.close();
    this.earlier?.undo();
    complain(SAY.short);
  }

  keepCaption() {
    if (!this.take || this.state === "discarded") return;
    this.take.caption = this.text.value;
    clearTimeout(this.keeping);
    this.keeping = setTimeout(() => this.take && keepTake(this.take), 300);
  }
}
