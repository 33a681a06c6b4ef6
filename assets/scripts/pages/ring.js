// Fetched where the bell was pressed: rings for what is new and on no screen, and notifies where no push does.
const LEFT_TO_THE_EYE_MS = 1_500; // by then it is on the screen of whoever looks at the conversation
const ANSWER_MS = 150; // of other pages of this browser, whether it is on theirs
const NOTES_HZ = [659.25, 880];
const NOTE_S = 0.14;
const { user, session } = document.body.dataset;
const bell = `bell:${user}`; // for which session it was pressed
const known = new Map(); // from a line of the list to its unread count and its latest message
const pages = new BroadcastChannel("bell");
const seen = new Set(); // lines of which another page has just said that it shows what is new
let watching = false;
let context = null;

export function watch() {
  if (watching) return;
  watching = true;
  navigator.serviceWorker?.register("/service-worker.js").then(resume).catch(() => {});
  learn();
  document.addEventListener("htmx:after:swap", look);
  pages.addEventListener("message", ({ data: { asked, shown } }) => {
    if (shown) seen.add(shown);
    if (asked && isOnScreen(asked)) pages.postMessage({ shown: asked });
  });
}

function learn() {
  for (const line of lines()) known.set(line.id, standOf(line));
}

function look() {
  // Where the list comes over the line, what is in it at first is no news.
  if (!known.size && document.querySelector("#live[hidden]")) return learn();
  for (const line of lines()) {
    const before = known.get(line.id) ?? { unread: 0, latest: "" };
    const now = standOf(line);
    known.set(line.id, now);
    // Where the latest message is the same as before, somebody marked it unread.
    const isNews = now.unread > before.unread && now.latest !== before.latest;
    if (isNews && !("muted" in line.dataset) && pressed()) setTimeout(tell, LEFT_TO_THE_EYE_MS, line.id);
    if (before.unread && !now.unread) silence(line.id.split("-")[1]);
  }
}

// A subscription ends with its session; whoever signs in again had pressed the bell here.
async function resume({ pushManager }) {
  if (!pressed() || pressed() === session || Notification.permission !== "granted") return;
  const subscription = await pushManager?.getSubscription();
  if (!subscription) return;
  const token = document.querySelector("input[name=token]")?.value ?? "";
  const { endpoint, keys } = subscription.toJSON();
  await fetch("/settings/notifications/on", { method: "POST", redirect: "manual", body: new URLSearchParams({ token, endpoint, ...keys }) });
  localStorage.setItem(bell, session);
}

// Of several open pages one rings.
async function tell(id) {
  if (isRead(id) || isOnScreen(id) || (await isOnAnotherScreen(id)) || isRead(id)) return;
  navigator.locks?.request(`ring ${id}`, { ifAvailable: true }, async (held) => {
    if (!held) return;
    await ring(document.getElementById(id));
    await new Promise((resolve) => setTimeout(resolve, LEFT_TO_THE_EYE_MS));
  });
}

function isRead(id) {
  const line = document.getElementById(id);
  return !line || !standOf(line).unread;
}

// Whether half of the latest that somebody else said, or half a screen of it, is before somebody's eyes.
function isOnScreen(id) {
  if (document.visibilityState !== "visible" || !document.querySelector(`#${id} [aria-current]`)) return false;
  const article = [...document.querySelectorAll("#messages article:not(.mine)")].at(-1);
  if (!article) return false;
  const { top, bottom, height } = article.getBoundingClientRect();
  const log = article.closest(".log").getBoundingClientRect();
  return Math.min(bottom, log.bottom) - Math.max(top, log.top) >= Math.min(height, log.height) / 2;
}

async function isOnAnotherScreen(id) {
  seen.delete(id);
  pages.postMessage({ asked: id });
  await new Promise((resolve) => setTimeout(resolve, ANSWER_MS));
  return seen.has(id);
}

async function ring(line) {
  const [name, preview] = ["name", "preview"].map((part) => line.querySelector(`.${part}`).textContent);
  const id = line.id.split("-")[1];
  play();
  const registration = await navigator.serviceWorker?.getRegistration();
  if (!registration || Notification.permission !== "granted") return;
  if (document.visibilityState === "visible" || (await registration.pushManager?.getSubscription())) return;
  const shows = await howMuch();
  const title = shows === "message" ? "Parlour" : name;
  const body = shows === "everything" ? preview : "New message";
  const icon = document.querySelector("link[rel=apple-touch-icon]").href;
  await registration.showNotification(title, { body, icon, tag: `conversation-${id}`, renotify: true, data: { url: `/conversations/${id}` } });
}

// Asked each time, since it may have been decided elsewhere; where nobody answers, it is the least.
async function howMuch() {
  try {
    const answer = await fetch("/settings/notifications", { redirect: "error" });
    return answer.ok ? (await answer.json()).shows : "message";
  } catch {
    return "message";
  }
}

async function silence(id) {
  const registration = await navigator.serviceWorker?.getRegistration();
  for (const shown of (await registration?.getNotifications({ tag: `conversation-${id}` })) ?? []) shown.close();
}

function play() {
  context ??= new AudioContext();
  // Before the page was touched, browsers play nothing.
  if (context.state === "suspended") context.resume().catch(() => {});
  for (const [index, pitch] of NOTES_HZ.entries()) {
    const start = context.currentTime + index * NOTE_S;
    const tone = new OscillatorNode(context, { frequency: pitch });
    const level = new GainNode(context, { gain: 0 });
    level.gain.setTargetAtTime(0.12, start, 0.01);
    level.gain.setTargetAtTime(0, start + NOTE_S / 2, 0.08);
    tone.connect(level).connect(context.destination);
    tone.start(start);
    tone.stop(start + 5 * NOTE_S);
  }
}

function lines() {
  return document.querySelectorAll("#conversations > li");
}

function standOf(line) {
  const unread = Number.parseInt(line.querySelector(".unread")?.textContent ?? "0", 10);
  return { unread, latest: `${line.querySelector("time")?.dateTime} ${line.querySelector(".preview").textContent}` };
}

function pressed() {
  try {
    return localStorage.getItem(bell);
  } catch {
    return null;
  }
}
