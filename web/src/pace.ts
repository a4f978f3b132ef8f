// When things update: at their own interval, never twice at once, not while paused and not in a hidden tab.

export type Task = () => Promise<void>;

let paused = false;
const onChange: (() => void)[] = [];

export const isPaused = (): boolean => paused;

/** Do `task` every so many milliseconds, the first time after one interval. */
export function repeat(milliseconds: () => number, task: Task): void {
  const turn = async (): Promise<void> => {
    if (!paused && !document.hidden) await task();
    window.setTimeout(() => void turn(), milliseconds());
  };
  window.setTimeout(() => void turn(), milliseconds());
}

/** Show the pause button, which needs this script, and let it stop and start every update of the page. */
export function startPauseButton(button: HTMLButtonElement): void {
  button.hidden = false;
  button.addEventListener("click", () => {
    paused = !paused;
    button.textContent = paused ? "Resume updates" : "Pause updates";
    for (const tell of onChange) tell();
  });
}

export function whenPausedOrResumed(tell: () => void): void {
  onChange.push(tell);
}
