// Fetched where the bell was pressed, when there is something to ring for: a sound, and a notification where no push brings one.
const NOTES_HZ = [659.25, 880];
const NOTE_S = 0.14;
let context = null;

export async function ring({ id, name, preview, icon }) {
  play();
  const registration = await navigator.serviceWorker?.getRegistration();
  if (!registration || Notification.permission !== "granted") return;
  if (document.visibilityState === "visible" || (await registration.pushManager?.getSubscription())) return;
  const { shows } = document.body.dataset;
  const title = shows === "message" ? "Parlour" : name;
  const body = shows === "everything" ? preview : "New message";
  await registration.showNotification(title, { body, icon, tag: `conversation-${id}`, renotify: true, data: { url: `/conversations/${id}` } });
}

export async function silence(id) {
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
