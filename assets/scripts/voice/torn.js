// A killed tab leaves a file that ends anywhere. What is whole of it is kept; half a packet at its end would spoil the rest.
const SEGMENT = 0x18538067; // the elements of a webm that hold others
const CLUSTER = 0x1f43b675;
const OGG_HEAD_BYTES = 27;
const STEPS = { "audio/webm": webmStep, "audio/ogg": oggStep, "audio/mp4": boxStep };

// The same take, its sound in one piece that ends where a packet does.
async function withoutTornEnd(take) {
  const step = STEPS[take.type];
  const last = take.slices.at(-1);
  if (!step || !last.until) return take;
  const bytes = new Uint8Array(await new Blob(take.slices.map((slice) => slice.bytes)).arrayBuffer());
  let place = 0;
  for (let length = step(bytes, 0); length && place + length <= bytes.length; length = step(bytes, place)) place += length;
  if (!place) return take;
  const levels = take.slices.flatMap((slice) => slice.levels);
  return { ...take, slices: [{ bytes: bytes.slice(0, place).buffer, until: last.until, levels }] };
}

// From the beginning of an element to the next; into those that hold others. 0 where it cannot be read.
function webmStep(bytes, place) {
  const idBytes = Math.clz32(bytes[place]) - 23;
  const sizeBytes = Math.clz32(bytes[place + idBytes]) - 23;
  const head = idBytes + sizeBytes;
  if (!(idBytes <= 4 && sizeBytes <= 8 && place + head <= bytes.length)) return 0;
  const number = (from, count) => bytes.subarray(from, from + count).reduce((value, byte) => value * 256 + byte, 0);
  if ([SEGMENT, CLUSTER].includes(number(place, idBytes))) return head;
  return head + number(place + idBytes, sizeBytes) - 2 ** (7 * sizeBytes);
}

function oggStep(bytes, place) {
  const lengths = bytes.subarray(place + OGG_HEAD_BYTES, place + OGG_HEAD_BYTES + bytes[place + OGG_HEAD_BYTES - 1]);
  return lengths.reduce((sum, length) => sum + length, OGG_HEAD_BYTES + lengths.length);
}

function boxStep(bytes, place) {
  return place + 4 <= bytes.length ? new DataView(bytes.buffer).getUint32(place) : 0;
}
