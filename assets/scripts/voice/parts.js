// What is shown for voice: the server drew its templates into this file, as `PARTS`.
const drawn = new DOMParser().parseFromString(PARTS, "text/html");

// A fragment of this page's own.
function partOf(id) {
  return document.importNode(drawn.getElementById(id).content, true);
}
