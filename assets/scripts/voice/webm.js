// What is recorded in slices does not say how long it is, and so cannot be sought. It is told here.
const INFO = [0x15, 0x49, 0xa9, 0x66];
const DURATION = [0x44, 0x89, 0x88]; // the element's id, and that eight bytes follow
const SHORT_SIZE = 0x80; // set in a size that is written in one byte
const LONGEST_INFO_BYTES = 0x7e - DURATION.length - 8;

// The first slice of a webm file with its length written in; anything else comes back as it is.
function tellLength(slice, seconds) {
  const bytes = new Uint8Array(slice);
  const place = bytes.findIndex((_, at) => INFO.every((byte, next) => bytes[at + next] === byte)) + INFO.length;
  const size = bytes[place] - SHORT_SIZE;
  if (place < INFO.length || size < 0 || size > LONGEST_INFO_BYTES) return slice;
  const milliseconds = new DataView(new ArrayBuffer(8));
  milliseconds.setFloat64(0, seconds * 1000);
  const grown = new Uint8Array([SHORT_SIZE + size + DURATION.length + 8, ...DURATION, ...new Uint8Array(milliseconds.buffer)]);
  return new Blob([bytes.subarray(0, place), grown, bytes.subarray(place + 1)]);
}
