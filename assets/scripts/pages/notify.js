// The bell on the settings page: asks the browser when it is pressed, never before, and says what to do where it refuses.
(() => {
  "use strict";
  const ANSWER_WITHIN_MS = 15_000;
  const form = document.getElementById("notify");
  const words = document.getElementById("notify-words");
  const { user, session } = document.body.dataset;
  const bell = `bell:${user}`;
  const OURS = "serviceWorker" in navigator && "Notification" in window;

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    say("");
    const button = form.querySelector("button");
    button.setAttribute("aria-busy", "true");
    await (form.action.endsWith("/on") ? turnOn() : turnOff());
    button.removeAttribute("aria-busy");
  });

  async function turnOn() {
    if (!OURS) return say(unsupported());
    const answer = await Notification.requestPermission();
    const site = location.host;
    if (answer === "denied") return say(`This browser refuses notifications from ${site}. Allow them in its settings for this site, then press again.`);
    if (answer !== "granted") return say("Nothing is turned on: the browser's question was not answered. Press again to see it.");
    localStorage.setItem(bell, session);
    try {
      const { endpoint, keys } = plain(await within(subscribe()));
      await send({ endpoint, ...keys });
    } catch {
      say("Turned on while Parlour is open. A closed browser cannot be reached: its push service does not answer. Try again later.");
    }
  }

  async function turnOff() {
    localStorage.removeItem(bell);
    const registration = await navigator.serviceWorker?.getRegistration();
    const subscription = await registration?.pushManager?.getSubscription();
    await subscription?.unsubscribe().catch(() => {});
    await send({});
  }

  async function subscribe() {
    await navigator.serviceWorker.register("/service-worker.js");
    const { pushManager } = await navigator.serviceWorker.ready;
    const options = { userVisibleOnly: true, applicationServerKey: bytes(form.dataset.key) };
    // One that was made for another house at this address is of no use, and in the way.
    return pushManager.subscribe(options).catch(async () => {
      await (await pushManager.getSubscription())?.unsubscribe();
      return pushManager.subscribe(options);
    });
  }

  async function send(fields) {
    const token = form.querySelector("input[name=token]").value;
    const response = await fetch(form.action, { method: "POST", redirect: "manual", body: new URLSearchParams({ token, ...fields }) });
    if (response.type === "opaqueredirect") return location.reload();
    if (response.status === 401) return location.reload();
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    say(page.querySelector("[role=alert]")?.textContent.trim() || "That did not work. Try again in a moment.");
  }

  function unsupported() {
    const apple = /iPhone|iPad/.test(navigator.userAgent) && !matchMedia("(display-mode: standalone)").matches;
    if (apple) return "Add Parlour to the home screen first (Share, then Add to Home Screen), open it there and press again.";
    if (!window.isSecureContext) return "Browsers allow notifications only where the address begins with https. Ask whoever runs this Parlour.";
    return "This browser knows no notifications. The unread feed below tells you in any feed reader.";
  }

  function plain(subscription) {
    return JSON.parse(JSON.stringify(subscription));
  }

  function within(work) {
    return Promise.race([work, new Promise((_, reject) => setTimeout(() => reject(new Error("no answer")), ANSWER_WITHIN_MS))]);
  }

  function bytes(base64url) {
    const text = atob(base64url.replaceAll("-", "+").replaceAll("_", "/"));
    return Uint8Array.from(text, (character) => character.charCodeAt(0));
  }

  function say(sentence) {
    words.textContent = sentence;
  }
})();
