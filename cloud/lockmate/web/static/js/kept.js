// The tokens in the phone's own store, for a reload without the network. They open doors: what ended is not kept.

const NAME = "lockmate-card";
const TABLE = "sheaf";
const ROW = "last";

/** One question to the store; null where the browser has none or refuses it (some private windows). */
function ask(mode, question) {
  return new Promise((resolve) => {
    try {
      const opening = indexedDB.open(NAME, 1);
      opening.onupgradeneeded = () => opening.result.createObjectStore(TABLE);
      opening.onerror = opening.onblocked = () => resolve(null);
      opening.onsuccess = () => {
        const store = opening.result;
        const deal = store.transaction(TABLE, mode);
        const asked = question(deal.objectStore(TABLE));
        deal.oncomplete = () => {
          store.close();
          resolve(asked.result ?? null);
        };
        deal.onerror = deal.onabort = () => {
          store.close();
          resolve(null);
        };
      };
    } catch {
      resolve(null);
    }
  });
}

/** `cards`: the sheaf's facts; `server`: the server's time now, in seconds. Tokens that are over are left out. */
export function keep(cards, server) {
  const fresh = cards.map((facts) => ({ ...facts, slots: facts.slots.filter((slot) => slot[1] > server) }));
  return ask("readwrite", (table) => table.put({ server, wall: Date.now(), cards: fresh }, ROW));
}

/** {server, wall, cards} as it was kept, or null. */
export function recall() {
  return ask("readonly", (table) => table.get(ROW));
}

export function forget() {
  return ask("readwrite", (table) => table.clear());
}
