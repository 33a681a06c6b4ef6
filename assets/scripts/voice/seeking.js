// Seeking on a waveform, by pointer and by keyboard.
function watchSeeking(player) {
  const { wave } = player;
  const follow = ({ clientX }) => {
    const { left, width } = wave.getBoundingClientRect();
    player.seek(((clientX - left) / width) * player.length);
  };
  wave.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    wave.setPointerCapture(event.pointerId);
    follow(event);
  });
  wave.addEventListener("pointermove", (event) => wave.hasPointerCapture(event.pointerId) && follow(event));
  wave.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const { position, length } = player;
    const places = {
      ArrowLeft: position - ARROW_S,
      ArrowDown: position - ARROW_S,
      ArrowRight: position + ARROW_S,
      ArrowUp: position + ARROW_S,
      Home: 0,
      End: length,
    };
    if (!(event.key in places)) return;
    event.preventDefault();
    player.seek(places[event.key]);
  });
}
