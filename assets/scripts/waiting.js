// Shows in the list "Waiting to be sent" what the outbox holds for this conversation.
(() => {
  "use strict";
  const list = document.getElementById("outbox");
  const here = location.pathname.match(/^\/conversations\/(\d+)/)?.[1];
  const rows = new Map(); // from a key to its row
  if (!list) return;

  document.addEventListener("outbox:changed", ({ detail }) => {
    const items = detail.filter(({ conversation }) => conversation === here);
    for (const [key, row] of rows) {
      if (items.some((item) => item.key === key)) continue;
      row.remove();
      rows.delete(key);
    }
    for (const { key, text } of items) if (!rows.has(key)) rows.set(key, list.appendChild(draw(text)));
    list.hidden = rows.size === 0;
  });

  function draw(text) {
    const row = element("li", "waiting", "");
    row.append(element("p", "text", text), element("span", "state", "Sending"));
    return row;
  }

  function element(tag, className, text) {
    return Object.assign(document.createElement(tag), { className, textContent: text });
  }
})();
