// Says over the line that one is typing or recording, now and then while it goes on; the server lets it fade.
(() => {
  const AGAIN_MS = 2_500;
  const box = part("composer-text");
  let doing = "";
  let saidAt = 0;
  let timer = 0;

  document.addEventListener("input", ({ target, isTrusted }) => {
    if (target.id === "composer-text" && isTrusted) act(target.value ? "typing" : "");
  });
  document.addEventListener("outbox:send", () => act(""));
  // Whatever else takes time to say tells it by this event, with "" for its end.
  document.addEventListener("activity", ({ detail }) => {
    clearInterval(timer);
    if (detail) timer = setInterval(() => act(detail), AGAIN_MS);
    act(detail);
  });

  function act(what) {
    const now = Date.now();
    if (!box || (what === doing && (!what || now - saidAt < AGAIN_MS))) return;
    doing = what;
    saidAt = now;
    tell("line:say", { doing });
  }
})();
