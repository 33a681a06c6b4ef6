// Starts it all, once every part is there.
customElements.define("voice-recorder", VoiceRecorder);
customElements.define("voice-message", VoiceMessage);
startUnsent();
