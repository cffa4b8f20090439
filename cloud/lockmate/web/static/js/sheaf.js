// Which token of a sheaf is shown at a moment. Slots are [nbf, exp, text], in seconds, and overlap.

const middle = ([nbf, exp]) => (nbf + exp) / 2;

/** Index of the slot whose middle is nearest among those valid now, or -1: a door's clock may be off either way. */
export function choose(slots, now) {
  let best = -1;
  slots.forEach((slot, index) => {
    if (slot[0] <= now && now < slot[1]) {
      if (best < 0 || Math.abs(middle(slot) - now) < Math.abs(middle(slots[best]) - now)) {
        best = index;
      }
    }
  });
  return best;
}

/** When slot `index` gives way to the next one, or ends. */
export function changes(slots, index) {
  const next = slots[index + 1];
  if (!next || next[0] >= slots[index][1]) {
    return slots[index][1];
  }
  return Math.max(next[0], (middle(slots[index]) + middle(next)) / 2);
}

/** For how many seconds slot `index` is shown as a rule: the pause between two changes. */
export function turnOf(slots, index) {
  const ends = changes(slots, index);
  return index + 1 < slots.length ? changes(slots, index + 1) - ends : ends - slots[index][0];
}

/** Until when the sheaf lasts without the network. */
export function lasts(slots) {
  return slots.reduce((latest, slot) => Math.max(latest, slot[1]), 0);
}
