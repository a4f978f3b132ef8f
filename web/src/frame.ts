// What every page needs: the styles, the GOV.UK components in use, and forgetting what belonged to who signed out.
import { createAll, Button, ErrorSummary, PasswordInput, SkipLink } from "govuk-frontend";
import "../styles/console.scss";

export function startFrame(): void {
  document.body.classList.add("js-enabled", "govuk-frontend-supported");
  for (const component of [Button, ErrorSummary, PasswordInput, SkipLink]) createAll(component);
  if (document.querySelector('form[action="/login"]') !== null) {
    void import("./store").then(({ forgetLists }) => forgetLists());
  }
}
