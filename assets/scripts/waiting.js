// Shows in the list "Waiting to be sent" what the outbox holds for this conversation, and what to do with what does not go.
(() => {
  const PATIENCE_MS = 30_000;
  const list = part("outbox");
  const rows = new Map(); // from a key to its row
  let items = [];
  if (!list) return;

  document.addEventListener("outbox:changed", ({ detail }) => {
    items = detail.filter(({ conversation }) => conversation === here);
    show();
  });
  setInterval(show, 1_000);

  function show() {
    for (const [key, row] of rows) {
      if (items.some((item) => item.key === key)) continue;
      row.remove();
      rows.delete(key);
    }
    for (const item of items) {
      if (!rows.has(item.key)) rows.set(item.key, list.appendChild(draw(item)));
      if (Date.now() - (item.since ?? item.at) >= PATIENCE_MS) fail(rows.get(item.key), item);
    }
    list.hidden = rows.size === 0;
  }

  function draw({ text }) {
    const row = element("li", "waiting", "");
    row.append(element("p", "text", text), element("span", "state", "Sending"));
    return row;
  }

  function fail(row, item) {
    item.reason ??= "No answer yet.";
    const reason = row.querySelector(".reason");
    if (reason) {
      if (reason.textContent !== item.reason) reason.textContent = item.reason;
      return;
    }
    row.querySelector(".state").textContent = "Not sent";
    const buttons = element("p", "buttons", "");
    buttons.append(
      button("Retry", () => {
        item.since = Date.now();
        row.replaceChildren(...draw(item).children);
        tell("outbox:retry");
      }),
      button("Copy", () => copy(row.querySelector(".text"))),
      button("Discard", () => tell("outbox:discard", item)),
    );
    row.append(element("p", "reason", item.reason), buttons);
  }

  // By way of the selection, which works also where a page may not write to the clipboard by itself.
  function copy(place) {
    getSelection().selectAllChildren(place);
    if (!document.execCommand("copy")) navigator.clipboard?.writeText(place.textContent);
  }

  function button(name, press) {
    const made = element("button", "button quiet", name);
    made.type = "button";
    made.addEventListener("click", press);
    return made;
  }

  function element(tag, className, text) {
    return Object.assign(document.createElement(tag), { className, textContent: text });
  }
})();
