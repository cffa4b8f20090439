// The link that takes the cards along: a code for the other phone's camera, and a text to copy.
import { startCopies } from "./copy.js";
import { ADDRESS, draw } from "./qr.js";

const box = document.querySelector("[data-link]");
const canvas = box.querySelector("canvas");
const show = () => draw(canvas, box.dataset.link, ADDRESS, canvas.parentElement.clientWidth);

show();
window.addEventListener("resize", show);
startCopies(box);
