// What was seen is read: the mark stays on this page, and is gone on the next.
import { ask } from "./ask.js";

const form = document.querySelector("[data-read]");
if (form) {
  form.hidden = true;
  ask(form.action, {}, { method: "POST", body: new FormData(form), redirect: "manual" }).catch(() => {
    form.hidden = false;
  });
}
