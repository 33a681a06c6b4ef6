// The microphone: why it cannot be had, in words that help, and how loud it is.
const LOOK_EVERY_MS = 50;
const SILENT_AFTER_MS = 2_000;
const FLOOR = 0.001; // -60 dBFS: a muted or dead microphone still rustles below it, and the quietest speech is above
const NO_MICROPHONE = {
  insecure: "Recording needs a secure connection: open Parlour by its https address, or send an audio file.",
  unable: "This browser cannot record. Send an audio file instead.",
  NotFoundError: "No microphone was found. Plug one in and press the button again, or send an audio file.",
  NotAllowedError: "Parlour may not use the microphone. Allow it for this site in the browser's settings and press the button again, or send an audio file.",
  NotReadableError: "The microphone cannot be used: another program may have it. Close that program and press the button again.",
};

async function openMicrophone() {
  const trouble = (name) => new Error(NO_MICROPHONE[name] ?? NO_MICROPHONE.NotReadableError);
  if (!window.isSecureContext) throw trouble("insecure");
  if (!navigator.mediaDevices?.getUserMedia || !window.MediaRecorder) throw trouble("unable");
  try {
    return await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1 } });
  } catch (error) {
    throw trouble(error.name);
  }
}

function closeMicrophone(stream) {
  for (const track of stream.getTracks()) track.stop();
}

// The root of the mean square, around whatever the samples hover about: a steady offset is no sound.
function loudness(samples) {
  const middle = samples.reduce((sum, sample) => sum + sample, 0) / samples.length;
  return Math.sqrt(samples.reduce((sum, sample) => sum + (sample - middle) ** 2, 0) / samples.length);
}

// Tells `hear` 20 times a second how loud it is, from 0 to 1, and whether nothing at all has been heard for two seconds.
class Meter {
  constructor(stream, hear) {
    this.context = new AudioContext();
    this.context.resume().catch(() => {});
    this.analyser = new AnalyserNode(this.context, { fftSize: 2048 });
    this.context.createMediaStreamSource(stream).connect(this.analyser);
    this.samples = new Float32Array(this.analyser.fftSize);
    this.heardAt = performance.now();
    this.timer = setInterval(() => this.look(hear), LOOK_EVERY_MS);
  }

  look(hear) {
    const now = performance.now();
    // Before the context runs there are only zeros, which say nothing of the microphone.
    if (this.context.state !== "running") this.heardAt = now;
    this.analyser.getFloatTimeDomainData(this.samples);
    const peak = this.samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
    if (loudness(this.samples) > FLOOR) this.heardAt = now;
    hear(Math.min(1, Math.sqrt(peak)), now - this.heardAt > SILENT_AFTER_MS);
  }

  close() {
    clearInterval(this.timer);
    this.context.close();
  }
}
