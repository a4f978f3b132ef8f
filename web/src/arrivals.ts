// Did it arrive? The server says when something has come of the device shown; the page then looks at once.
import { isPaused, whenPausedOrResumed } from "./pace";
import { refresh } from "./live";

/** Listen at the address that the server wrote on the live region; without it the page still looks now and then. */
export function startArrivals(region: HTMLElement): void {
  let source: EventSource | null = null;
  const listen = (): void => {
    source = new EventSource(region.dataset["arrivals"] ?? "");
    source.addEventListener("arrival", () => void refresh());
    source.addEventListener("end", () => {
      source?.close();
      void refresh(); // which says that one is signed out
    });
  };
  const stop = (): void => {
    source?.close();
    source = null;
  };
  whenPausedOrResumed(() => (isPaused() ? stop() : listen()));
  window.addEventListener("pagehide", stop);
  listen();
}
