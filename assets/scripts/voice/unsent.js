// Takes that are not with the server yet, each in a region of its own: listened to, sent, tried again, discarded.
const LONGEST_PAUSE_MS = 8_000;
const SENT_ALREADY = "It had been sent before it could be called off.";
const unsent = new Map(); // from a key to its UnsentTake
const claimed = new Set(); // keys of takes that another page still has in hand
const shelfOfTakes = document.createElement("div");

function startUnsent() {
  shelfOfTakes.className = "takes";
  composer.before(shelfOfTakes);
  CHANGES?.addEventListener("message", findUnsent);
  window.addEventListener("online", hurry);
  document.addEventListener("htmx:ws:after:connection", hurry);
  findUnsent();
}

function hurry() {
  for (const each of unsent.values()) if (each.state === "waiting") each.send();
}

// What a page has in hand, it holds; what nobody holds any more is shown by whoever gets hold of it first.
async function findUnsent() {
  for (const { key } of await takesHere()) {
    if (unsent.has(key) || claimed.has(key) || document.querySelector("voice-recorder").take?.key === key) continue;
    claimed.add(key);
    holdLater(key).then(() => showLeft(key));
  }
}

async function showLeft(key) {
  const take = (await takesHere()).find((each) => each.key === key);
  claimed.delete(key);
  if (!take || !take.slices.length) return letGo(key);
  if (take.discarded) return drop(take); // Its page was closed before the time for Undo was over.
  // The draft that was its caption goes with it.
  if (take.caption && take.caption === document.getElementById("composer-text").value) write("");
  const shown = showUnsent(await withoutTornEnd(take));
  if (take.waiting) shown.send();
  else if (isMessage(take)) knowSent(key);
}

function showUnsent(take) {
  const shown = new UnsentTake(take);
  unsent.set(take.key, shown);
  shelfOfTakes.append(shown.root);
  return shown;
}

// A take that was called off too late is a message all the same: it must not be sent again.
function knowSent(key) {
  const recorder = document.querySelector("voice-recorder");
  const shown = unsent.get(key);
  if (shown?.state === "kept") {
    shown.remove();
    drop(shown.take);
    complain(SENT_ALREADY);
  } else if (recorder.state === "review" && recorder.take.key === key) {
    recorder.closeSent();
    complain(SENT_ALREADY);
  }
}

function isMessage({ key }) {
  return document.querySelector(`voice-message[data-key="${key}"]`) !== null;
}

function setAside(take) {
  showUnsent(take);
}

// What is discarded can be brought back on its page alone.
function mark(take, discarded) {
  return keepTake(Object.assign(take, { discarded }));
}

function drop(take) {
  letGo(take.key);
  return dropTake(take);
}

// A refusal's own sentence, as the page that came with it says it.
function sentence(html) {
  const page = new DOMParser().parseFromString(html, "text/html");
  const said = [...page.querySelectorAll("[role=alert]")].map((place) => place.textContent.trim()).find(Boolean);
  return said ?? "This recording was refused.";
}
