// What is typed and not sent. Each tab has its draft; beside these one is kept for whichever tab comes next.
let shownDraft = ""; // of the conversation of this page, before it changes

function keepDraft(conversation, text) {
  const name = kept("draft", conversation);
  const shelves = attempt(() => [sessionStorage, localStorage]) ?? [];
  for (const shelf of shelves) {
    attempt(() => {
      if (text) shelf.setItem(name, text);
      // Another tab's text is not taken away with this one's.
      else if (shelf === sessionStorage || shelf.getItem(name) === shownDraft) shelf.removeItem(name);
    });
  }
  if (conversation === here) shownDraft = text;
}

function recallDraft(conversation) {
  const name = kept("draft", conversation);
  const found = attempt(() => sessionStorage.getItem(name) || localStorage.getItem(name)) || "";
  if (conversation === here) shownDraft = found;
  return found;
}

// A tab that is closed leaves its own draft to the next one, whatever another tab has done meanwhile.
function leaveDraft() {
  const own = attempt(() => sessionStorage.getItem(kept("draft", here)));
  if (own) keepDraft(here, own);
}

// Whether what was typed while signed out became a draft before, in this session; from now on it did.
function isTaken() {
  const name = kept("carried", here);
  const again = attempt(() => localStorage.getItem(name)) === session;
  attempt(() => localStorage.setItem(name, session));
  return again;
}

// A text that comes back goes again under its own key as long as nobody changes it: it may have been stored all the same.
function keepGiven(conversation, key, text) {
  attempt(() => localStorage.setItem(kept("given", conversation), JSON.stringify({ key, text })));
}

function keyOfGiven(text) {
  return attempt(() => {
    const name = kept("given", here);
    const given = JSON.parse(localStorage.getItem(name));
    localStorage.removeItem(name);
    return given?.text === text ? given.key : null;
  });
}

function kept(what, conversation) {
  return `${what}:${user}:${conversation}`;
}
