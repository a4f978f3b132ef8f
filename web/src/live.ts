// The live part of a page: fetched again from the page's own address and laid over what is there.
import { morph } from "./morph";
import { isPaused, repeat, whenPausedOrResumed } from "./pace";

export const REFRESHED = "hedgerow:refreshed";

let underWay: AbortController | null = null;

/** Keep `#live` fresh at the interval the server wrote on it. */
export function startLive(region: HTMLElement): void {
  repeat(() => Number(region.dataset["everyS"] ?? "5") * 1000, refresh);
  whenPausedOrResumed(() => {
    if (isPaused()) say("Updates are paused.");
    else void refresh();
  });
}

/** Fetch the page at the present address and take over its live part; a newer refresh replaces an older one. */
export async function refresh(): Promise<void> {
  underWay?.abort();
  const mine = new AbortController();
  underWay = mine;
  try {
    const response = await fetch(location.href, { signal: mine.signal, cache: "no-store", headers: { Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    take(response, page);
  } catch {
    if (!mine.signal.aborted) say("Not updating: the server cannot be reached. Trying again.");
  }
}

function take(response: Response, page: Document): void {
  const region = document.getElementById("live");
  const fresh = page.getElementById("live");
  if (region === null) return;
  if (response.redirected && new URL(response.url).pathname === "/login") {
    say("You have been signed out. Reload the page to sign in again.");
  } else if (!response.ok || fresh === null) {
    say(`Not updating: the server answered with error ${response.status}. Trying again.`);
  } else {
    morph(region, fresh);
    if (!isPaused()) say("");
    region.dispatchEvent(new CustomEvent(REFRESHED));
  }
}

/** Say why the page does not update; nothing is said while all is well. */
function say(text: string): void {
  const line = document.getElementById("live-trouble");
  if (line !== null && line.textContent !== text) line.textContent = text;
}
