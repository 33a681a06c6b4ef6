// What was sent waits here until the server has it: kept over reloads, posted in order, again and again under the same key.
(() => {
  const ANSWER_WITHIN_MS = 15_000;
  const SLOW_AFTER_MS = 3_000;
  const LONGEST_PAUSE_MS = 8_000;
  const KEEPALIVE_LIMIT_BYTES = 60_000; // browsers refuse more than 64 KiB to a request that outlives its page

  if (!user) return;
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
    changed();
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
    // The token says whose page this is: without one, nobody would notice that somebody else is signed in by now.
    if (busy || !tokenOf(document)) return;
    busy = true;
    let pause = 0;
    for (const item of waiting.values()) {
      pause = settle(item, await offer(item));
      if (pause) break;
    }
    busy = false;
    if (pause) timer = setTimeout(send, hurried ? 100 : pause);
    hurried = false;
  }

  async function offer({ conversation, key, text }) {
    const after = conversation === here && part("composer-after")?.value;
    const stop = new AbortController();
    const clock = setTimeout(() => stop.abort(), ANSWER_WITHIN_MS);
    underWay = { key, stop, since: Date.now() };
    try {
      const keepalive = encodeURIComponent(text).length < KEEPALIVE_LIMIT_BYTES;
      const fields = { text, key, ...(after && { after }) };
      const response = await post(`/conversations/${conversation}/messages`, fields, { keepalive, signal: stop.signal });
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
      if (item.conversation === here) swapIn(html);
      drop(nameOf(item));
      // Beside older messages there is no place for new ones.
      if (item.conversation === here && !part("messages")) location.assign(`/conversations/${here}#latest`);
      failures = 0;
      return 0;
    }
    const refused = status >= 400 && status < 500 && status !== 408;
    const words = sentenceOf(html) ?? (refused ? "This message was refused." : status ? "The server failed." : "The server cannot be reached.");
    if (status === 401) return signIn();
    // What follows would be refused as well, and one text after another must not come back in the wrong order.
    if (status === 403 || status === 429) return giveAllBack(words, status === 403);
    if (refused) {
      if (drop(nameOf(item))) tell("outbox:refused", { ...item, words });
      return 0;
    }
    // What follows waits for the same.
    for (const each of waiting.values()) each.reason = words;
    changed();
    failures += 1;
    const pause = Math.min(500 * 2 ** failures, LONGEST_PAUSE_MS) * (0.75 + Math.random() / 4);
    return Math.max(pause, retryAfter * 1000);
  }

  function signIn() {
    const stored = [...waiting.values()].every((item) => item.stored);
    giveAllBack("", false);
    const next = encodeURIComponent(location.pathname + location.search);
    if (stored) location.assign(`/sign-in?next=${next}`);
    // Where nothing can be stored, the form itself carries the text through signing in.
    else HTMLFormElement.prototype.submit.call(part("composer"));
    return 0;
  }

  // Everything goes back into the drafts, oldest first, to stand in the composer again.
  function giveAllBack(words, outdated) {
    for (const item of [...waiting.values()].reverse()) {
      drop(nameOf(item));
      tell("outbox:refused", { ...item, words });
    }
    const link = Object.assign(document.createElement("a"), { href: "", textContent: "Load this page anew" });
    if (outdated) part("trouble")?.replaceChildren(words, " ", link);
    return 0;
  }

  function changed() {
    tell("outbox:changed", [...waiting.values()]);
  }

  // The shelf holds one entry an item, so that two tabs never write over each other's list.
  function nameOf({ conversation, key }) {
    return `${shelf}${conversation}:${key}`;
  }

  function recall() {
    const names = attempt(() => Object.keys(localStorage)) ?? [];
    const found = names.filter((name) => name.startsWith(shelf)).map((name) => attempt(() => read(name))).filter(Boolean);
    for (const item of found.sort((one, other) => one.at - other.at)) waiting.set(nameOf(item), item);
    changed();
  }

  function read(name) {
    const [conversation, key] = name.slice(shelf.length).split(":");
    const { text, at } = JSON.parse(localStorage.getItem(name));
    // A page that comes again is given a moment, and no more, before it says that this did not go.
    return { conversation, key, text, at, since: Math.max(at, Date.now() - 27_000), stored: true };
  }

  // False where the browser keeps nothing: the page alone has it.
  function store(name, value) {
    return attempt(() => !localStorage.setItem(name, value)) ?? false;
  }

  function drop(name) {
    const known = waiting.delete(name);
    attempt(() => localStorage.removeItem(name));
    if (known) changed();
    return known;
  }
})();
