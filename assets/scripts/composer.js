// Enter sends, Shift-Enter breaks the line, and what was typed but not sent is there again after a reload.
(() => {
  "use strict";
  const user = document.body.dataset.user;
  const form = document.getElementById("composer");
  const conversation = form?.getAttribute("action").match(/\/conversations\/(\d+)\//)?.[1];
  if (!user || !conversation) return;
  const place = `draft:${user}:${conversation}`;
  const textbox = () => document.getElementById("composer-text");

  document.addEventListener("keydown", (event) => {
    if (event.target !== textbox() || event.key !== "Enter") return;
    if (event.shiftKey || event.ctrlKey || event.altKey || event.metaKey) return;
    // 229 is how a browser reports the Enter that ends a composition after it has already ended.
    if (event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    if (!event.repeat) form.requestSubmit();
  });

  document.addEventListener("input", (event) => {
    if (event.target === textbox()) keep(event.target.value);
  });

  // After "pageshow" the browser has put back what it remembers of a form by itself.
  window.addEventListener("pageshow", () => {
    const box = textbox();
    if (!box) return;
    if (box.value) keep(box.value);
    else box.value = recall();
  });

  function keep(text) {
    try {
      if (text) localStorage.setItem(place, text);
      else localStorage.removeItem(place);
    } catch {
      // A browser that stores nothing loses drafts on reload, and nothing else.
    }
  }

  function recall() {
    try {
      return localStorage.getItem(place) ?? "";
    } catch {
      return "";
    }
  }
})();
