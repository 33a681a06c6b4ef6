// What the recorder shows: the buttons of its state, the time, the level, a sentence; and where the focus goes.
const FIRST_BUTTON = { recording: "pause", paused: "resume", discarded: "undo" };

class Panel {
  constructor(recorder) {
    this.recorder = recorder;
    this.root = partOf("voice-panel").firstElementChild;
    this.part = (name) => this.root.querySelector(`[data-part=${name}]`);
    this.button = (name) => this.root.querySelector(`[data-do=${name}]`);
    this.level = new Level(this.part("level"));
    this.root.addEventListener("click", ({ target }) => {
      const wish = target.closest("[data-do]")?.dataset.do;
      if (wish) recorder[wish]();
    });
    recorder.prepend(this.root);
  }

  show(state) {
    const hadFocus = this.root.contains(document.activeElement) || document.activeElement === document.body;
    this.root.dataset.state = state;
    showOnly(this.root, state);
    if (!hadFocus && !this.recorder.button.matches(":focus")) return;
    const button = state in FIRST_BUTTON && this.button(FIRST_BUTTON[state]);
    if (button) button.focus();
    else if (state === "review") this.root.querySelector(".player")?.shadowRoot.querySelector("button").focus();
  }

  tell(seconds) {
    const words = clock(seconds);
    if (this.part("time").textContent !== words) this.part("time").textContent = words;
  }

  say(words) {
    if (this.part("words").textContent !== words) this.part("words").textContent = words;
  }

  remove() {
    const hadFocus = this.root.contains(document.activeElement);
    this.root.remove();
    if (hadFocus) this.recorder.text.focus({ preventScroll: true });
  }
}

// A key that is held down presses once: the focus has moved on, and what it came to was not meant.
function pressOnce(place) {
  place.addEventListener("keydown", (event) => event.repeat && event.key === "Enter" && event.preventDefault());
}

function showOnly(root, state) {
  for (const each of root.querySelectorAll("[data-when]")) each.hidden = !each.dataset.when.split(" ").includes(state);
}
