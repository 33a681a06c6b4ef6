// The composer: Enter sends, what is sent goes to the outbox at once, and what is not sent survives a reload.
(() => {
  "use strict";
  const TWICE_WITHIN_MS = 1_000;
  const KEY_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
  const user = document.body.dataset.user;
  const form = document.getElementById("composer");
  const here = form?.getAttribute("action").match(/\/conversations\/(\d+)\//)?.[1];
  const part = (id) => document.getElementById(id);
  const draftOf = (conversation) => `draft:${user}:${conversation}`;
  let sentAt = 0;
  if (!user) return;

  document.addEventListener("outbox:refused", ({ detail }) => giveBack(detail));
  if (!here) return;

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
    if (target === part("composer-text")) keep(here, target.value);
  });
  // Once more when the browser has put back what it remembers of a form: text, and an older page's key.
  window.addEventListener("pageshow", open);
  open();

  function open() {
    const box = part("composer-text");
    if (box.value) keep(here, box.value);
    else box.value = recall(here);
    renewKey();
  }

  // In the capturing phase, so that the form's own attributes, which serve until this script runs, stay out of it.
  function take(event) {
    if (event.target !== form) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const box = part("composer-text");
    if (form.querySelector("voice-recorder[data-take]")) {
      sentAt = Date.now();
      return document.dispatchEvent(new CustomEvent("voice:send"));
    }
    if (!box.value.trim()) {
      // A double click or a second Enter comes upon a box that has just been emptied.
      if (Date.now() - sentAt > TWICE_WITHIN_MS) complain(form.dataset.empty);
      return;
    }
    sentAt = Date.now();
    const detail = { conversation: here, key: part("composer-key").value, text: box.value };
    renewKey();
    write("");
    complain("");
    box.focus({ preventScroll: true });
    document.dispatchEvent(new CustomEvent("outbox:send", { detail }));
  }

  // Two texts must never share a key; 64 letters, so each random byte picks one evenly.
  function renewKey() {
    const bytes = crypto.getRandomValues(new Uint8Array(22));
    part("composer-key").value = Array.from(bytes, (byte) => KEY_LETTERS[byte % 64]).join("");
  }

  function giveBack({ conversation, text, words }) {
    const typed = conversation === here ? part("composer-text").value : recall(conversation);
    const whole = [text, typed].filter(Boolean).join("\n");
    if (conversation === here) {
      write(whole);
      complain(words);
    } else keep(conversation, whole);
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

  function keep(conversation, text) {
    try {
      if (text) localStorage.setItem(draftOf(conversation), text);
      else localStorage.removeItem(draftOf(conversation));
    } catch {
      // A browser that stores nothing loses drafts on reload, and nothing else.
    }
  }

  function recall(conversation) {
    try {
      return localStorage.getItem(draftOf(conversation)) ?? "";
    } catch {
      return "";
    }
  }
})();
