// The <dialog> in which other pages' main parts are shown: the claims list, the confirm step, every question.
import { ask } from "./ask.js";
import { startCopies } from "./copy.js";
import { startLive } from "./live.js";
import { showCodes } from "./codes.js";
import { tellTimes } from "./times.js";

export class Steps {
  constructor(dialog) {
    this.dialog = dialog;
    this.body = dialog.querySelector(".dialog-body");
    this.title = dialog.querySelector("h2");
    this.lost = dialog.querySelector("template");
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
    this.body.addEventListener("submit", (event) => {
      if (event.target.getAttribute("method") === "post") {
        event.preventDefault();
        this.send(event.target, event.submitter);
      }
    });
  }

  /** Shows the page at an address of ours. */
  async show(url) {
    let answer;
    try {
      answer = await ask(url, { "X-Fragment": "1" });
    } catch {
      this.#noAnswer(() => this.show(url));
      return;
    }
    if (!answer.ok || answer.redirected) {
      window.location.assign(url); // the whole page says what is wrong
      return;
    }
    this.#put(await answer.text());
  }

  /** Sends a form; the page goes on where the server says, or the dialog says why not. */
  async send(form, button) {
    if (form.dataset.sent) {
      return;
    }
    form.dataset.sent = "1";
    button?.setAttribute("aria-busy", "true");
    const fields = new FormData(form, button);
    const again = async () => {
      let answer;
      try {
        answer = await ask(form.getAttribute("action"), { "X-Fragment": "1" }, { method: "POST", body: fields });
      } catch {
        this.#noAnswer(again);
        return;
      }
      const address = answer.headers.get("X-Go");
      if (address) {
        window.location.assign(address);
      } else if (answer.status === 401) {
        window.location.reload();
      } else {
        this.#put(await answer.text());
      }
    };
    await again();
  }

  #put(html) {
    this.stop();
    this.body.innerHTML = html; // our own server's page, escaped there
    this.title.textContent = this.body.querySelector("[data-title]")?.dataset.title ?? this.title.textContent;
    this.#opened();
    this.body.querySelector("[data-focus]")?.focus();
    this.stop = startLive(this.body);
  }

  #noAnswer(again) {
    this.stop();
    this.body.replaceChildren(this.lost.content.cloneNode(true));
    const report = this.body.querySelector("textarea");
    report.value = report.value.trim().replace("{time}", new Date().toISOString());
    this.body.querySelector("[data-again]").addEventListener("click", again);
    this.#opened();
  }

  #opened() {
    if (!this.dialog.open) {
      this.dialog.showModal();
    }
    tellTimes(this.body);
    startCopies(this.body);
    showCodes(this.body); // once the dialog has a width
  }
}
