// Copies a text that is shown: <textarea readonly> and after it <button data-copy data-done="Copied" hidden>.

export function startCopies(root) {
  for (const button of root.querySelectorAll("[data-copy]")) {
    const text = button.parentElement.querySelector("textarea");
    button.hidden = false;
    button.addEventListener("click", async () => {
      text.select();
      try {
        await navigator.clipboard.writeText(text.value);
      } catch {
        document.execCommand("copy"); // without https there is no clipboard; the text is selected in any case
      }
      button.textContent = button.dataset.done;
    });
  }
}
