// The list of what this telephone has registered: what waits, is being sent, was sent, or is to be mended.
import type { Queued, State } from "./store";

interface Look {
  readonly word: string;
  readonly style: string; // of the status, as elsewhere in the console
  readonly shape: string;
}

const LOOKS: Readonly<Record<State, Look>> = {
  waiting: { word: "Waiting", style: "late", shape: "M7 1 13.5 13H.5z" },
  sending: { word: "Sending", style: "no_data", shape: "M1 6h7V2l6 5-6 5V8H1z" },
  sent: { word: "Sent", style: "ok", shape: "M7 .5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 1 0 0-13z" },
  refused: { word: "Needs mending", style: "quiet", shape: "M1 1h12v12H1z" },
};

export interface Actions {
  readonly mend: (queued: Queued) => void;
  readonly remove: (queued: Queued) => void;
}

/** Lay the queue out; each has a line that stays in place while its state changes, so that focus does. */
export function showQueue(section: HTMLElement, all: readonly Queued[], person: string, actions: Actions): void {
  const mine = all.filter((queued) => queued.person === person);
  const others = all.filter((queued) => queued.person !== person && queued.state !== "sent");
  section.hidden = mine.length === 0 && others.length === 0;
  const list = section.querySelector("ul");
  const before = new Map([...(list?.children ?? [])].map((item) => [(item as HTMLElement).dataset["key"], item]));
  const items = [...mine].reverse().map((queued) => {
    const written = JSON.stringify(queued);
    const old = before.get(queued.requestId) as HTMLElement | undefined;
    return old?.dataset["written"] === written ? old : lineOf(queued, written, actions);
  });
  list?.replaceChildren(...items);
  write(section.querySelector("[data-others]"), othersText(others));
  writeCount(mine);
}

function lineOf(queued: Queued, written: string, actions: Actions): HTMLElement {
  const { registration, state, slips, requestId } = queued;
  const item = made("li", "hr-queue__item");
  item.dataset["key"] = requestId;
  item.dataset["written"] = written;
  const head = made("p", "hr-queue__head");
  head.append(statusOf(LOOKS[state]), made("strong", "", registration.name), made("code", "", registration.uid));
  item.append(head);
  for (const { text } of slips) item.append(made("p", "hr-queue__slip", text));
  const line = made("p", "hr-queue__actions");
  if (state === "sent") line.append(linkTo(registration.uid, registration.name));
  if (state === "refused" || state === "waiting") line.append(button("Mend", registration.name, () => actions.mend(queued)));
  if (state === "refused") line.append(button("Remove", registration.name, () => actions.remove(queued)));
  if (line.childElementCount > 0) item.append(line);
  return item;
}

function statusOf({ word, style, shape }: Look): HTMLElement {
  const status = made("span", `hr-status hr-status--${style}`);
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  for (const [name, value] of Object.entries({ width: "14", height: "14", viewBox: "0 0 14 14", "aria-hidden": "true" })) {
    svg.setAttribute(name, value);
  }
  const path = document.createElementNS(svg.namespaceURI, "path");
  path.setAttribute("d", shape);
  path.setAttribute("fill", "currentColor");
  svg.append(path);
  status.append(svg, word);
  return status;
}

function linkTo(uid: string, name: string): HTMLElement {
  const link = made("a", "govuk-link", "Did it arrive?");
  link.setAttribute("href", `/devices/${encodeURIComponent(uid)}`);
  link.append(made("span", "govuk-visually-hidden", ` ${name}`));
  return link;
}

function button(text: string, name: string, act: () => void): HTMLElement {
  const element = made("button", "hr-quiet-button", text);
  element.setAttribute("type", "button");
  element.append(made("span", "govuk-visually-hidden", ` ${name}`));
  element.addEventListener("click", act);
  return element;
}

function made(name: string, style: string, text = ""): HTMLElement {
  const element = document.createElement(name);
  if (style !== "") element.className = style;
  element.textContent = text;
  return element;
}

function othersText(others: readonly Queued[]): string {
  const names = [...new Set(others.map(({ person }) => person))].join(", ");
  if (others.length === 0) return "";
  const what = others.length === 1 ? "1 registration" : `${others.length} registrations`;
  return `${what} of ${names} wait on this telephone too, to be sent when ${names} signs in here.`;
}

function writeCount(mine: readonly Queued[]): void {
  const waiting = mine.filter(({ state }) => state === "waiting" || state === "sending").length;
  const refused = mine.filter(({ state }) => state === "refused").length;
  const parts = [waiting > 0 ? `${waiting} waiting to be sent` : "", refused > 0 ? `${refused} to mend` : ""];
  write(document.getElementById("queue-count"), parts.filter((part) => part !== "").join(", "));
}

function write(line: HTMLElement | null, text: string): void {
  if (line !== null && line.textContent !== text) line.textContent = text;
}
