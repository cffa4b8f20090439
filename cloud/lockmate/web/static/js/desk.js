// What every desk page does beyond plain links and forms; without scripts they all still work.
import { showCodes } from "./codes.js";
import { startCopies } from "./copy.js";
import { startLive } from "./live.js";
import { Steps } from "./steps.js";
import { keepTimes } from "./times.js";

const dialog = document.querySelector("dialog[data-steps]");
if (dialog) {
  const steps = new Steps(dialog);
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-steps]");
    if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      event.preventDefault();
      steps.show(link.href);
    }
  });
}

for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}

// A form is sent once, however often it is pressed.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented) {
    return;
  }
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "1";
});
window.addEventListener("pageshow", (event) => {
  if (event.persisted) {
    document.querySelectorAll("form[data-sent]").forEach((form) => delete form.dataset.sent);
  }
});

// How many are picked in a list: <button data-picks="orders">.
for (const button of document.querySelectorAll("[data-picks]")) {
  const boxes = () => [...document.querySelectorAll(`input[form="${button.dataset.picks}"]`)];
  const count = () => {
    button.disabled = !boxes().some((box) => box.checked);
  };
  document.addEventListener("change", count);
  count();
}

startLive(document);
startCopies(document);
showCodes(document);
keepTimes();
