// Stretches of a sound, each [from, to] in seconds: what was heard twice counts once.
function stretchesOf(ranges) {
  return Array.from(ranges, (_, place) => [ranges.start(place), ranges.end(place)]);
}

// In their order, and none over another.
function merge(stretches) {
  const merged = [];
  for (const [from, to] of [...stretches].sort(([one], [other]) => one - other)) {
    const last = merged.at(-1);
    if (last && from <= last[1]) last[1] = Math.max(last[1], to);
    else merged.push([from, to]);
  }
  return merged;
}

function secondsOf(stretches) {
  return stretches.reduce((sum, [from, to]) => sum + to - from, 0);
}
