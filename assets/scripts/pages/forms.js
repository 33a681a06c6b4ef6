// Fetched with the first menu of a message: its forms in place, which take and give the focus, are left by Escape, and lose nothing.
const shelf = `edit:${document.body.dataset.user}:`;
const OPEN_FORMS = "article form:has([data-cancel])";
const CHANGED = "This message was changed elsewhere since you typed this.";
const reopened = new Set(); // names of what was open before a reload
const articles = new WeakMap(); // from a request to the id of the article that it began in

document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => articles.set(ctx, ctx.sourceElement.closest("article")?.id));
document.addEventListener("htmx:after:request", (event) => {
  const { sourceElement } = event.detail.ctx;
  // What was refused stays, and is kept.
  if (!event.defaultPrevented && sourceElement.matches("article form")) keep(sourceElement, null);
});
document.addEventListener("htmx:before:swap", ({ detail: { ctx } }) => {
  // One form at a time in an article.
  if (ctx.target instanceof Element && ctx.target.matches("article")) ctx.target.querySelector(OPEN_FORMS)?.remove();
});
document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
  const source = ctx.sourceElement;
  const article = document.getElementById(articles.get(ctx) ?? source?.closest("article")?.id ?? "");
  if (!article) return;
  // The form's answer has come; where the socket had already drawn a newer state, the form is still open.
  if (source.matches("form")) end(source);
  for (const menu of article.querySelectorAll("details[open]")) menu.open = false;
  const field = article.querySelector(`${OPEN_FORMS} :is(textarea, button)`);
  if (field?.matches("textarea") && !restore(field)) return;
  const active = document.activeElement;
  if (active === document.body || article.contains(active)) focusOn(field ?? article);
  if (field?.matches("textarea")) field.setSelectionRange(field.value.length, field.value.length);
});
document.addEventListener("form:refused", (event) => {
  const { form, words } = event.detail;
  if (!form.matches(OPEN_FORMS)) return;
  event.preventDefault();
  say(form, words);
});

document.addEventListener("click", (event) => {
  const form = event.target.closest("[data-cancel]")?.closest("form");
  if (form?.matches(OPEN_FORMS)) event.preventDefault();
  if (form) leave(form);
});
document.addEventListener("keydown", (event) => {
  const form = event.target.closest(OPEN_FORMS);
  if (form && event.key === "Escape" && !event.isComposing) leave(form);
});
document.addEventListener("input", ({ target }) => {
  const form = target.closest("form.editing");
  if (form) keep(form, { text: target.value, before: target.defaultValue });
});
// On a page of its own the browser itself sends the form.
document.addEventListener("submit", ({ target }) => target.matches("main > form.editing") && keep(target, null));
reopen();

// After a reload, the forms into which something was typed are opened again.
function reopen() {
  for (const name of Object.keys(sessionStorage)) {
    const link = name.startsWith(shelf) && document.querySelector(`.log a[hx-get="${name.slice(shelf.length)}"]`);
    if (!link) continue;
    reopened.add(name);
    htmx.process(link);
    link.click();
  }
}

// A form that has just come gets what was typed into it before; false where it is of no use any more.
function restore(field) {
  const { form, defaultValue } = field;
  const { text = defaultValue, before } = read(form) ?? {};
  const again = reopened.delete(nameOf(form));
  // It was saved after all, only that nobody heard of it.
  if (text === defaultValue && again) return end(form);
  field.value = text;
  if (text !== defaultValue && before !== defaultValue) say(form, CHANGED);
  return true;
}

function leave(form) {
  const article = form.closest("article");
  if (!article) return keep(form, null);
  end(form);
  focusOn(article);
}

function end(form) {
  keep(form, null);
  form.remove();
}

function focusOn(element) {
  if (element.matches("article")) element.tabIndex = -1;
  element.focus({ preventScroll: true });
}

function say(form, words) {
  form.querySelector("[role=alert]").textContent = words;
}

function nameOf(form) {
  return shelf + form.getAttribute("action");
}

function keep(form, typed) {
  const name = nameOf(form);
  try {
    if (typed) sessionStorage.setItem(name, JSON.stringify(typed));
    else sessionStorage.removeItem(name);
  } catch {
    // Where nothing can be stored, the form alone holds it.
  }
}

function read(form) {
  try {
    return JSON.parse(sessionStorage.getItem(nameOf(form)));
  } catch {
    return null;
  }
}
