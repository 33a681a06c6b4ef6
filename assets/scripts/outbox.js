// What was sent waits here until the server has it: kept over reloads, posted in order, again and again under the same key.
(() => {
  "use strict";
  const ANSWER_WITHIN_MS = 15_000;
  const SLOW_AFTER_MS = 3_000;
  const LONGEST_PAUSE_MS = 8_000;
  const KEEPALIVE_LIMIT_BYTES = 60_000; // browsers refuse more than 64 KiB to a request that outlives its page

  const user = document.body.dataset.user;
  if (!user) return;
  const here = location.pathname.match(/^\/conversations\/(\d+)/)?.[1];
  const shelf = `outbox:${user}:`;
  const waiting = new Map(); // from the name on the shelf to {conversation, key, text, at, stored}, oldest first
  let busy = false;
  let hurried = false;
  let failures = 0;
  let timer = 0;
  let underWay = null;

  document.addEventListener("outbox:send", ({ detail }) => accept(detail));
  document.addEventListener("htmx:ws:after:connection", hurry);
  document.addEventListener("outbox:retry", hurry);
  document.addEventListener("outbox:discard", ({ detail }) => {
    drop(nameOf(detail));
    if (underWay?.key === detail.key) underWay.stop.abort();
  });
  window.addEventListener("online", hurry);
  window.addEventListener("storage", ({ key, newValue }) => {
    if (key && newValue === null) drop(key); // Another tab had its answer.
  });
  document.addEventListener("DOMContentLoaded", () => {
    recall();
    send();
  });

  function accept(message) {
    const last = [...waiting.values()].pop();
    const item = { ...message, at: Math.max(Date.now(), (last?.at ?? 0) + 1) };
    item.stored = store(nameOf(item), JSON.stringify({ text: item.text, at: item.at }));
    waiting.set(nameOf(item), item);
    tell("outbox:changed", [...waiting.values()]);
    hurry();
  }

  function hurry() {
    failures = 0;
    hurried = busy;
    if (underWay && Date.now() - underWay.since > SLOW_AFTER_MS) underWay.stop.abort();
    send();
  }

  async function send() {
    clearTimeout(timer);
    if (busy) return;
    busy = true;
    let pause = 0;
    for (const item of waiting.values()) {
      pause = settle(item, await post(item));
      if (pause) break;
    }
    busy = false;
    if (pause) sendIn(hurried ? 100 : pause);
    hurried = false;
  }

  function sendIn(pause) {
    timer = setTimeout(send, pause);
  }

  async function post({ conversation, key, text }) {
    const token = document.querySelector("input[name=token]")?.value ?? "";
    const after = document.getElementById("composer-after")?.value;
    const fields = new URLSearchParams({ token, text, key, ...(conversation === here && after && { after }) });
    const stop = new AbortController();
    const clock = setTimeout(() => stop.abort(), ANSWER_WITHIN_MS);
    underWay = { key, stop, since: Date.now() };
    try {
      const response = await fetch(`/conversations/${conversation}/messages`, {
        method: "POST",
        mode: "same-origin",
        headers: { "HX-Request": "true", Accept: "text/html" },
        keepalive: fields.toString().length < KEEPALIVE_LIMIT_BYTES,
        signal: stop.signal,
        body: fields,
      });
      const retryAfter = Number(response.headers.get("Retry-After")) || 0;
      return { status: response.status, retryAfter, html: await response.text() };
    } catch {
      return { status: 0, retryAfter: 0, html: "" };
    } finally {
      clearTimeout(clock);
      underWay = null;
    }
  }

  // Does what an answer asks for, and says how many milliseconds to wait before the next attempt (0: go on).
  function settle(item, { status, retryAfter, html }) {
    if (status >= 200 && status < 300) {
      // Swapped and removed in one go: nobody ever sees the text twice, or not at all.
      const body = document.body;
      if (item.conversation === here) htmx.swap({ sourceElement: body, target: body, swap: "none", text: html }).catch(() => {});
      drop(nameOf(item));
      // Beside older messages there is no place for new ones.
      if (item.conversation === here && !document.getElementById("messages")) location.assign(`/conversations/${here}#latest`);
      failures = 0;
      return 0;
    }
    if (status === 401) return signIn();
    // What follows would be refused as well, and one text after another must not come back in the wrong order.
    if (status === 429) return giveAllBack(sentence(html));
    if (status >= 400 && status < 500 && status !== 408) {
      if (drop(nameOf(item))) tell("outbox:refused", { ...item, words: sentence(html) });
      return 0;
    }
    item.reason = status ? sentence(html) : "The server cannot be reached.";
    tell("outbox:changed", [...waiting.values()]);
    failures += 1;
    const pause = Math.min(500 * 2 ** failures, LONGEST_PAUSE_MS) * (0.75 + Math.random() / 4);
    return Math.max(pause, retryAfter * 1000);
  }

  function signIn() {
    const stored = [...waiting.values()].every((item) => item.stored);
    giveAllBack("");
    const next = encodeURIComponent(location.pathname + location.search);
    if (stored) location.assign(`/sign-in?next=${next}`);
    // Where nothing can be stored, the form itself carries the text through signing in.
    else HTMLFormElement.prototype.submit.call(document.getElementById("composer"));
    return 0;
  }

  // Everything goes back into the drafts, oldest first, to stand in the composer again.
  function giveAllBack(words) {
    for (const item of [...waiting.values()].reverse()) {
      drop(nameOf(item));
      tell("outbox:refused", { ...item, words });
    }
    return 0;
  }

  function sentence(html) {
    const page = new DOMParser().parseFromString(html, "text/html");
    const said = [...page.querySelectorAll("[role=alert]")].map((place) => place.textContent.trim()).find(Boolean);
    return said ?? "This message was refused.";
  }

  function tell(name, detail) {
    document.dispatchEvent(new CustomEvent(name, { detail }));
  }

  // The shelf holds one entry an item, so that two tabs never write over each other's list.
  function nameOf({ conversation, key }) {
    return `${shelf}${conversation}:${key}`;
  }

  function recall() {
    const found = [];
    try {
      for (const name of Object.keys(localStorage)) if (name.startsWith(shelf)) found.push(read(name));
    } catch {
      // Nothing can be stored here, so nothing waits from before.
    }
    for (const item of found.sort((one, other) => one.at - other.at)) waiting.set(nameOf(item), item);
    tell("outbox:changed", [...waiting.values()]);
  }

  function read(name) {
    const [conversation, key] = name.slice(shelf.length).split(":");
    const { text, at } = JSON.parse(localStorage.getItem(name));
    return { conversation, key, text, at, stored: true };
  }

  function store(name, value) {
    try {
      localStorage.setItem(name, value);
      return true;
    } catch {
      return false; // Private or full: the page alone keeps it.
    }
  }

  function drop(name) {
    const known = waiting.delete(name);
    try {
      localStorage.removeItem(name);
    } catch {
      // It was never stored.
    }
    if (known) tell("outbox:changed", [...waiting.values()]);
    return known;
  }
})();
