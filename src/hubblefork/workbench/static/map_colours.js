// Colours of groups from those of the page, which are other ones where it is dark.
const BASE = ["blue", "orange", "green", "yellow", "pink", "sky", "lemon"];

// [r, g, b] of each group, then of an image without one, and of those that are not looked at.
// Those of ranges of numbers go from light to dark. Beyond twice the colours, groups are grey.
export function colours(groups, ranges) {
  const base = BASE.map(named);
  const [muted, faint] = ["muted", "line"].map(named);
  const steps = groups.filter((each) => each.value !== null).length - 1;
  const own = groups.map((each, k) => {
    if (each.value === null) return muted;
    if (ranges) return between([base[6], base[2], base[0]], steps ? k / steps : 1);
    if (k >= 2 * base.length) return muted;
    return k < base.length ? base[k] : mixed(base[k - base.length], [0, 0, 0], 0.45);
  });
  return [...own, base[0], faint];
}

function named(name) {
  const hex = getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  return [1, 3, 5].map((k) => parseInt(hex.slice(k, k + 2), 16));
}

function between(stops, fraction) {
  const place = fraction * (stops.length - 1);
  const k = Math.min(Math.floor(place), stops.length - 2);
  return mixed(stops[k], stops[k + 1], place - k);
}

const mixed = (one, other, part) => one.map((each, k) => Math.round(each + (other[k] - each) * part));
