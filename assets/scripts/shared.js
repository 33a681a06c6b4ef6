// What all scripts of a page share: whose page it is, which conversation it shows, how they tell each other, how the server is asked.
const { user, session, ring, forms } = document.body.dataset;
const here = location.pathname.match(/^\/conversations\/(\d+)/)?.[1];
const part = (id) => document.getElementById(id);

// Whether somebody took it upon them.
function tell(name, detail) {
  return !document.dispatchEvent(new CustomEvent(name, { detail, cancelable: true }));
}

// Where nothing can be stored, nothing is found either, and pages go on without.
function attempt(work) {
  try {
    return work();
  } catch {
    return null;
  }
}

function post(path, fields, more) {
  const headers = { "HX-Request": "true", Accept: "text/html" };
  return fetch(path, { method: "POST", mode: "same-origin", headers, body: new URLSearchParams({ token: tokenOf(document), ...fields }), ...more });
}

function tokenOf(place) {
  return place.querySelector("input[name=token]")?.value ?? "";
}

function swapIn(text) {
  const { body } = document;
  htmx.swap({ sourceElement: body, target: body, swap: "none", text }).catch(() => {});
}

// A refusal's own sentence, as the page that came with it says it.
function sentenceOf(html) {
  const page = new DOMParser().parseFromString(html, "text/html");
  return [...page.querySelectorAll("[role=alert]")].map((place) => place.textContent.trim()).find(Boolean);
}
