// The guest's electronic room card: shows the token of server time, and goes on from memory without the network.
import { ask } from "./ask.js";
import { TOKEN, draw } from "./qr.js";
import { ServerTime } from "./servertime.js";
import { changes, choose, lasts, turnOf } from "./sheaf.js";

const page = document.querySelector("[data-sheaf]");
const time = new ServerTime();
const lost = page.querySelector("[data-lost]");
const REFETCH = { prepared: 3, not_yet: 30, active: 120, ended: 300 };
const RETRY = 10;
const FEW = 3; // slots of a short question: enough to show, and to learn what changed
const DAY = 86400;

let due = 0; // performance.now() of the next question
let asking = false;

/** One card on the page: its section, its sheaf, the slot it shows. */
class Card {
  constructor(section) {
    this.section = section;
    this.canvas = section.querySelector("canvas");
    this.left = section.querySelector("[data-left]");
    this.turn = section.querySelector(".turn span");
    this.facts = null;
    this.shown = "";
  }

  /** A short answer keeps the later tokens that are in memory already. */
  learn(facts) {
    const ends = lasts(facts.slots);
    const same = this.facts && facts.state === "active" && facts.generation === this.facts.generation;
    const later = same ? this.facts.slots.filter((slot) => slot[1] > ends) : [];
    this.facts = { ...facts, slots: [...facts.slots, ...later] };
  }

  /** Whether the tokens in memory would last for less than half of what could be had. */
  wants(now) {
    if (this.phase(now) !== "active") {
      return false;
    }
    const could = Math.min(this.facts.until, now + DAY) - now;
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
    if (this.shown !== slots[index][2]) {
      this.show(slots[index][2]);
    }
    const until = changes(slots, index);
    const left = Math.max(0, Math.ceil(until - now));
    this.left.textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
    this.turn.style.transform = `scaleX(${Math.max(0, Math.min(1, (until - now) / turnOf(slots, index)))})`;
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

const cards = new Map([...page.querySelectorAll("[data-key]")].map((part) => [part.dataset.key, new Card(part)]));

function pauseAfter(now) {
  if ([...cards.values()].some((card) => card.wants(now))) {
    return 0; // what is shown came first; now the rest, for when the network goes
  }
  const pauses = [...cards.values()].map((card) => REFETCH[card.phase(now)] ?? RETRY);
  return Math.min(...pauses, REFETCH.ended);
}

async function fetchSheaf() {
  if (asking) {
    return;
  }
  asking = true;
  const asked = performance.now();
  const few = time.known && [...cards.values()].some((card) => card.wants(time.now())) ? "" : `?slots=${FEW}`;
  try {
    const answer = await ask(page.dataset.sheaf + few);
    if (!answer.ok) {
      throw new Error(`status ${answer.status}`);
    }
    const sheaf = await answer.json();
    time.learn(sheaf.now, asked);
    const keys = sheaf.cards.map((facts) => facts.key);
    if (keys.length !== cards.size || keys.some((key) => !cards.has(key))) {
      window.location.reload(); // a card came or went: the page has its words
      return;
    }
    for (const facts of sheaf.cards) {
      const card = cards.get(facts.key);
      const words = `${facts.room} ${facts.from} ${facts.until}`;
      if (card.section.dataset.words !== words) {
        window.location.reload(); // moved or extended
        return;
      }
      card.learn(facts);
    }
    lost.hidden = true;
    due = performance.now() + pauseAfter(time.now()) * 1000;
  } catch {
    lost.hidden = false;
    due = performance.now() + RETRY * 1000;
    tellHowLong();
  } finally {
    asking = false;
  }
  tick();
}

/** Without the network: until when the code goes on changing from memory. */
function tellHowLong() {
  const ends = Math.max(0, ...[...cards.values()].map((card) => (card.facts ? lasts(card.facts.slots) : 0)));
  const mark = lost.querySelector("[data-lasts]");
  mark.hidden = !time.known || ends <= time.now();
  if (!mark.hidden) {
    const form = { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
    const words = new Intl.DateTimeFormat(document.documentElement.lang, { timeZone: page.dataset.zone, ...form });
    mark.querySelector("time").textContent = words.format(ends * 1000);
  }
}

function tick() {
  if (time.known) {
    const now = time.now();
    cards.forEach((card) => card.tick(now));
  }
  if (performance.now() >= due && document.visibilityState === "visible") {
    due = Infinity;
    fetchSheaf();
  }
}

for (const button of page.querySelectorAll("[data-choose]")) {
  button.addEventListener("click", () => {
    for (const other of page.querySelectorAll("[data-choose]")) {
      other.setAttribute("aria-pressed", String(other === button));
    }
    cards.forEach((card, key) => (card.section.hidden = key !== button.dataset.choose));
    cards.get(button.dataset.choose).redraw();
    tick();
  });
}

async function stayAwake() {
  try {
    await navigator.wakeLock?.request("screen");
  } catch {
    // The battery is low or the page is hidden: the guest touches the screen instead.
  }
}

document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") {
    due = 0;
    stayAwake();
    tick();
  }
});
window.addEventListener("online", () => {
  due = 0;
});
window.addEventListener("resize", () => cards.forEach((card) => card.redraw()));
page.querySelector("[data-refresh]")?.addEventListener("click", () => {
  due = 0;
  tick();
});

stayAwake();
tick();
window.setInterval(tick, 250);
