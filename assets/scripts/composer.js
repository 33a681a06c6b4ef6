// The composer: Enter sends, what is sent goes to the outbox at once, and what is not sent survives a reload.
(() => {
  const TWICE_WITHIN_MS = 1_000;
  const form = part("composer");
  let sentAt = 0;
  if (!user) return;

  document.addEventListener("outbox:refused", ({ detail }) => giveBack(detail));
  if (!form) return;

  document.addEventListener("submit", take, { capture: true });
  document.addEventListener("keydown", (event) => {
    if (event.target !== part("composer-text") || event.key !== "Enter") return;
    if (event.shiftKey || event.ctrlKey || event.altKey || event.metaKey) return;
    // 229 is how some browsers report the Enter that has just ended a composition.
    if (event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    if (!event.repeat) form.requestSubmit();
  });
  document.addEventListener("input", ({ target }) => {
    if (target === part("composer-text")) keepDraft(here, target.value);
  });
  window.addEventListener("storage", ({ key, oldValue }) => {
    // What another tab had typed when this one was opened, and nobody has changed here, goes on as it does there.
    const box = part("composer-text");
    if (key === kept("draft", here) && box.value === oldValue) box.value = recallDraft(here);
  });
  window.addEventListener("pagehide", leaveDraft);
  // Once more when the browser has put back what it remembers of a form: text, and an older page's key.
  window.addEventListener("pageshow", open);
  open();

  function open() {
    const box = part("composer-text");
    const typed = recallDraft(here);
    // What was typed while signed out comes with each page of the session; from the first on it is a draft like any other.
    const carried = part("hello") && box.value && box.value === box.defaultValue;
    if (!carried) box.value ||= typed;
    else box.value = isTaken() ? typed : [...new Set([typed, box.value])].filter(Boolean).join("\n");
    if (box.value !== typed) keepDraft(here, box.value);
    renewKey();
  }

  // In the capturing phase, so that the form's own attributes, which serve until this script runs, stay out of it.
  function take(event) {
    if (event.target !== form) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const box = part("composer-text");
    const text = box.value;
    if (form.querySelector("voice-recorder[data-take]")) {
      sentAt = Date.now();
      return tell("voice:send");
    }
    if (!text.trim()) {
      // A double click or a second Enter comes upon a box that has just been emptied.
      if (Date.now() - sentAt > TWICE_WITHIN_MS) complain(form.dataset.empty);
      return;
    }
    sentAt = Date.now();
    const key = keyOfGiven(text) ?? part("composer-key").value;
    renewKey();
    write("");
    complain("");
    box.focus({ preventScroll: true });
    tell("outbox:send", { conversation: here, key, text });
  }

  // Two texts must never share a key.
  function renewKey() {
    part("composer-key").value = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16)).join("");
  }

  function giveBack({ conversation, key, text, words }) {
    const open = form && conversation === here;
    const typed = open ? part("composer-text").value : recallDraft(conversation);
    const whole = [text, typed].filter(Boolean).join("\n");
    if (key) keepGiven(conversation, key, whole);
    if (!open) return keepDraft(conversation, whole);
    write(whole);
    complain(words);
  }

  function write(text) {
    const box = part("composer-text");
    box.value = text;
    box.dispatchEvent(new Event("input", { bubbles: true }));
  }

  function complain(words) {
    const place = part("composer-alert");
    if (place) place.textContent = words;
  }
})();
