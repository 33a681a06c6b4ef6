// What voice does to the composer's own text and sentence.
function write(text) {
  const box = document.getElementById("composer-text");
  box.value = text;
  box.dispatchEvent(new Event("input", { bubbles: true }));
}

function complain(words) {
  document.getElementById("composer-alert").textContent = words;
}

function giveBack(text, words) {
  document.dispatchEvent(new CustomEvent("outbox:refused", { detail: { conversation: here, text, words } }));
}
