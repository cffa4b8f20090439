// Served as /g/sw.js: brings the guest's card page and its modules without the network.
// It has no list of its own: the page packs what it is made of (pack.js). Tokens never pass through here.

const BAG = "lockmate-card";
const CARD = "/g/card";
const PATIENCE = 4000; // ms; then what is in the bag serves better than a white screen

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("message", (event) => {
  if (event.data === "claim") {
    event.waitUntil(self.clients.claim());
  }
});

async function packed(address) {
  const bag = await caches.open(BAG);
  return bag.match(address, { ignoreSearch: true, ignoreVary: true });
}

/** The network's answer, or what is packed if there is none in time; a packed thing that is missing is waited for. */
async function networkFirst(request, instead) {
  const network = fetch(request);
  network.catch(() => {}); // it may fail after nobody waits for it any more
  let timer = 0;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error("late")), PATIENCE);
  });
  try {
    const answer = await Promise.race([network, late]);
    if (answer.status < 500) {
      return answer;
    }
    return (await instead()) ?? answer;
  } catch {
    return (await instead()) ?? network;
  } finally {
    clearTimeout(timer);
  }
}

/** A door's sticker, scanned without the network: the card it is, if there is one. */
async function toCard() {
  return (await packed(CARD)) ? Response.redirect(CARD) : undefined;
}

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== "GET" || origin !== self.location.origin) {
    return;
  }
  if (request.mode === "navigate") {
    if (pathname === CARD) {
      event.respondWith(networkFirst(request, () => packed(CARD)));
    } else if (pathname.startsWith("/g/d/")) {
      event.respondWith(networkFirst(request, toCard));
    }
  } else if (pathname.startsWith("/static/")) {
    event.respondWith(networkFirst(request, () => packed(pathname)));
  }
});
