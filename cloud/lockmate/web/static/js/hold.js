// A button that acts after it was held for a second; let go, leave it or turn away, and nothing happens.

const HOLD = 1000; // ms

export class Hold {
  /** @param {HTMLButtonElement} button  @param {{held: () => void, short: () => void}} hears */
  constructor(button, hears) {
    this.button = button;
    this.hears = hears;
    this.timer = 0;
    button.addEventListener("pointerdown", (event) => event.isPrimary && event.button === 0 && this.begin());
    for (const name of ["pointerup", "pointercancel", "pointerleave", "blur"]) {
      button.addEventListener(name, () => this.cancel());
    }
    button.addEventListener("keydown", (event) => {
      if (event.key === " " || event.key === "Enter") {
        event.preventDefault(); // no click, no scrolling
        if (!event.repeat) {
          this.begin();
        }
      } else if (event.key === "Escape") {
        this.cancel();
      }
    });
    button.addEventListener("keyup", (event) => (event.key === " " || event.key === "Enter") && this.cancel());
    button.addEventListener("contextmenu", (event) => event.preventDefault()); // what a long press means elsewhere
    document.addEventListener("visibilitychange", () => this.cancel());
  }

  begin() {
    if (this.timer || this.button.ariaDisabled === "true") {
      return;
    }
    this.button.classList.add("held");
    this.timer = window.setTimeout(() => {
      this.#rest();
      this.hears.held();
    }, HOLD);
  }

  cancel() {
    if (this.timer) {
      window.clearTimeout(this.timer);
      this.#rest();
      this.hears.short();
    }
  }

  #rest() {
    this.timer = 0;
    this.button.classList.remove("held");
  }
}
