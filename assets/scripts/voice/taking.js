// A take while it is made: the browser's recorder, the time recorded, and every slice put away as it comes.
const SLICE_MS = 500;
const BITS_A_SECOND = 64_000;
const PAST_LIMIT_S = 0.4; // The server takes half a second more than the limit.
// Best first: what every browser plays, then what most do.
const TYPES = ["audio/mp4;codecs=mp4a.40.2", "audio/ogg;codecs=opus", "audio/webm;codecs=opus", "audio/mp4"];

class Taking {
  constructor(take, stream, { limit, onLevel, onFull, onEnd }) {
    const mimeType = TYPES.find((type) => MediaRecorder.isTypeSupported(type));
    Object.assign(this, { take, stream, limit, onFull, recorded: 0, since: 0, levels: [], saved: Promise.resolve() });
    this.recorder = new MediaRecorder(stream, { audioBitsPerSecond: BITS_A_SECOND, ...(mimeType && { mimeType }) });
    this.recorder.addEventListener("dataavailable", ({ data }) => data.size && this.save(data));
    for (const name of ["start", "resume"]) this.recorder.addEventListener(name, () => (this.since = performance.now()));
    this.recorder.addEventListener("pause", () => this.halt());
    this.stopped = new Promise((resolve) => this.recorder.addEventListener("stop", resolve));
    this.stopped.then(() => this.halt());
    this.recorder.addEventListener("error", onEnd);
    stream.getAudioTracks()[0].addEventListener("ended", onEnd);
    this.flush = () => this.recorder.state !== "inactive" && this.recorder.requestData();
    for (const name of ["pagehide", "visibilitychange"]) window.addEventListener(name, this.flush);
    this.meter = new Meter(stream, (level, silent) => {
      if (this.recorder.state === "recording") this.levels.push(level);
      onLevel(level, silent);
    });
    this.recorder.start(SLICE_MS);
  }

  // Of what was really recorded: a pause does not count.
  get seconds() {
    return (this.recorded + (this.since && performance.now() - this.since)) / 1000;
  }

  pause() {
    if (this.recorder.state !== "recording") return;
    this.recorder.pause();
    this.flush();
  }

  resume() {
    if (this.recorder.state === "paused") this.recorder.resume();
  }

  // Resolves when every slice is put away and the microphone is let go.
  async finish() {
    if (this.recorder.state !== "inactive") this.recorder.stop();
    await this.stopped;
    this.meter.close();
    closeMicrophone(this.stream);
    for (const name of ["pagehide", "visibilitychange"]) window.removeEventListener(name, this.flush);
    await this.saved;
  }

  halt() {
    if (this.since) this.recorded += performance.now() - this.since;
    this.since = 0;
  }

  // One slice after the other: what is found after a crash has no gap. They come on time where timers do not, as in a
  // tab that is out of sight; what was recorded beyond the limit all the same is no part of the take.
  save(data) {
    const number = this.take.slices.length;
    if (this.seconds >= this.limit) this.onFull();
    if (number && this.seconds > this.limit + PAST_LIMIT_S) return;
    const slice = { until: this.seconds, levels: this.levels.splice(0), bytes: data };
    this.take.slices.push(slice);
    this.take.type ||= (data.type || this.recorder.mimeType).split(";")[0];
    this.saved = this.saved.then(async () => {
      slice.bytes = await data.arrayBuffer();
      if (!number) await keepTake(this.take);
      await keepSlice(this.take, number, slice);
    });
  }
}
