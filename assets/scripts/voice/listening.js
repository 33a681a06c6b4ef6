// Listening to a take before it is sent.
const KNOWN_WITHIN_MS = 3_000;

// Controls for a take in that place; gives the player once the sound can be played and sought.
async function showSound(place, take) {
  const host = document.createElement("div");
  const audio = new Audio(URL.createObjectURL(fileOf(take)));
  host.className = "player";
  host.append(drawTake(take));
  audio.preload = "metadata";
  await event(audio, "loadedmetadata");
  const length = Number.isFinite(audio.duration) ? audio.duration : lengthOf(take);
  const player = new Player(host, audio, { length });
  place.replaceChildren(host);
  return player;
}

function forgetSound(player) {
  player?.audio.pause();
  if (player) URL.revokeObjectURL(player.audio.src);
}

// A file that cannot be played must not keep anybody waiting.
function event(audio, name) {
  return new Promise((resolve) => {
    for (const each of [name, "error"]) audio.addEventListener(each, resolve, { once: true });
    setTimeout(resolve, KNOWN_WITHIN_MS);
  });
}
