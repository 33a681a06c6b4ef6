// A button that is tapped, or held while one speaks.
const HELD_AFTER_MS = 250;
const CLICK_FOLLOWS_WITHIN_MS = 50;

function watchHold(button, { tap, hold: begin, release }) {
  let timer = 0;
  let pointer = null; // the finger that holds it, where that is known: another one may come and go
  let held = false;
  let released = false;
  const press = (event) => {
    clearTimeout(timer);
    pointer = event?.pointerId ?? null;
    timer = setTimeout(() => {
      held = true;
      begin();
    }, HELD_AFTER_MS);
  };
  const lift = ({ pointerId }) => {
    if (pointer !== null && pointer !== pointerId) return;
    clearTimeout(timer);
    if (!held) return;
    held = false;
    released = true;
    setTimeout(() => (released = false), CLICK_FOLLOWS_WITHIN_MS);
    release();
  };
  button.addEventListener("pointerdown", (event) => event.button === 0 && press(event));
  for (const name of ["pointerup", "pointercancel"]) window.addEventListener(name, lift);
  // A long press opens a menu on some screens.
  button.addEventListener("contextmenu", (event) => event.preventDefault());
  button.addEventListener("click", () => released || tap());
  // It may have been pressed before this script was there.
  if (button.matches(":active")) press();
}
