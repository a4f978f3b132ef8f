// The dialog in which a code is scanned: what the camera sees, and what is wrong where nothing is found.
import { scan } from "./scan";
import { readScan, type Scan } from "./scan_text";

/** Let the button open the dialog; `take` gets what a code said of a device. */
export function startScanner(button: HTMLButtonElement, dialog: HTMLDialogElement, take: (found: Scan) => void): void {
  const video = dialog.querySelector("video");
  const status = dialog.querySelector<HTMLElement>("[data-scan-status]");
  if (video === null || status === null) return;
  let stop = new AbortController();

  const say = (text: string): void => {
    if (status.textContent !== text) status.textContent = text;
  };
  const accept = (text: string): boolean => {
    const found = readScan(text);
    if ("problem" in found) {
      say(found.problem);
      return false;
    }
    dialog.close();
    take(found);
    return true;
  };

  button.hidden = navigator.mediaDevices === undefined;
  button.addEventListener("click", () => {
    stop = new AbortController();
    dialog.showModal();
    say("Hold the code on the device or its label in front of the camera.");
    scan(video, accept, stop.signal).catch((error: unknown) => say(reasonOf(error)));
  });
  dialog.addEventListener("close", () => stop.abort());
  dialog.querySelector("[data-scan-close]")?.addEventListener("click", () => dialog.close());
}

function reasonOf(error: unknown): string {
  const name = error instanceof Error ? error.name : "";
  if (name === "NotAllowedError") return "This page may not use the camera. Allow it in the browser’s settings, or type the EUI.";
  if (name === "NotFoundError" || name === "OverconstrainedError") return "There is no camera. Type the EUI instead.";
  return "The camera cannot be used now; another program may have it. Close that, or type the EUI.";
}
