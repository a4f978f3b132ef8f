// Bring an element to the state of a fresh copy, touching only what differs: focus, scroll and open details stay.

/** Attributes that belong to the person using the page, not to the server. */
const PERSONAL = new Set(["open", "aria-expanded"]);

export function morph(current: Element, fresh: Element): void {
  if (current.hasAttribute("data-keep")) {
    copyAttributes(current, fresh);
    return;
  }
  copyAttributes(current, fresh);
  const keyed = new Map<string, Element>();
  for (const child of current.children) {
    const key = child.getAttribute("data-key");
    if (key !== null) keyed.set(key, child);
  }
  let place: ChildNode | null = current.firstChild;
  for (const wanted of [...fresh.childNodes]) {
    const match = matching(wanted, place, keyed);
    if (match === null) {
      current.insertBefore(document.importNode(wanted, true), place);
      continue;
    }
    if (match !== place) current.insertBefore(match, place);
    place = match.nextSibling;
    update(match, wanted);
  }
  while (place !== null) {
    const next: ChildNode | null = place.nextSibling;
    place.remove();
    place = next;
  }
}

function matching(wanted: Node, place: ChildNode | null, keyed: Map<string, Element>): ChildNode | null {
  const key = wanted instanceof Element ? wanted.getAttribute("data-key") : null;
  if (key !== null) return keyed.get(key) ?? null;
  if (place === null || place.nodeName !== wanted.nodeName) return null;
  return place instanceof Element && place.hasAttribute("data-key") ? null : place;
}

function update(current: Node, wanted: Node): void {
  if (current instanceof Element && wanted instanceof Element) morph(current, wanted);
  else if (current.nodeValue !== wanted.nodeValue) current.nodeValue = wanted.nodeValue;
}

function copyAttributes(current: Element, fresh: Element): void {
  for (const { name } of [...current.attributes]) {
    if (!fresh.hasAttribute(name) && !PERSONAL.has(name)) current.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (current.getAttribute(name) !== value && !PERSONAL.has(name)) current.setAttribute(name, value);
  }
}
