// What another app shared waits with the service worker, and goes to the conversation that is chosen here.
(() => {
  "use strict";
  const SHELF = "shared";
  const user = document.body.dataset.user;
  const place = document.getElementById("shared");
  const buttons = document.querySelectorAll("button[data-share]");
  let shared = null;

  onShelf("readonly", (shelf) => shelf.get("latest")).then((found) => {
    if (!found?.text && !found?.audio) return;
    shared = found;
    place.replaceChildren(...drawn(found));
    for (const button of buttons) button.disabled = false;
  });
  document.addEventListener("click", async ({ target }) => {
    const conversation = target.closest("button[data-share]")?.dataset.share;
    if (!conversation || !shared) return;
    if (shared.text) addToDraft(conversation, shared.text);
    await onShelf("readwrite", (shelf) => shelf.delete("latest"));
    location.assign(`/conversations/${conversation}#latest`);
  });

  function drawn({ text, audio }) {
    const parts = [];
    if (text) parts.push(Object.assign(document.createElement("p"), { className: "text", textContent: text, dir: "auto" }));
    if (audio) parts.push(Object.assign(document.createElement("audio"), { controls: true, src: URL.createObjectURL(audio) }));
    return parts;
  }

  function addToDraft(conversation, text) {
    const draft = `draft:${user}:${conversation}`;
    const typed = localStorage.getItem(draft);
    localStorage.setItem(draft, typed ? `${typed}\n${text}` : text);
  }

  function onShelf(mode, work) {
    return new Promise((resolve, reject) => {
      const opening = indexedDB.open(SHELF, 1);
      opening.onupgradeneeded = () => opening.result.createObjectStore(SHELF);
      opening.onerror = () => reject(opening.error);
      opening.onsuccess = () => {
        const change = opening.result.transaction(SHELF, mode);
        const asked = work(change.objectStore(SHELF));
        change.oncomplete = () => {
          opening.result.close();
          resolve(asked.result);
        };
        change.onerror = () => reject(change.error);
      };
    });
  }
})();
