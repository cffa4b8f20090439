// The guest's electronic room cards: each shows the token of server time, and goes on without the network.
import { ask } from "./ask.js";
import { forget, keep, recall } from "./kept.js";
import { able, pack, unpack } from "./pack.js";
import { RoomCard } from "./roomcard.js";
import { ServerTime } from "./servertime.js";
import { lasts } from "./sheaf.js";

const page = document.querySelector("[data-sheaf]");
const time = new ServerTime();
const lost = page.querySelector("[data-lost]");
const whole = "pack" in page.dataset; // the page of all cards; a door's page shows one of them
const REFETCH = { prepared: 3, not_yet: 30, active: 120, ended: 300 };
const RETRY = 10;
const FEW = 3; // slots of a short question: enough to show, and to learn what changed
const RELOADS = 60_000; // ms between two loads of the page for the same answer

let due = 0; // performance.now() of the next question
let asking = false;
let again = false; // asked to refresh while an answer was under way: that one may be of before
let packing = false;
let packed = false;

const cards = new Map([...page.querySelectorAll("[data-key]")].map((part) => [part.dataset.key, new RoomCard(part)]));

function pauseAfter(now) {
  if ([...cards.values()].some((card) => card.wants(now))) {
    return 0; // what is shown came first; now the rest, for when the network goes
  }
  const pauses = [...cards.values()].map((card) => REFETCH[card.phase(now)] ?? RETRY);
  return Math.min(...pauses, REFETCH.ended);
}

/** The page's words are of yesterday: load it anew; but not again and again for the same answer. */
function reload(facts) {
  const wanted = facts.map((one) => `${one.key} ${one.words}`).join();
  const [last, at] = JSON.parse(window.sessionStorage.getItem("reloaded") ?? "[null, 0]");
  if (last === wanted && Math.abs(Date.now() - at) < RELOADS) {
    return false;
  }
  window.sessionStorage.setItem("reloaded", JSON.stringify([wanted, Date.now()]));
  window.location.reload();
  return true;
}

/** Whether the page shows just these cards, in these words. */
function shows(facts) {
  return facts.length === cards.size && facts.every((one) => cards.get(one.key)?.says(one));
}

async function fetchSheaf() {
  if (asking) {
    again = true;
    return;
  }
  asking = true;
  const asked = performance.now();
  const url = new URL(page.dataset.sheaf, window.location.href);
  if (!time.known || ![...cards.values()].some((card) => card.wants(time.now()))) {
    url.searchParams.set("slots", FEW);
  }
  try {
    const answer = await ask(url);
    if (!answer.ok) {
      throw new Error(`status ${answer.status}`);
    }
    const sheaf = await answer.json();
    time.learn(sheaf.now, asked);
    if (!shows(sheaf.cards) && reload(sheaf.cards)) {
      due = Infinity;
      return; // a card came or went, was moved or extended
    }
    const told = new Map(sheaf.cards.map((facts) => [facts.key, facts]));
    cards.forEach((card, key) => card.learn(told.get(key) ?? { ...card.facts, state: "ended", slots: [] }));
    tellUnread(sheaf.unread);
    lost.hidden = true;
    due = performance.now() + pauseAfter(time.now()) * 1000;
    store().catch(() => {}); // a full or forbidden store keeps nothing; the page goes on from memory
  } catch {
    lost.hidden = false;
    due = performance.now() + RETRY * 1000;
    tellHowLong();
  } finally {
    asking = false;
    if (again && due < Infinity) {
      due = 0;
    }
    again = false;
  }
  tick();
}

/** Into the phone's store goes what can still open a door; once nothing can, nothing is left there. */
async function store() {
  if (!whole) {
    return;
  }
  const held = [...cards.values()].filter((card) => card.facts && card.phase(time.now()) !== "ended");
  if (held.length === 0) {
    packed = false;
    await Promise.all([forget(), unpack()]);
    return;
  }
  await keep(held.map((card) => card.facts), time.now());
  if (!packing && !packed && due > performance.now() + 1000) {
    packing = true; // after all tokens are here
    packed = await pack(page.dataset.worker, page.dataset.pack).catch(() => false);
    packing = false;
    page.dataset.kept = packed ? "yes" : "no";
  }
}

/** A page that was loaded without the network goes on with what was kept. */
async function remember() {
  const kept = await recall();
  if (!kept || time.known) {
    return;
  }
  time.recall(kept.server, kept.wall);
  for (const facts of kept.cards) {
    const card = cards.get(facts.key);
    if (card && !card.facts && card.says(facts)) {
      card.learn(facts);
    }
  }
  tellHowLong();
  tick();
}

function tellUnread(count) {
  const mark = document.querySelector("[data-unread]");
  if (mark && Number.isInteger(count)) {
    mark.textContent = String(count);
    mark.hidden = count === 0;
  }
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
  const safe = whole && Boolean(navigator.serviceWorker?.controller);
  lost.querySelector("[data-safe]").hidden = !safe;
  lost.querySelector("[data-stay]").hidden = safe;
}

let over = false;

function tick() {
  if (time.known) {
    const now = time.now();
    cards.forEach((card) => card.tick(now));
    const phases = [...cards.values()].map((card) => card.phase(now));
    if (!over && phases.length > 0 && phases.every((phase) => phase === "ended")) {
      over = true; // also without the network: a card that ended by time leaves the phone
      store().catch(() => {});
    }
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
for (const turn of ["online", "offline"]) {
  window.addEventListener(turn, () => {
    due = 0; // asks at once: what the desk changed is there, or the page says that it can't know
  });
}
window.addEventListener("resize", () => cards.forEach((card) => card.redraw()));
page.querySelector("[data-refresh]")?.addEventListener("click", () => {
  due = 0;
  tick();
});
if (!able && whole) {
  page.querySelector("[data-unable]").hidden = false;
}

stayAwake();
remember().then(tick);
tick();
window.setInterval(tick, 250);
