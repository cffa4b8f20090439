// Parts of a desk page that keep themselves fresh: <div data-live="/address" data-every="2000">.
import { Poll } from "./poll.js";
import { tellTimes } from "./times.js";

/** Starts every live part under `root`; returns a function that stops them. */
export function startLive(root) {
  const polls = [...root.querySelectorAll("[data-live]")].map((part) => {
    const bar = part.closest("[data-live-box]") ?? document;
    const lost = bar.querySelector("[data-live-lost]");
    const poll = new Poll(part.dataset.live, Number(part.dataset.every || 3000), {
      async changed(answer) {
        const fresh = await answer.text();
        const focused = part.contains(document.activeElement) ? document.activeElement.dataset.id : null;
        part.innerHTML = fresh; // our own server's page, escaped there
        tellTimes(part);
        if (focused) {
          part.querySelector(`[data-id="${CSS.escape(focused)}"]`)?.focus();
        }
      },
      lost: () => lost && (lost.hidden = false),
      back: () => lost && (lost.hidden = true),
    });
    bar.querySelector("[data-refresh]")?.addEventListener("click", (event) => {
      event.preventDefault();
      poll.now();
    });
    poll.now();
    return poll;
  });
  return () => polls.forEach((poll) => poll.stop());
}
