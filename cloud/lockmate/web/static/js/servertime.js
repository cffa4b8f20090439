// The server's time, learnt at each answer; the phone's own clock may be wrong by hours.

/**
 * While the page is seen, time runs by the monotonic clock, so that a changed phone clock moves nothing.
 * A phone that sleeps may stop that clock; over such a gap the longer of both clocks is believed.
 */
export class ServerTime {
  constructor() {
    this.known = false;
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "hidden") {
        this.#mark(this.now());
      } else if (this.known) {
        const slept = Math.max(performance.now() - this.ticks, Date.now() - this.wall);
        this.#mark(this.server + slept / 1000);
      }
    });
  }

  /** `now`: seconds in the answer; `asked`: performance.now() when the question left. */
  learn(now, asked) {
    this.known = true;
    this.#mark(now + (performance.now() - asked) / 2000);
  }

  /** Of an earlier page: `server` seconds when the phone's clock showed `wall` ms. Only that clock's pace is believed. */
  recall(server, wall) {
    this.known = true;
    this.#mark(server + Math.max(0, Date.now() - wall) / 1000);
  }

  /** Seconds. */
  now() {
    return this.server + (performance.now() - this.ticks) / 1000;
  }

  #mark(server) {
    this.server = server;
    this.ticks = performance.now();
    this.wall = Date.now();
  }
}
