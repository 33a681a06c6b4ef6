// Tells the server, from the next request on, that pages here run scripts and report themselves what was read.
(() => {
  const A_YEAR_S = 365 * 24 * 60 * 60;
  document.cookie = `scripts=1; Path=/; SameSite=Lax; Max-Age=${A_YEAR_S}`;
})();
