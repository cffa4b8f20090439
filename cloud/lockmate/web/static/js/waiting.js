// The guest's waiting page: counts down, and goes on by itself once the desk has confirmed.
import { Poll } from "./poll.js";

const box = document.querySelector("[data-waiting]");
const left = box.querySelector("[data-left]");
const lost = box.querySelector("[data-lost]");
const started = performance.now();
const seconds = Number(box.dataset.left);

function tick() {
  const rest = Math.max(0, Math.ceil(seconds - (performance.now() - started) / 1000));
  left.textContent = `${Math.floor(rest / 60)}:${String(rest % 60).padStart(2, "0")}`;
  if (rest === 0) {
    poll.now();
  }
}

const poll = new Poll(box.dataset.waiting, 2000, {
  async changed(answer) {
    const { state } = await answer.json();
    if (state === "confirmed") {
      window.location.replace(box.dataset.card);
    } else if (state !== "waiting") {
      window.location.reload();
    }
  },
  lost: () => (lost.hidden = false),
  back: () => (lost.hidden = true),
});

box.querySelector("[data-refresh]").addEventListener("click", (event) => {
  event.preventDefault();
  poll.now();
});
tick();
window.setInterval(tick, 1000);
poll.now();
