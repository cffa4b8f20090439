// One card on a page: its section, its tokens, the one it shows.
import { TOKEN, draw } from "./qr.js";
import { changes, choose, lasts, turnOf } from "./sheaf.js";

const DAY = 86400;
const PAST = 2; // tokens that are kept in memory after their time, for a door whose clock is behind
const TRIED = 60; // seconds that a neighbouring token is shown

export class RoomCard {
  constructor(section) {
    this.section = section;
    this.canvas = section.querySelector("canvas");
    this.left = section.querySelector("[data-left]");
    this.turn = section.querySelector(".turn span");
    this.facts = null;
    this.shown = "";
    this.shift = 0; // -1: the token before the one of now; 1: the one after it
    this.shiftEnds = 0;
    for (const button of section.querySelectorAll("[data-try]")) {
      button.addEventListener("click", () => this.tries(Number(button.dataset.try)));
    }
  }

  /** Whether the page's words for this card are those of the answer. */
  says(facts) {
    return this.section.dataset.words === facts.words;
  }

  /** A short answer keeps the later tokens that are in memory already, and the last ones before. */
  learn(facts) {
    const { slots } = facts;
    const ends = lasts(slots);
    const same = this.facts && facts.state === "active" && facts.generation === this.facts.generation;
    const held = same ? this.facts.slots : [];
    const before = slots.length ? held.filter((slot) => slot[0] < slots[0][0]).slice(-PAST) : [];
    this.facts = { ...facts, slots: [...before, ...slots, ...held.filter((slot) => slot[1] > ends)] };
  }

  /** Whether the tokens in memory would last for less than half of what could be had. */
  wants(now) {
    if (this.phase(now) !== "active") {
      return false;
    }
    const could = Math.min(this.facts.until, now + (this.facts.life ?? DAY)) - now;
    return lasts(this.facts.slots) - now < could / 2;
  }

  /** loading | prepared | not_yet | active | ended | stale (in force, but no token left in memory) */
  phase(now) {
    if (!this.facts) {
      return "loading";
    }
    const { state, from, until, slots } = this.facts;
    if (state === "ended" || now >= until) {
      return "ended";
    }
    if (state === "prepared") {
      return "prepared";
    }
    if (now < from) {
      return "not_yet";
    }
    return choose(slots, now) < 0 ? "stale" : "active";
  }

  tick(now) {
    const phase = this.phase(now);
    if (this.section.dataset.phase !== phase) {
      this.section.dataset.phase = phase;
      for (const part of this.section.querySelectorAll("[data-when]")) {
        part.hidden = !part.dataset.when.split(" ").includes(phase);
      }
    }
    if (phase !== "active" || this.section.hidden) {
      return;
    }
    const { slots } = this.facts;
    const index = choose(slots, now);
    if (this.shift && now >= this.shiftEnds) {
      this.shift = 0;
    }
    const shown = slots[index + this.shift] ?? slots[index];
    if (this.shown !== shown[2]) {
      this.show(shown[2]);
    }
    this.#tellTries(slots, index);
    const until = changes(slots, index);
    const left = Math.max(0, Math.ceil(until - now));
    this.left.textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
    this.turn.style.transform = `scaleX(${Math.max(0, Math.min(1, (until - now) / turnOf(slots, index)))})`;
    this.now = now;
  }

  /** After a refusal: a neighbour of the token of now, for a minute. */
  tries(shift) {
    this.shift = shift;
    this.shiftEnds = (this.now ?? 0) + TRIED;
    this.tick(this.now ?? 0);
  }

  #tellTries(slots, index) {
    for (const button of this.section.querySelectorAll("[data-try]")) {
      const shift = Number(button.dataset.try);
      button.disabled = !slots[index + shift];
      button.setAttribute("aria-pressed", String(shift === this.shift));
    }
    this.section.classList.toggle("tries", this.shift !== 0);
    for (const part of this.section.querySelectorAll("[data-tried]")) {
      part.hidden = Number(part.dataset.tried) !== this.shift;
    }
  }

  show(text) {
    this.shown = text;
    draw(this.canvas, text, TOKEN, this.canvas.parentElement.clientWidth);
  }

  redraw() {
    if (this.shown && !this.section.hidden) {
      draw(this.canvas, this.shown, TOKEN, this.canvas.parentElement.clientWidth);
    }
  }
}
