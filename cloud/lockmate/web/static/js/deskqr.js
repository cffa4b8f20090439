// The desk's QR for guests to scan: a fresh one every few minutes.
import { ask } from "./ask.js";
import { ADDRESS, draw } from "./qr.js";

const box = document.querySelector("[data-desk-qr]");
const canvas = box.querySelector("canvas");
const lost = box.querySelector("[data-lost]");
let url = "";

function show() {
  draw(canvas, url, ADDRESS, canvas.parentElement.clientWidth);
  canvas.hidden = false;
}

async function renew() {
  let pause = 15;
  try {
    const answer = await ask(box.dataset.deskQr, { Accept: "application/json" });
    const fresh = await answer.json();
    pause = Math.max(15, fresh.renew_in);
    lost.hidden = true;
    url = fresh.url;
    show();
  } catch {
    lost.hidden = false;
  }
  window.setTimeout(renew, pause * 1000);
}

window.addEventListener("resize", () => url && show());
box.querySelector("[data-renew]").addEventListener("click", () => window.location.reload());
renew();
