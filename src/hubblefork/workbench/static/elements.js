// Makes an element of the page; what names and files hold is only ever text.
export function element(name, attributes = {}, ...content) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value !== undefined) made.setAttribute(key, value);
  }
  made.append(...content);
  return made;
}

export const percent = (fraction) =>
  fraction === null || fraction === undefined ? "–" : `${(100 * fraction).toFixed(1)}\u00a0%`;
