// Tells the server what was read: a message of which half (or half a screen) stood for a second in a visible tab.
(() => {
  const LONG_ENOUGH_MS = 1_000;
  const GATHER_MS = 100;
  const AGAIN_AFTER_MS = 5_000;
  const STEPS = Array.from({ length: 101 }, (_, step) => step / 100); // fine enough for a text of many screens

  const log = document.querySelector("[data-read-seq]");
  if (!log || !here) return;
  const onScreen = new Map(); // from an article to the timer of its second
  let told = Number(log.dataset.readSeq);
  let read = told;
  let stopped = false; // from somewhere on it shall stay unread, as long as this page stands
  let telling = Promise.resolve();
  let busy = false;
  let timer = 0;

  const watcher = new IntersectionObserver(look, { threshold: STEPS });
  const seqOf = (article) => Number(article.dataset.seq);

  for (const article of log.querySelectorAll("article[data-seq]")) watch(article);
  new MutationObserver((changes) => {
    for (const { addedNodes, removedNodes } of changes) {
      for (const node of removedNodes) if (onScreen.has(node)) forget(node);
      for (const node of addedNodes) {
        // What one says oneself is read by saying it.
        if (!(node instanceof Element) || !node.matches("article[data-seq]:not(.mine)")) continue;
        watch(node);
        if (document.hidden && part("new")?.hidden) divide(node);
      }
    }
  }).observe(log, { childList: true, subtree: true });
  document.addEventListener("submit", (event) => {
    const { submitter } = event;
    if (!submitter?.matches("[form=unreading]")) return;
    event.preventDefault();
    stopped = true;
    watcher.disconnect();
    const article = submitter.closest("article");
    article.querySelector("details").open = false;
    telling = telling.then(() => ask(submitter.formAction, {}));
    divide(article);
  });
  document.addEventListener("visibilitychange", () => {
    for (const [article, second] of onScreen) {
      clearTimeout(second);
      onScreen.set(article, startSecond(article));
    }
  });

  // From here on it is new; for those who come back to it, and for those who want it so.
  function divide(article) {
    const line = part("new");
    if (!line) return;
    line.hidden = false;
    line.textContent = line.getAttribute("aria-label"); // Text browsers would show it from the beginning.
    article.before(line);
  }

  function watch(article) {
    if (seqOf(article) > read) watcher.observe(article);
  }

  function look(entries) {
    for (const { target, isIntersecting, intersectionRect, boundingClientRect, rootBounds } of entries) {
      const screen = rootBounds?.height ?? window.innerHeight;
      const enough = Math.min(boundingClientRect.height, screen) / 2;
      const seen = isIntersecting && target.isConnected && intersectionRect.height >= enough;
      if (seen && !onScreen.has(target)) onScreen.set(target, startSecond(target));
      if (!seen) forget(target);
    }
  }

  function startSecond(article) {
    return document.visibilityState === "visible" ? setTimeout(() => mark(article), LONG_ENOUGH_MS) : 0;
  }

  function forget(article) {
    clearTimeout(onScreen.get(article));
    onScreen.delete(article);
  }

  function mark(article) {
    forget(article);
    watcher.unobserve(article);
    read = Math.max(read, seqOf(article));
    tellIn(GATHER_MS);
  }

  function tellIn(pause) {
    clearTimeout(timer);
    timer = setTimeout(tellRead, pause);
  }

  async function tellRead() {
    if (busy || stopped || read <= told) return;
    busy = true;
    const seq = read;
    const answer = ask(`/conversations/${here}/read`, { seq });
    telling = answer;
    const status = await answer;
    busy = false;
    // Only what may go well another time is tried again; a refusal is final.
    const refused = status >= 400 && status < 500 && status !== 408 && status !== 429;
    if (refused || (status >= 200 && status < 300)) told = seq;
    if (read > told) tellIn(told === seq ? GATHER_MS : AGAIN_AFTER_MS);
  }

  async function ask(path, fields) {
    try {
      const response = await post(path, fields);
      const text = await response.text();
      if (response.ok && text) swapIn(text);
      return response.status;
    } catch {
      return 0;
    }
  }
})();
