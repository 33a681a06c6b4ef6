// Fetches the voice script once there is work for it: a press on the button, a chosen file, a voice message, a take that was kept.
(() => {
  const recorder = document.querySelector("voice-recorder");
  if (!recorder) return;
  const button = makeButton(recorder.dataset);
  const file = recorder.querySelector("input");
  const watcher = new MutationObserver(look);
  let script = null;

  recorder.append(button);
  recorder.classList.add("live");
  // Where the page itself can record, the phone's own recorder must not stand before the choice of a file.
  if (navigator.mediaDevices) file.removeAttribute("capture");
  for (const name of ["pointerdown", "pointerenter", "focus"]) button.addEventListener(name, load);
  button.addEventListener("click", () => later(() => button.click()));
  file.addEventListener("change", () => {
    if (file.files.length) recorder.dataset.take = "";
    later(() => file.dispatchEvent(new Event("change")));
  });
  document.addEventListener("voice:send", () => later(() => tell("voice:send")));
  watcher.observe(document.body, { childList: true, subtree: true });
  look();
  lookForTakes();

  function makeButton({ name, icon }) {
    const made = Object.assign(document.createElement("button"), { type: "button", className: "button square quiet", title: name });
    made.setAttribute("aria-label", name);
    made.append(recorder.querySelector("svg").cloneNode(true));
    made.querySelector("use").setAttribute("href", icon);
    return made;
  }

  function look() {
    if (document.querySelector("voice-message")) load();
  }

  function load() {
    if (script) return;
    watcher.disconnect();
    script = Object.assign(document.createElement("script"), { src: recorder.dataset.script });
    script.addEventListener("error", () => {
      script = null;
      part("composer-alert").textContent = recorder.dataset.unloaded;
    });
    document.head.append(script);
  }

  // What was done before the script was there is done again for it to see.
  function later(again) {
    if (customElements.get("voice-recorder")) return;
    load();
    customElements.whenDefined("voice-recorder").then(again);
  }

  function lookForTakes() {
    if (!window.indexedDB) return;
    const opening = indexedDB.open("voice");
    opening.onupgradeneeded = () => opening.transaction.abort(); // Nothing was ever kept here.
    opening.onerror = (event) => event.preventDefault();
    opening.onsuccess = () => {
      const shelf = opening.result;
      if (shelf.objectStoreNames.contains("takes")) {
        const counting = shelf.transaction("takes").objectStore("takes").count();
        counting.onsuccess = () => counting.result && load();
      }
      shelf.close();
    };
  }
})();
