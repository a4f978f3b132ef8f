// The try-it box: what a payload becomes is shown in place; without scripts the page comes back with it.

/** Send the form by itself when its try button is pressed, and take over what came of it; everything else goes the usual way. */
export function startTrial(form: HTMLFormElement): void {
  const button = form.querySelector<HTMLButtonElement>("button[name=do][value=try]");
  if (button === null) return;
  form.addEventListener("submit", (event) => {
    if ((event as SubmitEvent).submitter !== button) return;
    event.preventDefault();
    void attempt(form, button);
  });
  form.querySelector("#port")?.addEventListener("keydown", (event) => {
    if ((event as KeyboardEvent).key !== "Enter") return;
    event.preventDefault(); // else it would press the first button of the form, which saves
    form.requestSubmit(button);
  });
  document.addEventListener("click", (event) => {
    const link = event.target instanceof Element ? event.target.closest<HTMLAnchorElement>("a[data-line]") : null;
    if (link !== null) selectLine(document.querySelector(link.hash), Number(link.dataset["line"]));
  });
}

async function attempt(form: HTMLFormElement, button: HTMLButtonElement): Promise<void> {
  const fields = new URLSearchParams();
  for (const [name, value] of new FormData(form, button)) if (typeof value === "string") fields.append(name, value);
  try {
    const response = await fetch(form.action, { method: "POST", body: fields, headers: { Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    if (page.getElementById("trial-result") === null) throw new Error(`no result: ${response.status}`);
    if (response.ok) take(page);
    else withButton(form, button).submit(); // mistakes stand beside their fields: the whole page says them
  } catch {
    const place = document.getElementById("trial-result");
    if (place !== null) place.textContent = "This could not be tried: the server did not answer as it should. Try again.";
  }
}

function take(page: Document): void {
  for (const id of ["trial-errors", "trial-result"]) {
    const fresh = page.getElementById(id);
    const place = document.getElementById(id);
    if (fresh !== null && place !== null) place.replaceChildren(...[...fresh.childNodes].map((node) => document.importNode(node, true)));
  }
  for (const message of document.querySelectorAll(".govuk-error-message")) message.remove();
  for (const group of document.querySelectorAll(".govuk-form-group--error")) group.classList.remove("govuk-form-group--error");
  for (const field of document.querySelectorAll(".govuk-input--error, .govuk-textarea--error")) {
    field.classList.remove("govuk-input--error", "govuk-textarea--error");
  }
  document.getElementById("trial-result")?.focus();
}

/** Say with the form which button was pressed, for `submit()` does not. */
function withButton(form: HTMLFormElement, button: HTMLButtonElement): HTMLFormElement {
  const pressed = document.createElement("input");
  pressed.type = "hidden";
  pressed.name = button.name;
  pressed.value = button.value;
  form.append(pressed);
  return form;
}

function selectLine(field: Element | null, line: number): void {
  if (!(field instanceof HTMLTextAreaElement)) return;
  const lines = field.value.split("\n");
  const start = lines.slice(0, line - 1).reduce((sum, text) => sum + text.length + 1, 0);
  field.focus();
  field.setSelectionRange(start, start + (lines[line - 1]?.length ?? 0));
  field.scrollTop = (field.scrollHeight * (line - 3)) / lines.length;
}
