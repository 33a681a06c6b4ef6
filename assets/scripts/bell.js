// Keeps the service worker, says what is before somebody's eyes, and fetches the bell where it was pressed in this browser.
(() => {
  const SAY_SHOWN_EVERY_MS = 30_000;
  const bell = `bell:${user}`;
  if (!user) return;

  // A first visit to a conversation has enough to fetch; the list comes before it.
  if (!location.pathname.startsWith("/conversations")) navigator.serviceWorker?.register("/service-worker.js").catch(() => {});
  wake();
  window.addEventListener("storage", ({ key }) => key === bell && wake());

  // What is before somebody's eyes need not be notified; the server believes it for a minute.
  setInterval(sayShown, SAY_SHOWN_EVERY_MS);
  document.addEventListener("visibilitychange", sayShown);

  function wake() {
    if (attempt(() => localStorage.getItem(bell))) import(ring).then(({ watch }) => watch()).catch(() => {});
  }

  function sayShown({ type } = {}) {
    if (type || document.visibilityState === "visible") tell("line:say", { shown: true });
  }
})();
