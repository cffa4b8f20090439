// Keeps the cards of the virtual door page in step with the firmware, and carries what a hand does to it.

const texts = JSON.parse(document.getElementById("texts").textContent);
const lost = document.getElementById("lost");
const PERIOD = 350; // ms between two looks
const clock = new Intl.DateTimeFormat(document.documentElement.lang, { timeStyle: "medium" });
let doors = new Map();
let tag = "";

const text = (key, facts = {}) => {
  const found = key.split(".").reduce((node, part) => (node ?? {})[part], texts);
  if (typeof found !== "string") return key.split(".").pop();
  return found.replace(/\{(\w+)\}/g, (whole, name) => (name in facts ? facts[name] : whole));
};
const at = (seconds) => clock.format(new Date(seconds * 1000));

function sight(entry) {
  if (entry.verdict) return text(`verdict.${entry.verdict}`) + (entry.road === "mqtt" ? ` (${text("door.road_mqtt")})` : "");
  if ("bolt" in entry) return text(`sight.bolt_${entry.bolt}`);
  return text(`sight.${["ready", "halted", "process"].find((name) => name in entry)}`);
}

function show(card, door) {
  const part = (name) => card.querySelector(`[data-show="${name}"]`);
  const put = (name, words) => { const node = part(name); if (node.textContent !== words) node.textContent = words; };
  Object.assign(card.dataset, {
    light: door.powered ? door.light : "off", pattern: door.pattern, bolt: door.bolt,
    ajar: door.levels.door, powered: door.powered ? 1 : 0, verdict: door.verdict,
  });
  put("verdict", door.verdict ? text(`verdict.${door.verdict}`) : text("door.none_yet"));
  part("verdict").parentElement.className = `verdict ${{ "": "", open: "good", reset: "good" }[door.verdict] ?? "bad"}`;
  put("when", door.verdict ? `${at(door.verdict_at)} · ${text(`door.road_${door.road || "qr"}`)} · ${door.verdict}` : "");
  const lit = [door.light, ...(door.light === "off" ? [] : [door.pattern])].map((name) => text(`light.${name}`));
  put("light", door.powered ? lit.join(" · ") : "–");
  put("bolt", text(door.bolt ? "door.bolt_open" : "door.bolt_shut"));
  put("opens", String(door.opens));
  put("power", text("door.no_power"));
  part("power").hidden = door.powered;
  part("power").className = "badge bad";
  put("network", text(!door.plugged ? "door.no_network" : door.link === "up" ? "door.online" : "door.dialling"));
  part("network").className = !door.plugged ? "badge bad" : door.link === "up" ? "badge good" : "badge";
  part("network").hidden = !door.powered && door.plugged;
  const list = part("sights");
  const key = JSON.stringify(door.sights);
  if (list.dataset.key !== key) {
    list.dataset.key = key;
    list.replaceChildren(...door.sights.map((entry) => {
      const line = document.createElement("li");
      const time = document.createElement("time");
      time.textContent = at(entry.t);
      line.append(time, sight(entry));
      return line;
    }));
  }
  for (const button of card.querySelectorAll("button")) {
    const { gesture, sense, switch: turn } = button.dataset;
    if (sense) {
      const on = Boolean(door.levels[sense]);
      button.textContent = text(`hand.${sense}_${sense === "door" ? (on ? "shut" : "open") : (on ? "off" : "on")}`);
      button.classList.toggle("on", on);
    }
    if (turn === "power") button.textContent = text(door.powered ? "hand.power_cut" : "hand.power_on");
    if (turn === "network") button.textContent = text(door.plugged ? "hand.network_cut" : "hand.network_plug");
    button.disabled = Boolean(card.dataset.busy) || (!door.powered && (gesture || sense || button.type === "submit"));
  }
}

function showAll(found) {
  doors = new Map(found.map((door) => [door.id, door]));
  for (const card of document.querySelectorAll("[data-door]")) {
    const door = doors.get(card.dataset.door);
    if (door) show(card, door);
  }
}

async function look() {
  try {
    const answer = await fetch("/doors", { headers: tag ? { "If-None-Match": tag } : {}, cache: "no-store" });
    if (answer.ok) {
      tag = answer.headers.get("ETag") ?? "";
      showAll((await answer.json()).doors);
    }
    lost.hidden = true;
  } catch {
    lost.hidden = false;
  }
}

async function keepLooking() {
  await look();
  setTimeout(keepLooking, document.hidden ? 4 * PERIOD : PERIOD);
}

function note(card, words, bad = false) {
  const place = card.querySelector('[data-show="note"]');
  place.textContent = words;
  place.classList.toggle("bad", bad);
}

async function hand(card, verb, body, told = () => "") {
  const options = { method: "POST", headers: { "X-Lockmate-Hand": "1" } };
  if (body instanceof FormData) options.body = body;
  else {
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  card.dataset.busy = "1";
  if (verb === "power" && body.on) note(card, text("door.starting"));
  show(card, doors.get(card.dataset.door));
  try {
    const answer = await fetch(`/doors/${card.dataset.door}/${verb}`, options);
    const facts = await answer.json();
    if (answer.ok) note(card, told(facts));
    else note(card, text(`error.${facts.error}`), true);
  } catch {
    lost.hidden = false;
  }
  delete card.dataset.busy;
  await look();
  show(card, doors.get(card.dataset.door));
}

const sent = (facts) => text("scan.sent", facts);
function image(card, file) {
  const body = new FormData();
  body.append("image", file);
  return hand(card, "image", body, sent);
}

for (const card of document.querySelectorAll("[data-door]")) {
  const now = () => doors.get(card.dataset.door);
  card.querySelector("[data-scan]").addEventListener("submit", (event) => {
    event.preventDefault();
    hand(card, "scan", { text: event.target.elements.text.value }, sent);
  });
  takesPictures(card, (file) => image(card, file));
  card.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    const { gesture, sense, switch: turn } = button.dataset;
    if (gesture) hand(card, "gesture", { name: gesture }, () => text(`told.${gesture}`));
    if (sense) hand(card, "sense", { name: sense, on: !now().levels[sense] }, () => text("told.sense"));
    if (turn === "power") hand(card, "power", { on: !now().powered });
    if (turn === "network") hand(card, "network", { on: !now().plugged }, () => text(`told.network_${now().plugged ? "cut" : "plug"}`));
  });
}

// Pictures reach a place by being dropped on it, pasted into it, or chosen.
function takesPictures(place, take) {
  place.querySelector('input[type="file"]').addEventListener("change", (event) => {
    if (event.target.files.length) take(event.target.files[0]);
    event.target.value = "";
  });
  place.addEventListener("dragover", (event) => { event.preventDefault(); place.classList.add("target"); });
  place.addEventListener("dragleave", () => place.classList.remove("target"));
  place.addEventListener("drop", (event) => {
    event.preventDefault();
    place.classList.remove("target");
    if (event.dataTransfer.files.length) take(event.dataTransfer.files[0]);
  });
  place.addEventListener("paste", (event) => {
    const file = [...event.clipboardData.files].find((each) => each.type.startsWith("image/"));
    if (!file) return;
    event.preventDefault();
    take(file);
  });
}

const phone = document.getElementById("phone");
if (phone) {
  const link = phone.querySelector(".open");
  takesPictures(phone, async (file) => {
    const body = new FormData();
    body.append("image", file);
    const said = phone.querySelector(".note");
    try {
      const answer = await fetch("/phone/image", { method: "POST", headers: { "X-Lockmate-Hand": "1" }, body });
      const facts = await answer.json();
      link.hidden = !answer.ok;
      if (answer.ok) link.href = facts.address;
      said.textContent = answer.ok ? text("phone.read") : text(`error.${facts.error}`);
      said.classList.toggle("bad", !answer.ok);
      if (answer.ok) link.focus();
    } catch {
      lost.hidden = false;
    }
  });
  link.addEventListener("click", (event) => {
    if (window.open(link.href, "lockmate-phone", "width=400,height=820")) event.preventDefault();
  });
}

showAll(JSON.parse(document.getElementById("first").textContent));
keepLooking();
