// Says "Reconnecting…" while nothing can be heard, and never lets the line stay dead: silence and a hanging attempt count as closed.
(() => {
  const SAY_AFTER_MS = 3_000;
  const TRY_EVERY_MS = 6_500;
  const MUTE_AFTER_MS = 15_000; // an open line on which nothing ever came
  const SILENT_AFTER_MS = 43_000; // a line that was heard before; the server beats every 20 s
  const FINAL_CODES = [1000, 1008];

  let connection = null;
  let triedAt = 0;
  let heardAt = 0;
  let lostAt = 0; // 0 while the line is good

  document.addEventListener("htmx:ws:before:connection", ({ detail }) => adopt(detail.connection));
  document.addEventListener("htmx:ws:after:connection", () => {
    heardAt = Date.now();
  });
  document.addEventListener("htmx:ws:before:message:incoming", () => {
    heardAt = Date.now();
    lostAt = 0;
    look();
    // From now on the list may differ from the one that the page came with, and the next hello must not claim that one.
    for (const known of document.querySelectorAll("#hello input[name=list]")) known.value = "";
  });
  document.addEventListener("htmx:ws:close", ({ detail }) => {
    // A socket given up here may still close by itself; without this, two attempts would follow.
    clearTimeout(detail.connection.timer);
    const over = detail.reason !== "closed" || FINAL_CODES.includes(detail.code);
    if (over) connection = null;
    lostAt = over ? 0 : lostAt || Date.now();
  });
  // Not before the server has spoken: the first words on a line are the page's hello.
  document.addEventListener("line:say", (event) => {
    if (!connection || !isOpen() || lostAt) return;
    connection.socket.send(JSON.stringify(event.detail));
    event.preventDefault();
  });
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible" && connection && !isOpen()) tryNow();
    look();
  });
  window.addEventListener("online", () => tryNow());
  window.addEventListener("pageshow", ({ persisted }) => {
    // The session may have ended while the page was put aside, and its socket certainly did.
    if (persisted) location.reload();
  });
  setInterval(look, 1_000);

  function adopt(found) {
    if (found === connection) return;
    connection = found;
    lostAt = Date.now();
    Object.assign(found.config, {
      pauseOnBackground: false,
      reconnectMaxDelay: 5_000,
      reconnectCodes: { includes: (code) => !FINAL_CODES.includes(code) },
    });
    let socket = null;
    Object.defineProperty(found, "socket", {
      get: () => socket,
      set(next) {
        socket = next;
        triedAt = Date.now();
        // A refused connection is an everyday thing here; htmx would log it as an error of the page.
        next?.addEventListener("error", (event) => event.stopImmediatePropagation());
      },
    });
  }

  function look() {
    const now = Date.now();
    if (connection && isOpen()) {
      if (now - heardAt >= (lostAt ? MUTE_AFTER_MS : SILENT_AFTER_MS)) {
        lostAt ||= now - SAY_AFTER_MS;
        tryNow();
      }
    } else if (connection && now - triedAt >= TRY_EVERY_MS) tryNow();
    say(lostAt && now - lostAt >= SAY_AFTER_MS ? "Reconnecting…" : "");
  }

  function isOpen() {
    return connection.socket?.readyState === WebSocket.OPEN;
  }

  // A dead socket's own close takes a minute to be told, so it is told here; htmx then opens a new one and lets go of the old.
  function tryNow() {
    if (!connection?.socket) return;
    const { config, socket } = connection;
    const pause = config.reconnectDelay;
    config.reconnectDelay = 0;
    socket.dispatchEvent(new CloseEvent("close", { code: 1006 }));
    config.reconnectDelay = pause;
  }

  function say(words) {
    const place = part("line");
    if (!place || place.textContent === words) return;
    place.textContent = words;
  }
})();
