// The page at a door: hold to open, then what the door itself answered.
import { ask } from "./ask.js";
import { Hold } from "./hold.js";

const box = document.querySelector("[data-open]");
const button = box.querySelector("button");
const told = box.querySelector("[data-told]");
const EVERY = 400; // ms between two looks at the door's answer
const PATIENCE = 40_000; // ms; the server gives up earlier and says so

function tell(state, what, does) {
  box.dataset.state = state;
  told.hidden = false;
  told.className = `note ${{ opened: "good", waiting: "", short: "" }[state] ?? "warn"}`;
  told.querySelector("[data-what]").textContent = what;
  told.querySelector("[data-do]").textContent = does;
  document.querySelector("[data-sheaf]").classList.toggle("instead", !["opened", "waiting", "short"].includes(state));
}

function say(name) {
  const words = box.querySelector(`[data-say="${name}"]`).dataset;
  tell(name, words.what, words.do ?? "");
}

const pause = () => new Promise((go) => window.setTimeout(go, EVERY));

async function answerOf(url) {
  const until = performance.now() + PATIENCE;
  while (performance.now() < until) {
    const answer = await (await ask(url, { Accept: "application/json" })).json();
    if (answer.state !== "waiting") {
      return answer;
    }
    await pause();
  }
  throw new Error("no answer");
}

async function open() {
  button.setAttribute("aria-disabled", "true"); // a disabled one would lose the focus
  say("waiting");
  try {
    const headers = { Accept: "application/json", "X-CSRFToken": box.dataset.token };
    const asked = await ask(box.dataset.open, headers, { method: "POST" });
    let answer = await asked.json();
    if (asked.ok && answer.state === "waiting") {
      answer = await answerOf(answer.ask);
    }
    tell(answer.state ?? "refused", answer.what, answer.do);
  } catch {
    say("lost");
  } finally {
    button.removeAttribute("aria-disabled");
  }
}

new Hold(button, { held: open, short: () => say("short") });
