// Draws a QR code on a canvas with whole pixels for every module and a quiet zone of four.
import qrcode from "../vendor/qrcode.mjs";

const QUIET = 4;

/**
 * The modules of `text`.
 * @param {string} text
 * @param {{version: number, level: "L"|"M", mode: "Alphanumeric"|"Byte"}} form version 0 takes the smallest that fits
 */
function modules(text, form) {
  const code = qrcode(form.version, form.level);
  code.addData(text, form.mode); // said outright: left to itself the library takes byte mode, which needs version 7
  code.make();
  return code;
}

/**
 * Draws black on white, whatever the page's colours, as large as `width` (CSS pixels) allows.
 * A module is a whole number of the screen's own pixels, or scanners see its edges smeared.
 */
export function draw(canvas, text, form, width) {
  const code = modules(text, form);
  const side = code.getModuleCount() + 2 * QUIET;
  const ratio = window.devicePixelRatio || 1;
  const pixel = Math.max(1, Math.floor((width * ratio) / side));
  canvas.width = canvas.height = pixel * side;
  canvas.style.width = canvas.style.height = `${canvas.width / ratio}px`;
  const pen = canvas.getContext("2d", { alpha: false });
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.fillStyle = "#000";
  for (let row = 0; row < code.getModuleCount(); row += 1) {
    for (let column = 0; column < code.getModuleCount(); column += 1) {
      if (code.isDark(row, column)) {
        pen.fillRect((column + QUIET) * pixel, (row + QUIET) * pixel, pixel, pixel);
      }
    }
  }
}

/** A token's text: 151 characters, version 5-L in alphanumeric mode (docs/protocol.md section 3). */
export const TOKEN = { version: 5, level: "L", mode: "Alphanumeric" };
/** An address. */
export const ADDRESS = { version: 0, level: "M", mode: "Byte" };
