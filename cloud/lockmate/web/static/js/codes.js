// Draws the codes that a page shows: <canvas data-token="HK1:…"> and <canvas data-address="https://…">.
// The drawing part is fetched when it is needed.

export async function showCodes(root) {
  const canvases = [...root.querySelectorAll("canvas[data-token], canvas[data-address]")];
  if (canvases.length) {
    const { ADDRESS, draw, TOKEN } = await import("./qr.js");
    for (const canvas of canvases) {
      const { token, address } = canvas.dataset;
      draw(canvas, token ?? address, token ? TOKEN : ADDRESS, canvas.parentElement.clientWidth);
      canvas.hidden = false;
    }
  }
}
