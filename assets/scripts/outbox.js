// What was sent waits here until the server has it: kept over reloads, sent again under the same key, shown while it waits.
(() => {
  "use strict";
  const ANSWER_WITHIN_MS = 15_000;
  const SLOW_AFTER_MS = 3_000;
  const LONGEST_PAUSE_MS = 8_000;
  const KEEPALIVE_LIMIT_BYTES = 60_000; // Browsers refuse a request that outlives its page above 64 KiB.
  const KEY_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";

  const user = document.body.dataset.user;
  if (!user) return;
  const form = document.getElementById("composer");
  const here = form?.getAttribute("action").match(/\/conversations\/(\d+)\//)?.[1];
  const shelf = `outbox:${user}:`;
  const waiting = new Map(); // from the name on the shelf to {conversation, key, text, at, row}, oldest first
  let busy = false;
  let leaving = false;
  let again = false;
  let failures = 0;
  let closedUntil = 0;
  let timer = 0;
  let underWay = null;

  const part = (id) => document.getElementById(id);

  document.addEventListener("submit", take, { capture: true });
  document.addEventListener("htmx:ws:after:connection", hurry);
  window.addEventListener("online", hurry);
  window.addEventListener("storage", ({ key, newValue }) => {
    if (key && newValue === null) drop(key); // Another tab had its answer.
  });
  // A duplicated tab and a restored form bring the old page's key along; two texts must never share one.
  window.addEventListener("pageshow", renewKey);
  recall();
  send();

  function take(event) {
    if (!form || event.target !== form) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const box = part("composer-text");
    const text = box.value;
    if (!text.trim()) return;
    const last = [...waiting.values()].pop();
    const item = { conversation: here, key: part("composer-key").value, text, at: Math.max(Date.now(), (last?.at ?? 0) + 1) };
    keep(item);
    show(item);
    renewKey();
    write("");
    complain("");
    box.focus({ preventScroll: true });
    hurry();
  }

  function hurry() {
    failures = 0;
    again = busy;
    if (underWay && Date.now() - underWay.since > SLOW_AFTER_MS) underWay.stop.abort();
    send();
  }

  async function send() {
    if (busy || leaving) return;
    clearTimeout(timer);
    if (Date.now() < closedUntil) return later(closedUntil - Date.now());
    busy = true;
    let pause = 0;
    for (const item of waiting.values()) {
      const answer = await post(item);
      pause = settle(item, answer);
      if (pause || leaving) break;
    }
    busy = false;
    if (pause) later(again && Date.now() >= closedUntil ? 100 : pause);
    again = false;
  }

  function later(pause) {
    timer = setTimeout(send, pause);
  }

  async function post({ conversation, key, text }) {
    const fields = new URLSearchParams({ token: document.querySelector("input[name=token]")?.value ?? "", text, key });
    if (conversation === here && part("composer-after")) fields.set("after", part("composer-after").value);
    const body = fields.toString();
    const stop = new AbortController();
    const clock = setTimeout(() => stop.abort(), ANSWER_WITHIN_MS);
    underWay = { stop, since: Date.now() };
    try {
      const response = await fetch(`/conversations/${conversation}/messages`, {
        method: "POST",
        mode: "same-origin",
        headers: { "HX-Request": "true", Accept: "text/html", "Content-Type": "application/x-www-form-urlencoded" },
        keepalive: body.length < KEEPALIVE_LIMIT_BYTES,
        signal: stop.signal,
        body,
      });
      const wait = Number(response.headers.get("Retry-After")) || 0;
      return { status: response.status, wait_ms: wait * 1000, html: await response.text() };
    } catch {
      return { status: 0, wait_ms: 0, html: "" };
    } finally {
      clearTimeout(clock);
      underWay = null;
    }
  }

  // Does what an answer asks for, and says how many milliseconds to wait before the next attempt (0: go on).
  function settle(item, { status, wait_ms, html }) {
    if (status >= 200 && status < 300) {
      // Swapping and removing in one go: nobody ever sees the text twice, or not at all.
      if (item.conversation === here) htmx.swap({ sourceElement: form, target: form, swap: "none", text: html }).catch(() => {});
      drop(nameOf(item));
      failures = 0;
      return 0;
    }
    if (status === 401) return signIn();
    if (status >= 400 && status < 500 && status !== 408 && status !== 429) {
      if (drop(nameOf(item))) giveBack(item, sentence(html));
      return 0;
    }
    if (status === 429) closedUntil = Date.now() + wait_ms;
    failures += 1;
    const pause = Math.min(500 * 2 ** failures, LONGEST_PAUSE_MS) * (0.75 + Math.random() / 4);
    return Math.max(pause, wait_ms);
  }

  function signIn() {
    leaving = true;
    const items = [...waiting.values()].reverse();
    for (const item of items) {
      drop(nameOf(item));
      giveBack(item, "");
    }
    const next = encodeURIComponent(location.pathname + location.search);
    // Where nothing can be stored, the form itself carries the text through signing in.
    if (items.every(({ stored }) => stored)) location.assign(`/sign-in?next=${next}`);
    else HTMLFormElement.prototype.submit.call(form);
    return 0;
  }

  function giveBack({ conversation, text }, complaint) {
    if (conversation === here) {
      const box = part("composer-text");
      write(box.value ? `${text}\n${box.value}` : text);
      if (complaint) complain(complaint);
      return;
    }
    const draft = `draft:${user}:${conversation}`;
    remember(draft, [text, recollect(draft)].filter(Boolean).join("\n"));
  }

  function sentence(html) {
    const page = new DOMParser().parseFromString(html, "text/html");
    const said = [...page.querySelectorAll("[role=alert]")].map((place) => place.textContent.trim()).find(Boolean);
    return said ?? "This message was refused.";
  }

  function complain(words) {
    const place = part("composer-alert");
    if (!place) return;
    place.textContent = words;
    place.hidden = !words;
  }

  function write(text) {
    const box = part("composer-text");
    box.value = text;
    box.dispatchEvent(new Event("input", { bubbles: true }));
  }

  function renewKey() {
    const field = part("composer-key");
    if (field) field.value = Array.from(crypto.getRandomValues(new Uint8Array(22)), (byte) => KEY_LETTERS[byte % 64]).join("");
  }

  // ---- the shelf: one entry an item, so that two tabs never write over each other's list

  function nameOf({ conversation, key }) {
    return `${shelf}${conversation}:${key}`;
  }

  function keep(item) {
    waiting.set(nameOf(item), item);
    item.stored = remember(nameOf(item), JSON.stringify({ text: item.text, at: item.at }));
  }

  function recall() {
    const found = [];
    for (const name of names().filter((entry) => entry.startsWith(shelf))) {
      try {
        const [conversation, key] = name.slice(shelf.length).split(":");
        const { text, at } = JSON.parse(recollect(name));
        found.push({ conversation, key, text: String(text), at: Number(at), stored: true });
      } catch {
        // Not written by this script: left alone.
      }
    }
    for (const item of found.sort((one, other) => one.at - other.at)) {
      waiting.set(nameOf(item), item);
      show(item);
    }
  }

  function drop(name) {
    const item = waiting.get(name);
    waiting.delete(name);
    try {
      localStorage.removeItem(name);
    } catch {
      // It was never stored.
    }
    item?.row?.remove();
    tidy();
    return item !== undefined;
  }

  function names() {
    try {
      return Object.keys(localStorage);
    } catch {
      return [];
    }
  }

  function recollect(name) {
    try {
      return localStorage.getItem(name);
    } catch {
      return null;
    }
  }

  function remember(name, text) {
    try {
      localStorage.setItem(name, text);
      return true;
    } catch {
      return false; // Private or full: the page alone keeps it.
    }
  }

  // ---- the list "Waiting to be sent"

  function show(item) {
    const list = part("outbox");
    if (!list || item.conversation !== here) return;
    const [row, text, state] = ["li", "p", "span"].map((tag) => document.createElement(tag));
    row.className = "waiting";
    text.className = "text";
    text.textContent = item.text;
    state.className = "state";
    state.textContent = "Sending";
    row.append(text, state);
    list.append(row);
    item.row = row;
    tidy();
  }

  function tidy() {
    const list = part("outbox");
    if (list) list.hidden = !list.firstElementChild;
  }
})();
