// Editing, deleting and older messages in place: what attributes cannot say about focus, Escape, Cancel and refusals.
(() => {
  "use strict";
  const QUIET_MS = 1_000;
  const MENUS = "article details[open]";
  const UNREACHABLE = "The server cannot be reached. Try again in a moment.";
  const articles = new WeakMap(); // from a request to the id of the article that it began in

  customElements.define(
    "page-reload",
    class extends HTMLElement {
      connectedCallback() {
        location.reload();
      }
    },
  );

  document.addEventListener("click", (event) => {
    closeMenus(event.target);
    const form = event.target.closest("article [data-cancel]")?.closest("form");
    if (!form) return;
    event.preventDefault();
    leave(form);
  });
  document.addEventListener("toggle", ({ target }) => target.open && closeMenus(target), { capture: true });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.isComposing) return;
    const form = event.target.closest("article form:has([data-cancel])");
    if (form) return leave(form);
    const menu = event.target.closest(MENUS) ?? document.querySelector(MENUS);
    if (!menu) return;
    menu.open = false;
    focusOn(menu.querySelector("summary"));
  });

  document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
    articles.set(ctx, ctx.sourceElement.closest("article")?.id);
    // A server out of reach is answered here; htmx would log it as an error of the page.
    ctx.fetch = (...request) => fetch(...request).catch(() => new Response(null, { status: 503, statusText: "unreachable" }));
  });
  document.addEventListener("htmx:after:request", (event) => {
    const { sourceElement, request, response, text } = event.detail.ctx;
    const { raw, status } = response;
    const signedOut = status === 401 || (raw.redirected && new URL(raw.url).pathname === "/sign-in");
    if (status < 400 && !signedOut) return;
    event.preventDefault(); // Nothing is swapped: the page and what was typed stay as they are.
    if (raw.statusText === "unreachable") complain(sourceElement, UNREACHABLE);
    else if (sourceElement.matches("a[href]")) location.assign(sourceElement.href);
    // Sent as without scripts, the form's text is carried through signing in.
    else if (signedOut && request.form) HTMLFormElement.prototype.submit.call(request.form);
    else if (signedOut) location.reload();
    else complain(sourceElement, sentence(text) ?? UNREACHABLE);
  });

  document.addEventListener("htmx:before:swap", ({ detail: { ctx } }) => {
    const log = ctx.sourceElement?.closest("#older")?.parentElement;
    if (log) prepareForOlder(log, ctx);
    // One form at a time in an article.
    else if (ctx.target instanceof Element && ctx.target.matches("article")) ctx.target.querySelector("form:has([data-cancel])")?.remove();
  });
  document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
    if (ctx.firstBefore) return focusOn(document.querySelector("#older a") ?? ctx.firstBefore);
    const article = document.getElementById(articles.get(ctx) ?? "");
    if (!article) return;
    // The form's answer has come; where the socket had already drawn a newer state, the form is still open.
    if (ctx.sourceElement.matches("article form")) ctx.sourceElement.remove();
    for (const menu of article.querySelectorAll("details[open]")) menu.open = false;
    const field = article.querySelector("form:has([data-cancel]) :is(textarea, button)");
    const active = document.activeElement;
    if (active === document.body || article.contains(active)) focusOn(field ?? article);
    if (field?.matches("textarea")) field.setSelectionRange(field.value.length, field.value.length);
  });

  function prepareForOlder(log, ctx) {
    log.setAttribute("aria-live", "off"); // Old messages are no news.
    setTimeout(() => log.removeAttribute("aria-live"), QUIET_MS);
    if (ctx.sourceElement.matches(":focus")) ctx.firstBefore = log.querySelector("article");
  }

  function leave(form) {
    const article = form.closest("article");
    form.remove();
    focusOn(article);
  }

  function closeMenus(target) {
    for (const menu of document.querySelectorAll(MENUS)) if (!menu.contains(target)) menu.open = false;
  }

  function focusOn(element) {
    if (!element) return;
    if (element.matches("article")) element.tabIndex = -1;
    element.focus({ preventScroll: true });
  }

  function complain(source, words) {
    const form = source.closest("article form");
    if (!form) return;
    const place = form.querySelector("[role=alert]") ?? form.appendChild(document.createElement("p"));
    place.className = "alert";
    place.setAttribute("role", "alert");
    place.textContent = words;
  }

  function sentence(html) {
    const page = new DOMParser().parseFromString(html, "text/html");
    return [...page.querySelectorAll("[role=alert]")].map((place) => place.textContent.trim()).find(Boolean);
  }
})();
