// An answer and the socket may overtake each other, and either may redraw an article that is in use: neither does harm.
(() => {
  const STOPS = "summary, a[href], button, textarea";
  const LINES = "#conversations > li";

  let lineInUse = ""; // the id of the line of the list that has the focus

  document.addEventListener("htmx:before:swap", ({ detail: { ctx, tasks } }) => {
    lineInUse = document.activeElement?.closest(LINES)?.id ?? "";
    for (const task of [...tasks]) {
      const old = task.target;
      const fresh = task.fragment?.firstElementChild;
      if (!(old instanceof Element) || !fresh || !old.id || old.id !== fresh.id) continue;
      if (isOlder(fresh, old)) tasks.splice(tasks.indexOf(task), 1);
      else if (old.matches("article")) carryUse(old, fresh, ctx);
    }
  });

  // A line that moves to the top of the list is taken out and put in again; the focus goes with it.
  document.addEventListener("htmx:after:swap", () => {
    if (document.activeElement === document.body && lineInUse) document.querySelector(`#${lineInUse} a`)?.focus({ preventScroll: true });
  });

  function isOlder(fresh, old) {
    if (old.matches("input[name=after]")) return Number(fresh.value) < Number(old.value);
    return Number(fresh.dataset.revision) < Number(old.dataset.revision);
  }

  // An open form moves to the new drawing, unless its own answer brought that; so do an open menu and the focus.
  function carryUse(old, fresh, ctx) {
    const focused = old.contains(document.activeElement) ? document.activeElement : null;
    const stop = [...old.querySelectorAll(STOPS)].indexOf(focused);
    const form = old.querySelector("form:has([data-cancel])");
    const menu = fresh.querySelector("details");
    if (menu) menu.open = old.querySelector("details[open]") !== null;
    if (form && !form.contains(ctx.sourceElement)) fresh.append(form);
    if (!focused) return;
    fresh.tabIndex = -1;
    const next = fresh.contains(focused) ? focused : (fresh.querySelectorAll(STOPS)[stop] ?? fresh);
    queueMicrotask(() => next.focus({ preventScroll: true }));
  }
})();
