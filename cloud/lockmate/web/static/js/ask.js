// A question to our server that does not wait for ever on a poor network.

const PATIENCE = 15_000; // ms

export function ask(url, headers = {}, more = {}) {
  const stop = new AbortController();
  const timer = window.setTimeout(() => stop.abort(), PATIENCE);
  const form = { headers, cache: "no-store", credentials: "same-origin", signal: stop.signal, ...more };
  return fetch(url, form).finally(() => window.clearTimeout(timer));
}
