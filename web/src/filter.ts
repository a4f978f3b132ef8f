// Search and filters that act while one types; without this script the form's button does the same.
import { refresh } from "./live";

const TYPING_PAUSE_MS = 200;

export function startFilter(form: HTMLFormElement): void {
  let timer = 0;
  const apply = (): void => {
    window.clearTimeout(timer);
    history.replaceState(null, "", addressOf(form));
    void refresh();
  };
  form.addEventListener("input", (event) => {
    window.clearTimeout(timer);
    const isTyping = event.target instanceof HTMLInputElement;
    timer = window.setTimeout(apply, isTyping ? TYPING_PAUSE_MS : 0);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    apply();
  });
}

function addressOf(form: HTMLFormElement): string {
  const chosen = [...new FormData(form)].filter((pair): pair is [string, string] => pair[1] !== "");
  const query = new URLSearchParams(chosen).toString();
  return query === "" ? location.pathname : `${location.pathname}?${query}`;
}
