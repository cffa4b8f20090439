// Asks an address again and again while the page is seen; an unchanged answer (ETag) costs a few bytes.

import { ask } from "./ask.js";

export class Poll {
  /**
   * @param {string} url
   * @param {number} every milliseconds between answers
   * @param {{changed: (answer: Response) => Promise<void>, lost?: () => void, back?: () => void}} hears
   */
  constructor(url, every, hears) {
    this.url = url;
    this.every = every;
    this.hears = hears;
    this.etag = null;
    this.failures = 0;
    this.timer = 0;
    this.stopped = false;
    this.seen = () => {
      if (document.visibilityState === "visible") {
        this.now();
      }
    };
    document.addEventListener("visibilitychange", this.seen);
    window.addEventListener("online", this.seen);
  }

  /** Asks at once; the next question follows after the pause. */
  async now() {
    window.clearTimeout(this.timer);
    if (this.stopped || this.asking) {
      return;
    }
    this.asking = true;
    try {
      await this.#ask();
      if (this.failures) {
        this.failures = 0;
        this.hears.back?.();
      }
    } catch {
      this.failures += 1;
      this.hears.lost?.();
    } finally {
      this.asking = false;
    }
    const pause = this.every * Math.min(8, 2 ** Math.min(this.failures, 3)) * (0.9 + 0.2 * Math.random());
    if (!this.stopped && document.visibilityState === "visible") {
      this.timer = window.setTimeout(() => this.now(), pause);
    }
  }

  async #ask() {
    const headers = { "X-Fragment": "1" };
    if (this.etag) {
      headers["If-None-Match"] = this.etag;
    }
    const answer = await ask(this.url, headers, { redirect: "manual" });
    if (answer.type === "opaqueredirect" || answer.status === 401) {
      window.location.reload(); // signed out meanwhile: the page itself says where to go
      return;
    }
    if (answer.status === 304) {
      return;
    }
    if (!answer.ok) {
      throw new Error(`status ${answer.status}`);
    }
    this.etag = answer.headers.get("ETag");
    await this.hears.changed(answer);
  }

  stop() {
    this.stopped = true;
    window.clearTimeout(this.timer);
    document.removeEventListener("visibilitychange", this.seen);
    window.removeEventListener("online", this.seen);
  }
}
