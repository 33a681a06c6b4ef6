// Fetched where the bell was pressed: rings for what is not on screen, and notifies where no push does.
const LEFT_TO_THE_EYE_MS = 1_500; // whoever looks at the conversation has read it by then
const NOTES_HZ = [659.25, 880];
const NOTE_S = 0.14;
const { user, session, shows } = document.body.dataset;
const bell = `bell:${user}`; // for which session it was pressed
const known = new Map(); // from a line of the list to its unread count
let watching = false;
let context = null;

export function watch() {
  if (watching) return;
  watching = true;
  navigator.serviceWorker?.register("/service-worker.js").then(resume).catch(() => {});
  for (const line of lines()) known.set(line.id, unreadOf(line));
  document.addEventListener("htmx:after:swap", look);
}

function look() {
  for (const line of lines()) {
    const before = known.get(line.id) ?? 0;
    const now = unreadOf(line);
    known.set(line.id, now);
    if (now > before && !("muted" in line.dataset) && pressed()) setTimeout(tell, LEFT_TO_THE_EYE_MS, line.id);
    if (before && !now) silence(line.id.split("-")[1]);
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
function tell(id) {
  const line = document.getElementById(id);
  if (!line || !unreadOf(line)) return;
  navigator.locks?.request(`ring ${id}`, { ifAvailable: true }, async (held) => {
    if (!held) return;
    await ring(line);
    await new Promise((resolve) => setTimeout(resolve, LEFT_TO_THE_EYE_MS));
  });
}

async function ring(line) {
  const [name, preview] = ["name", "preview"].map((part) => line.querySelector(`.${part}`).textContent);
  const id = line.id.split("-")[1];
  play();
  const registration = await navigator.serviceWorker?.getRegistration();
  if (!registration || Notification.permission !== "granted") return;
  if (document.visibilityState === "visible" || (await registration.pushManager?.getSubscription())) return;
  const title = shows === "message" ? "Parlour" : name;
  const body = shows === "everything" ? preview : "New message";
  const icon = document.querySelector("link[rel=apple-touch-icon]").href;
  await registration.showNotification(title, { body, icon, tag: `conversation-${id}`, renotify: true, data: { url: `/conversations/${id}` } });
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

function unreadOf(line) {
  return Number.parseInt(line.querySelector(".unread")?.textContent ?? "0", 10);
}

function pressed() {
  try {
    return localStorage.getItem(bell);
  } catch {
    return null;
  }
}
