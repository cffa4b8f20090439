// Packs the card page and its modules for the service worker, so that the card opens without the network.

const BAG = "lockmate-card";
const MADE_OF = 'link[rel="stylesheet"], link[rel="modulepreload"], link[rel="icon"], script[src]';

/** Whether this browser can; in-app browsers often can't. */
export const able = "serviceWorker" in navigator && "caches" in window;

/** Answers true once a reload works without the network. */
export async function pack(worker, page) {
  if (!able) {
    return false;
  }
  const parts = [...document.querySelectorAll(MADE_OF)].map((part) => part.href || part.src);
  const fetched = await Promise.all([
    fetch(page, { cache: "no-store", credentials: "same-origin" }),
    ...parts.map((part) => fetch(part)),
  ]);
  if (fetched.some((answer) => !answer.ok || answer.redirected)) {
    return false;
  }
  const bag = await caches.open(BAG);
  await Promise.all([page, ...parts].map((address, index) => bag.put(address, fetched[index])));
  await navigator.serviceWorker.register(worker, { scope: "/g/" });
  const { active } = await navigator.serviceWorker.ready;
  if (!navigator.serviceWorker.controller) {
    active.postMessage("claim"); // it became active while this page was being loaded, and passed it over
  }
  return true;
}

/** The page names hotel, room and dates: it goes with the last card. */
export async function unpack() {
  if (able) {
    await caches.delete(BAG);
  }
}
