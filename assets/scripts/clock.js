// Shows every time in the reader's zone, and sets the day separators where the reader's days begin.
(() => {
  const MOMENTS = "article time[datetime*=T], #conversations time[datetime*=T]";
  const IN_THE_LIST = "#conversations *";
  const inWords = new Intl.DateTimeFormat("en-GB", { weekday: "long", day: "numeric", month: "long", year: "numeric" });
  const two = (number) => String(number).padStart(2, "0");
  let pattern = null; // a separator as the server draws it

  setClocks(document);
  setDays();
  const observer = new MutationObserver((changes) => {
    // A row that is drawn again in its place brings the server's words into the times that are there already.
    const written = changes.map(({ target }) => (target instanceof Text ? target.parentElement : null));
    const nodes = [...written, ...changes.flatMap(({ addedNodes }) => [...addedNodes])];
    const added = new Set(nodes.filter((node) => node instanceof Element));
    for (const node of added) if (node.isConnected) setClocks(node);
    const touched = changes.some(({ addedNodes, removedNodes }) => [...addedNodes, ...removedNodes].some(isRow));
    if (touched) setDays();
    observer.takeRecords();
  });
  observer.observe(document.body, { childList: true, characterData: true, subtree: true });
  // Past midnight, what was of today in the list is of yesterday.
  document.addEventListener("visibilitychange", () => setClocks(document));

  function isRow(node) {
    return node instanceof Element && (node.matches("article, .day") || node.querySelector("article, .day") !== null);
  }

  function setClocks(root) {
    const times = [...root.querySelectorAll(MOMENTS)];
    if (root instanceof Element && root.matches(MOMENTS)) times.push(root);
    for (const time of times) {
      const moment = new Date(time.dateTime);
      if (Number.isNaN(moment.getTime())) continue;
      const clock = `${two(moment.getHours())}:${two(moment.getMinutes())}`;
      const old = time.matches(IN_THE_LIST) && isoDay(moment) !== isoDay(new Date());
      const words = old ? shortDay(moment) : clock;
      if (time.textContent !== words) time.textContent = words;
      time.title = `${dayWords(moment)}, ${clock}`;
    }
  }

  function setDays() {
    for (const log of document.querySelectorAll("#messages, #history")) {
      let before = null;
      let separators = [];
      for (const row of log.querySelectorAll("article, .day")) {
        if (row.matches(".day")) {
          pattern ??= row.cloneNode(true);
          separators.push(row);
          continue;
        }
        const moment = momentOf(row);
        if (!moment) continue;
        const day = isoDay(moment);
        // Whether the first row opens its day, only the server knows.
        const opens = before === null ? separators.length > 0 : day !== before;
        place(row, moment, opens, separators);
        before = day;
        separators = [];
      }
      for (const left of separators) left.remove();
    }
  }

  function place(row, moment, opens, separators) {
    const kept = opens ? separators.shift() : undefined;
    for (const extra of separators) extra.remove();
    if (!opens) return;
    const separator = kept ?? pattern?.cloneNode(true);
    const time = separator?.querySelector("time");
    if (!time) return;
    if (time.dateTime !== isoDay(moment)) {
      time.dateTime = isoDay(moment);
      time.textContent = dayWords(moment);
    }
    if (separator.nextElementSibling !== row) row.before(separator);
  }

  function momentOf(article) {
    const moment = new Date(article.querySelector("time[datetime*=T]")?.dateTime ?? "");
    return Number.isNaN(moment.getTime()) ? null : moment;
  }

  function isoDay(moment) {
    return `${moment.getFullYear()}-${two(moment.getMonth() + 1)}-${two(moment.getDate())}`;
  }

  // `Tuesday, 24 November 2026`; not every browser puts the comma.
  function dayWords(moment) {
    return inWords.format(moment).replace(/,? /, ", ");
  }

  function shortDay(moment) {
    const [, day, month] = dayWords(moment).split(" ");
    return `${day} ${month.slice(0, 3)}`;
  }
})();
