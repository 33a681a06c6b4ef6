// Tells how much is unread wherever a page can: in its title, in its picture, and on the app's own. A list that has not come yet says nothing.
(() => {
  const list = part("conversations");
  const picture = part("favicon");
  const title = document.title.replace(/^\(\d+\) /, "");
  const latest = part("jump-latest");
  const log = document.querySelector(".log");
  let shown = -1;
  if (list) new MutationObserver(count).observe(list, { childList: true, characterData: true, subtree: true });
  count();

  if (latest && log) {
    // Rows will come below it.
    log.lastElementChild.append(part("latest"));
    // The log is laid out from its end: there it stands at 0, and before that it is negative.
    const look = () => latest.classList.toggle("off", log.scrollTop > -log.clientHeight / 2);
    log.addEventListener("scroll", look, { passive: true });
    look();
  }

  function count() {
    const told = document.title.match(/^\((\d+)\) /)?.[1] ?? 0;
    const counts = list?.firstElementChild ? [...list.querySelectorAll(".unread")] : [{ textContent: told }];
    const unread = counts.reduce((sum, { textContent }) => sum + parseInt(textContent, 10), 0);
    if (unread === shown) return;
    shown = unread;
    document.title = (unread ? `(${unread}) ` : "") + title;
    const address = picture.dataset[unread ? "unread" : "read"];
    if (picture.getAttribute("href") !== address) picture.href = address;
    Promise.resolve(navigator.setAppBadge?.(unread)).catch(() => {}); // Not every page is an app's.
  }
})();
