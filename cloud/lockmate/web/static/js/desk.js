// What every desk page does beyond plain links and forms; without scripts they all still work.
import { ask } from "./ask.js";
import { startLive } from "./live.js";
import { keepTimes, tellTimes } from "./times.js";

/** The <dialog> that shows another page's main part: the claims list, then the confirm step. */
class Steps {
  constructor(dialog) {
    this.dialog = dialog;
    this.body = dialog.querySelector(".dialog-body");
    this.title = dialog.querySelector("h2");
    this.stop = () => {};
    dialog.addEventListener("close", () => this.stop());
    dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
    this.body.addEventListener("click", (event) => {
      const link = event.target.closest("a[data-step]");
      if (link) {
        event.preventDefault();
        this.show(link.href);
      }
    });
  }

  async show(url) {
    const answer = await ask(url, { "X-Fragment": "1" });
    if (!answer.ok || answer.redirected) {
      window.location.assign(url); // the whole page says what is wrong
      return;
    }
    this.stop();
    this.body.innerHTML = await answer.text(); // our own server's page, escaped there
    this.title.textContent = this.body.querySelector("[data-title]")?.dataset.title ?? "";
    tellTimes(this.body);
    if (!this.dialog.open) {
      this.dialog.showModal();
    }
    this.body.querySelector("[data-focus]")?.focus();
    this.stop = startLive(this.body);
  }
}

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

for (const button of document.querySelectorAll("button[data-opens]")) {
  const ask = document.getElementById(button.dataset.opens);
  button.addEventListener("click", () => ask.showModal());
  ask.querySelector("[data-close]").addEventListener("click", () => ask.close());
}

// A form is sent once, however often it is pressed.
document.addEventListener("submit", (event) => {
  const form = event.target;
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

startLive(document);
keepTimes();
