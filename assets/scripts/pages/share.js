// What another app shared waits with the service worker for the one who shared it, and goes to the conversation chosen here.
(() => {
  "use strict";
  const KEY_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
  const NOBODY = "nobody"; // was signed in when it was shared; whoever signs in at once is meant
  const AT_ONCE_MS = 10 * 60 * 1000;
  const user = document.body.dataset.user;
  const place = document.getElementById("shared");
  let shared = null;

  show().catch(() => {}); // Where nothing can be kept, nothing is shared.
  document.addEventListener("click", async ({ target }) => {
    const conversation = target.closest("button[data-share]")?.dataset.share;
    if (!conversation || !shared) return;
    if (shared.text) addToDraft(conversation, shared.text);
    if (shared.audio) await keepRecording(conversation, shared.audio);
    await change("shared", ["shared"], (shelf) => shelf.delete(user));
    location.assign(`/conversations/${conversation}#latest`);
  });

  async function show() {
    await change("shared", ["shared"], (shelf) => {
      const unclaimed = shelf.get(NOBODY);
      unclaimed.onsuccess = () => {
        const { result } = unclaimed;
        if (result) shelf.delete(NOBODY);
        if (result && Date.now() - result.at < AT_ONCE_MS) shelf.put(result, user);
        const asked = shelf.get(user);
        asked.onsuccess = () => asked.result && offer(asked.result);
      };
    });
  }

  function offer(found) {
    if (!found.text && !found.audio) return;
    shared = found;
    place.replaceChildren(...drawn(shared));
    for (const button of document.querySelectorAll("button[data-share]")) button.disabled = false;
  }

  function drawn({ text, audio }) {
    const parts = [];
    if (text) parts.push(Object.assign(document.createElement("p"), { className: "text", textContent: text, dir: "auto" }));
    if (audio) parts.push(Object.assign(document.createElement("audio"), { controls: true, src: URL.createObjectURL(audio) }));
    return parts;
  }

  function addToDraft(conversation, text) {
    const draft = `draft:${user}:${conversation}`;
    const typed = sessionStorage.getItem(draft) || localStorage.getItem(draft);
    for (const shelf of [sessionStorage, localStorage]) shelf.setItem(draft, typed ? `${typed}\n${text}` : text);
  }

  // As the recorder keeps a chosen file; it finds it there and shows it as an unsent recording.
  async function keepRecording(conversation, audio) {
    const key = Array.from(crypto.getRandomValues(new Uint8Array(22)), (byte) => KEY_LETTERS[byte % 64]).join("");
    const type = audio.type.split(";")[0];
    const bytes = await audio.arrayBuffer();
    await change("voice", ["takes", "slices"], (takes, slices) => {
      takes.put({ key, user, conversation, at: Date.now(), type, name: audio.name, caption: "", waiting: false });
      slices.put({ take: key, number: 0, until: 0, levels: [], bytes });
    });
  }

  async function change(name, stores, work) {
    const shelf = await open(name);
    await new Promise((resolve, reject) => {
      const transaction = shelf.transaction(stores, "readwrite");
      Object.assign(transaction, { oncomplete: resolve, onabort: () => reject(transaction.error) });
      work(...stores.map((store) => transaction.objectStore(store)));
    });
    shelf.close();
  }

  function open(name) {
    return new Promise((resolve, reject) => {
      const request = indexedDB.open(name, 1);
      request.onupgradeneeded = () => {
        if (name === "shared") return request.result.createObjectStore("shared");
        request.result.createObjectStore("takes", { keyPath: "key" });
        request.result.createObjectStore("slices", { keyPath: ["take", "number"] });
      };
      Object.assign(request, { onsuccess: () => resolve(request.result), onerror: () => reject(request.error) });
    });
  }
})();
