// The takes that this browser keeps: whose, for which conversation, and their sound slice by slice, until the server has them.
const KEY_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
const user = document.body.dataset.user;
const composer = document.getElementById("composer");
const here = composer.getAttribute("action").match(/\/conversations\/(\d+)\//)[1];
// Tells the other tabs that there is something to look after.
const CHANGES = window.BroadcastChannel ? new BroadcastChannel("voice") : null;
const UNKEPT = "This browser keeps nothing of it: send it before you leave this page.";
let opening = null;
let unkept = ""; // What to say once something could not be kept.

window.addEventListener("beforeunload", (event) => {
  if (unkept && document.querySelector("voice-recorder[data-take], .takes .take")) event.preventDefault();
});

function newTake(known) {
  const bytes = crypto.getRandomValues(new Uint8Array(22));
  const key = Array.from(bytes, (byte) => KEY_LETTERS[byte % 64]).join("");
  return { key, user, conversation: here, at: Date.now(), type: "", name: "", caption: "", waiting: false, discarded: false, slices: [], ...known };
}

// Seconds; 0 for a chosen file, of which nobody knows yet.
function lengthOf({ slices }) {
  return slices.at(-1)?.until ?? 0;
}

function fileOf(take) {
  const ending = { "audio/mp4": "m4a", "audio/ogg": "ogg" }[take.type] ?? "webm";
  const parts = take.slices.map(({ bytes }) => bytes);
  const recorded = lengthOf(take) > 0 && take.type === "audio/webm";
  if (recorded) parts[0] = tellLength(parts[0], lengthOf(take));
  return new File(parts, take.name || `recording.${ending}`, { type: take.type });
}

async function keepTake({ slices, ...take }) {
  await change(["takes"], (takes) => takes.put(take));
  CHANGES?.postMessage("kept");
}

async function keepSlice({ key }, number, slice) {
  await change(["slices"], (slices) => slices.put({ ...slice, take: key, number }));
}

async function dropTake({ key }) {
  await change(["takes", "slices"], (takes, slices) => {
    takes.delete(key);
    slices.delete(slicesOf(key));
  });
}

async function takesHere() {
  try {
    const shelf = await openShelf();
    const takes = await done(shelf.transaction("takes").objectStore("takes").getAll());
    const ours = takes.filter((take) => take.user === user && take.conversation === here);
    return await Promise.all(ours.map(async (take) => ({ ...take, slices: await read(shelf, take.key) })));
  } catch {
    return []; // Nothing can be kept here, so nothing is left from before.
  }
}

async function read(shelf, key) {
  return done(shelf.transaction("slices").objectStore("slices").getAll(slicesOf(key)));
}

function slicesOf(key) {
  return IDBKeyRange.bound([key, 0], [key, Infinity]);
}

async function change(names, write) {
  try {
    const shelf = await openShelf();
    await new Promise((resolve, reject) => {
      const transaction = shelf.transaction(names, "readwrite");
      Object.assign(transaction, { oncomplete: resolve, onabort: () => reject(transaction.error) });
      write(...names.map((name) => transaction.objectStore(name)));
      transaction.commit?.(); // Holds though the page is closed the next moment.
    });
  } catch {
    unkept = UNKEPT; // Private or full: the page alone keeps the take.
  }
}

function openShelf() {
  opening ??= new Promise((resolve, reject) => {
    const request = indexedDB.open("voice", 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("takes", { keyPath: "key" });
      request.result.createObjectStore("slices", { keyPath: ["take", "number"] });
    };
    Object.assign(request, { onsuccess: () => resolve(request.result), onerror: () => reject(request.error) });
  });
  return opening;
}

function done(request) {
  return new Promise((resolve, reject) => {
    Object.assign(request, { onsuccess: () => resolve(request.result), onerror: () => reject(request.error) });
  });
}
