// Says how long ago a moment was, in the page's language: <time datetime="…" data-ago>.

const words = new Intl.RelativeTimeFormat(document.documentElement.lang, { numeric: "auto" });

function ago(seconds) {
  if (seconds < 60) {
    return words.format(-Math.max(0, Math.round(seconds)), "second");
  }
  if (seconds < 3600) {
    return words.format(-Math.floor(seconds / 60), "minute");
  }
  if (seconds < 86400) {
    return words.format(-Math.floor(seconds / 3600), "hour");
  }
  return words.format(-Math.floor(seconds / 86400), "day");
}

// The page carries the server's time; a wrong clock at the desk shifts nothing.
const served = Number(document.documentElement.dataset.now || 0) * 1000;
const loaded = performance.now();

export function tellTimes(root) {
  const now = served + performance.now() - loaded;
  for (const mark of root.querySelectorAll("time[data-ago]")) {
    mark.textContent = ago((now - Date.parse(mark.dateTime)) / 1000);
  }
}

export function keepTimes() {
  tellTimes(document);
  window.setInterval(() => tellTimes(document), 5000);
}
