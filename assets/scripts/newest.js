// An answer and the socket may overtake each other: what is older than what the page shows is not swapped in.
(() => {
  "use strict";

  document.addEventListener("htmx:before:swap", ({ detail: { ctx, tasks } }) => {
    for (const task of [...tasks]) {
      const old = task.target;
      const fresh = task.fragment?.firstElementChild;
      if (!(old instanceof Element) || !fresh) continue;
      if (overtaken(old, fresh) || inHand(old, ctx)) tasks.splice(tasks.indexOf(task), 1);
    }
  });

  function overtaken(old, fresh) {
    if (!old.id || old.id !== fresh.id) return false;
    if (old.name === "after") return Number(fresh.value) < Number(old.value);
    return Number(fresh.dataset.revision) < Number(old.dataset.revision);
  }

  // An article whose text is being edited here is left alone by everyone but its own form and links.
  function inHand(old, ctx) {
    return old.matches("article:has([data-in-place])") && !old.contains(ctx.sourceElement);
  }
})();
