// An answer and the socket may overtake each other, and either may redraw an article in which somebody types: neither does harm.
(() => {
  "use strict";

  document.addEventListener("htmx:before:swap", ({ detail: { ctx, tasks } }) => {
    for (const task of [...tasks]) {
      const old = task.target;
      const fresh = task.fragment?.firstElementChild;
      if (!(old instanceof Element) || !fresh || !old.id || old.id !== fresh.id) continue;
      if (isOlder(fresh, old)) tasks.splice(tasks.indexOf(task), 1);
      else carryForm(old, fresh, ctx);
    }
  });

  function isOlder(fresh, old) {
    if (old.matches("input[name=after]")) return Number(fresh.value) < Number(old.value);
    return Number(fresh.dataset.revision) < Number(old.dataset.revision);
  }

  // A form that is open in an article moves to its new drawing, unless the form's own answer brought it.
  function carryForm(old, fresh, ctx) {
    const form = old.querySelector("form:has([data-cancel])");
    if (!form || form.contains(ctx.sourceElement)) return;
    const focused = form.contains(document.activeElement) ? document.activeElement : null;
    fresh.append(form);
    if (focused) queueMicrotask(() => focused.focus({ preventScroll: true }));
  }
})();
