// Keeps the service worker; and rings for what is not on screen, where the bell was pressed in this browser.
(() => {
  "use strict";
  const LEFT_TO_THE_EYE_MS = 1_500; // whoever looks at the conversation has read it by then
  const SAY_SHOWN_EVERY_MS = 30_000;
  const { user, session, ring } = document.body.dataset;
  const bell = `bell:${user}`; // for which session it was pressed
  const known = new Map(); // from a line of the list to its unread count
  if (!user) return;

  // A first visit to a conversation has enough to fetch; the list comes before it.
  if (pressed() || !location.pathname.startsWith("/conversations")) navigator.serviceWorker?.register("/service-worker.js").then(resume).catch(() => {});
  for (const line of lines()) known.set(line.id, unreadOf(line));
  document.addEventListener("htmx:after:swap", () => {
    for (const line of lines()) {
      const before = known.get(line.id) ?? 0;
      const now = unreadOf(line);
      known.set(line.id, now);
      if (now > before && !("muted" in line.dataset) && pressed()) setTimeout(tell, LEFT_TO_THE_EYE_MS, line.id);
      if (before && !now) import(ring).then(({ silence }) => silence(line.id.split("-")[1]));
    }
  });

  // What is before somebody's eyes need not be notified; the server believes it for a minute.
  setInterval(sayShown, SAY_SHOWN_EVERY_MS);
  document.addEventListener("visibilitychange", sayShown);

  function sayShown({ type } = {}) {
    if (type || document.visibilityState === "visible") document.dispatchEvent(new CustomEvent("line:say", { detail: { shown: true }, cancelable: true }));
  }

  // A subscription ends with its session; whoever signs in again had pressed the bell here.
  async function resume({ pushManager }) {
    if (!pressed() || pressed() === session || Notification.permission !== "granted") return;
    const subscription = await pushManager?.getSubscription();
    if (!subscription) return;
    const { endpoint, keys } = subscription.toJSON();
    await fetch("/settings/notifications/on", { method: "POST", redirect: "manual", body: new URLSearchParams({ endpoint, ...keys }) });
    localStorage.setItem(bell, session);
  }

  // Of several open pages one rings.
  function tell(id) {
    const line = document.getElementById(id);
    if (!line || !unreadOf(line)) return;
    const name = line.querySelector(".name").textContent;
    const preview = line.querySelector(".preview").textContent;
    const icon = document.querySelector("link[rel=apple-touch-icon]").href;
    navigator.locks?.request(`ring ${id}`, { ifAvailable: true }, async (held) => {
      if (!held) return;
      await (await import(ring)).ring({ id: id.split("-")[1], name, preview, icon });
      await new Promise((resolve) => setTimeout(resolve, LEFT_TO_THE_EYE_MS));
    });
  }

  function lines() {
    return document.querySelectorAll("#conversations > li");
  }

  function unreadOf(line) {
    return Number.parseInt(line.querySelector(".unread")?.textContent ?? "0", 10);
  }

  function pressed() {
    try {
      return localStorage.getItem(bell);
    } catch {
      return null;
    }
  }
})();
