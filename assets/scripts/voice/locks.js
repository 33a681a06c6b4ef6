// What one page at a time may have: the microphone, and each take that is kept.
const releases = new Map(); // from a name to what lets it go

// Whether it is ours now; where the browser knows no locks, it always is.
function hold(name) {
  return new Promise((resolve) => claim(name, { ifAvailable: true }, resolve));
}

// Becomes ours as soon as no other page has it.
function holdLater(name) {
  return new Promise((resolve) => claim(name, {}, resolve));
}

function claim(name, options, tell) {
  if (releases.has(name) || !navigator.locks) return tell(true);
  navigator.locks.request(`voice:${name}`, options, (lock) => {
    tell(lock !== null);
    return lock && new Promise((release) => releases.set(name, release));
  });
}

function letGo(name) {
  releases.get(name)?.();
  releases.delete(name);
}
