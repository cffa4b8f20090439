// Draws the tokens that a page shows: <canvas data-token="HK1:…">. The drawing part is fetched when it is needed.

export async function showCodes(root) {
  const canvases = [...root.querySelectorAll("canvas[data-token]")];
  if (canvases.length) {
    const { draw, TOKEN } = await import("./qr.js");
    for (const canvas of canvases) {
      draw(canvas, canvas.dataset.token, TOKEN, canvas.parentElement.clientWidth);
      canvas.hidden = false;
    }
  }
}
