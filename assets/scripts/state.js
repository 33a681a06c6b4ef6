// Says on one's own messages how far each has come, and tells the server what has come here.
(() => {
  const GATHER_MS = 250;
  const told = new Map(); // from a conversation to the place up to which its coming was told
  let timer = 0;

  const observer = new MutationObserver(look);
  observer.observe(document.body, { childList: true, subtree: true });
  document.addEventListener("htmx:ws:close", () => told.clear());
  document.addEventListener("htmx:ws:after:message:incoming", tellSoon);
  look();

  function look() {
    const marks = part("marks")?.dataset;
    if (!marks) return;
    const unshown = marks.unshown.split(" ").map((span) => span.split("-").map(Number));
    for (const place of document.querySelectorAll("article.mine .state")) {
      const { played, seq } = place.closest("article").dataset;
      const read = seq <= Number(marks.read) && !unshown.some(([first, last]) => first <= seq && seq <= last);
      show(place, played ? "Played" : read ? "Read" : seq <= Number(marks.delivered) ? "Delivered" : "Sent");
    }
    observer.takeRecords();
  }

  function show(place, words) {
    const said = place.lastElementChild;
    if (said.textContent === words) return;
    said.textContent = words;
    const picture = place.querySelector("use");
    picture.setAttribute("href", picture.getAttribute("href").replace(/#.*/, `#${words.toLowerCase()}`));
  }

  function tellSoon() {
    timer ||= setTimeout(tellNews, GATHER_MS);
  }

  function tellNews() {
    timer = 0;
    const came = {};
    const note = (conversation, seq) => {
      if (seq > (told.get(conversation) ?? 0)) came[conversation] = Number(seq);
    };
    for (const line of document.querySelectorAll("li[data-undelivered]")) note(line.id.split("-")[1], line.dataset.undelivered);
    const others = document.querySelectorAll("#messages article:not(.mine)");
    if (others.length) note(here, Math.max(came[here] ?? 0, others[others.length - 1].dataset.seq));
    const news = Object.entries(came);
    if (news.length && tell("line:say", { came })) for (const [conversation, seq] of news) told.set(conversation, seq);
  }
})();
