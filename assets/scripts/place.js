// What happens in its place, without another page: menus, older messages, refusals; the forms in a message have a script of their own.
(() => {
  const QUIET_MS = 1_000;
  const MENUS = "article details[open]";
  const UNREACHABLE = "The server cannot be reached. Try again in a moment.";

  customElements.define(
    "page-reload",
    class extends HTMLElement {
      connectedCallback() {
        location.reload();
      }
    },
  );

  document.addEventListener("click", ({ target }) => closeMenus(target));
  // Who opens a menu may want one of the forms; whoever typed into one before a reload wants it back.
  document.addEventListener("toggle", ({ target }) => target.open && closeMenus(target) && fetchForms(), { capture: true });
  if (attempt(() => Object.keys(sessionStorage).some((name) => name.startsWith(`edit:${user}:`)))) fetchForms();
  document.addEventListener("keydown", (event) => {
    const menu = event.target.closest(MENUS) ?? document.querySelector(MENUS);
    if (event.key !== "Escape" || event.isComposing || !menu) return;
    menu.open = false;
    menu.querySelector("summary").focus({ preventScroll: true });
  });

  document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
    // A server out of reach is answered here; htmx would log it as an error of the page.
    ctx.fetch = (...request) => fetch(...request).catch(() => Response.error());
    say("");
  });
  document.addEventListener("htmx:ws:after:connection", () => part("people") || say(""));
  document.addEventListener("htmx:after:request", (event) => {
    const { sourceElement, request, response, text } = event.detail.ctx;
    const { raw, status } = response;
    const signedOut = status === 401 || (raw.redirected && new URL(raw.url).pathname === "/sign-in");
    if (status && status < 400 && !signedOut) return;
    event.preventDefault(); // Nothing is swapped: the page and what was typed stay as they are.
    if (status && sourceElement.matches("a[href]")) location.assign(sourceElement.href);
    // Sent as without scripts, the form's text is carried through signing in.
    else if (signedOut && request.form) HTMLFormElement.prototype.submit.call(request.form);
    else if (signedOut) location.reload();
    else {
      const words = sentenceOf(text) ?? UNREACHABLE;
      // What was given up for a newer request has a reason with a name; a timeout's has none.
      if (request.signal.reason?.name || tell("form:refused", { form: sourceElement, words })) return;
      part("people")?.replaceChildren(); // Whom they show was found by another name.
      say(words);
    }
  });

  document.addEventListener("htmx:before:swap", ({ detail: { ctx } }) => {
    const log = ctx.sourceElement?.closest("#older")?.parentElement;
    if (!log) return;
    log.setAttribute("aria-live", "off"); // Old messages are no news.
    setTimeout(() => log.removeAttribute("aria-live"), QUIET_MS);
    if (ctx.sourceElement.matches(":focus")) ctx.firstBefore = log.querySelector("article");
  });
  document.addEventListener("htmx:after:swap", ({ detail: { ctx: { firstBefore } } }) => {
    if (!firstBefore) return;
    firstBefore.tabIndex = -1;
    (document.querySelector("#older a") ?? firstBefore).focus({ preventScroll: true });
  });

  function closeMenus(target) {
    for (const menu of document.querySelectorAll(MENUS)) if (!menu.contains(target)) menu.open = false;
    return target.matches(MENUS);
  }

  function say(words) {
    part("refusal")?.replaceChildren(words);
  }

  function fetchForms() {
    import(forms).catch(() => {}); // Out of reach; so is the form itself.
  }
})();
