// Editing, deleting and older messages in place: what attributes cannot say about focus, Escape and refusals.
(() => {
  "use strict";
  const QUIET_MS = 1_000;
  const homes = new WeakMap(); // from htmx's request to the id of the article that it started in

  const findIn = (root, selector) => root?.querySelector(selector) ?? null;

  customElements.define(
    "page-reload",
    class extends HTMLElement {
      connectedCallback() {
        location.reload();
      }
    },
  );

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.isComposing || !(event.target instanceof Element)) return;
    const cancel = findIn(event.target.closest("[data-in-place]"), "a[href]");
    const menu = event.target.closest("details[open]") ?? document.querySelector("article details[open]");
    if (cancel) cancel.click();
    else if (menu) {
      menu.open = false;
      findIn(menu, "summary")?.focus();
    }
  });
  document.addEventListener("toggle", ({ target }) => target.open && closeMenus(target), { capture: true });
  document.addEventListener("click", ({ target }) => closeMenus(target));

  document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
    homes.set(ctx, ctx.sourceElement.closest("article")?.id);
    // A server out of reach is answered here, or htmx would log it as an error of the page.
    ctx.fetch = (...request) => fetch(...request).catch(() => new Response(null, { status: 503, statusText: "unreachable" }));
  });

  document.addEventListener("htmx:after:request", (event) => {
    const { ctx } = event.detail;
    const { raw, status } = ctx.response;
    const link = ctx.sourceElement.closest("a[href]");
    const signedOut = status === 401 || (raw.redirected && new URL(raw.url).pathname === "/sign-in");
    if (status < 400 && !signedOut) return;
    event.preventDefault(); // What was typed stays as it is, and so does the page.
    if (link && raw.statusText !== "unreachable") location.assign(link.href);
    else if (signedOut && ctx.request.form) HTMLFormElement.prototype.submit.call(ctx.request.form);
    else complain(ctx.sourceElement, ctx.text);
  });

  document.addEventListener("htmx:before:swap", ({ detail: { ctx } }) => {
    const log = ctx.sourceElement?.closest("#older") && ctx.sourceElement.closest("[role=log]");
    if (!log) return;
    log.setAttribute("aria-live", "off"); // Old messages are no news.
    setTimeout(() => log.removeAttribute("aria-live"), QUIET_MS);
    const top = log.querySelector("article");
    if (ctx.sourceElement.matches(":focus")) ctx.whoeverIsFirst = top;
  });

  document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
    const article = document.getElementById(homes.get(ctx) ?? "");
    const field = findIn(article, "[data-in-place] :is(textarea, button)");
    if (field) focusAtEnd(field);
    else if (ctx.whoeverIsFirst) focusOn(findIn(document, "#older a") ?? ctx.whoeverIsFirst);
    else if (article && document.activeElement === document.body) focusOn(article);
  });

  function closeMenus(target) {
    for (const menu of document.querySelectorAll("article details[open]")) if (!menu.contains(target)) menu.open = false;
  }

  function focusAtEnd(field) {
    field.focus();
    if (field.matches("textarea")) field.setSelectionRange(field.value.length, field.value.length);
  }

  function focusOn(element) {
    if (!element.matches("a")) element.tabIndex = -1;
    element.focus({ preventScroll: true });
  }

  function complain(source, html) {
    const place = findIn(source.closest("[data-in-place]"), "[role=alert]");
    if (!place) return;
    const page = new DOMParser().parseFromString(html, "text/html");
    const said = [...page.querySelectorAll("[role=alert]")].map((alert) => alert.textContent.trim()).find(Boolean);
    place.textContent = said ?? "The server cannot be reached. Nothing was changed yet: try again.";
    place.hidden = false;
  }
})();
