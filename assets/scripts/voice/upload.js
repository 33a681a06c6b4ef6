// Sends the composer's form with a take in it. Only this kind of request tells how far it has come.
const STALLED_AFTER_MS = 45_000;

// Gives `answer`, a promise of {status, html} with status 0 where there was none, and `cancel`.
function upload(take, onProgress) {
  const fields = new FormData(composer);
  const request = new XMLHttpRequest();
  const answer = new Promise((resolve) => {
    let timer = 0;
    const watch = () => {
      clearTimeout(timer);
      timer = setTimeout(() => request.abort(), STALLED_AFTER_MS);
    };
    request.upload.addEventListener("progress", ({ loaded, total }) => {
      watch();
      onProgress(loaded / total);
    });
    request.addEventListener("loadend", () => {
      clearTimeout(timer);
      resolve({ status: request.status, html: request.responseText });
    });
    watch();
  });
  fields.set("key", take.key);
  fields.set("text", take.caption);
  fields.set("recording", fileOf(take));
  request.open("POST", composer.getAttribute("action"));
  request.setRequestHeader("HX-Request", "true");
  request.setRequestHeader("Accept", "text/html");
  request.send(fields);
  return { answer, cancel: () => request.abort() };
}
