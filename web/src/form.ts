// The form as the person fills it in: reading and filling it, and telling what is to be mended at the field and above.
import { FIELDS, type Registration } from "./registration";
import type { Lists, SiteChoice, Slip } from "./store";

/** What is usually the same for the next sensor out of the van. */
const STAYS = new Set<keyof Registration>(["profile", "place", "domain"]);
const NEAREST = 5;

export class RegisterForm {
  constructor(private readonly form: HTMLFormElement) {}

  read(): Registration {
    const data = new FormData(this.form);
    const pairs = FIELDS.map((field) => [field, String(data.get(field) ?? "").trim()]);
    return Object.fromEntries(pairs) as unknown as Registration;
  }

  fill(registration: Partial<Registration>): void {
    for (const field of FIELDS) {
      const text = registration[field];
      if (text !== undefined) this.put(field, text);
    }
    this.form.dispatchEvent(new CustomEvent("filled"));
  }

  private put(field: keyof Registration, text: string): void {
    const control = this.form.elements.namedItem(field);
    if (control === null) return;
    if (control instanceof HTMLSelectElement && ![...control.options].some(({ value }) => value === text)) {
      control.add(new Option(text, text)); // made when the list was another one: the server will judge
    }
    (control as HTMLInputElement | RadioNodeList).value = text;
  }

  clearForNext(): void {
    for (const field of FIELDS) if (!STAYS.has(field)) this.put(field, "");
    this.form.dispatchEvent(new CustomEvent("filled"));
    this.showSlips([]);
  }

  /** Fill the choice of profiles and the suggested sites; what was chosen stays chosen. */
  offer({ profiles, sites }: Lists): void {
    const select = this.form.elements.namedItem("profile");
    if (select instanceof HTMLSelectElement && profiles.length > 0) {
      const chosen = select.value;
      select.replaceChildren(...profiles.map(({ key, name }) => new Option(name, key)));
      select.value = profiles.some(({ key }) => key === chosen) ? chosen : "generic";
    }
    const list = document.getElementById("site-list");
    list?.replaceChildren(...sites.map(({ code, name }) => new Option(name, code)));
  }

  /** Offer the sites nearest to a position as buttons that fill in their code. */
  offerNearest(sites: readonly SiteChoice[], latitude: number, longitude: number): void {
    const holder = document.getElementById("nearest-sites");
    if (holder === null) return;
    const buttons = nearestOf(sites, latitude, longitude).map(({ site, metres }) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "hr-quiet-button";
      button.textContent = `${site.name} (${distanceText(metres)})`;
      button.addEventListener("click", () => this.fill({ site: site.code, place: "existing" }));
      const item = document.createElement("li");
      item.append(button);
      return item;
    });
    holder.replaceChildren(...buttons);
  }

  /** Tell what is to be mended: above the form with links, and at each field. */
  showSlips(slips: readonly Slip[]): void {
    this.form.querySelectorAll(".hr-slip").forEach((old) => old.remove());
    for (const group of this.form.querySelectorAll(".govuk-form-group--error")) group.classList.remove("govuk-form-group--error");
    for (const control of this.form.querySelectorAll(".govuk-input--error")) control.classList.remove("govuk-input--error");
    for (const field of FIELDS) this.describe(field, null);
    for (const slip of slips) if (slip.field !== "") this.describe(slip.field, slip.text);
    showSummary(slips);
  }

  private describe(field: string, text: string | null): void {
    const control = document.getElementById(field);
    const group = control?.closest(".govuk-form-group");
    if (!control || !group) return;
    const others = (control.getAttribute("aria-describedby") ?? "").split(" ").filter((id) => id !== "" && id !== `${field}-slip`);
    if (text !== null) {
      const line = document.createElement("p");
      line.id = `${field}-slip`;
      line.className = "govuk-error-message hr-slip";
      line.innerHTML = '<span class="govuk-visually-hidden">Error:</span> ';
      line.append(text);
      control.before(line);
      group.classList.add("govuk-form-group--error");
      if (control.classList.contains("govuk-input")) control.classList.add("govuk-input--error");
      others.push(line.id);
    }
    if (others.length > 0) control.setAttribute("aria-describedby", others.join(" "));
    else control.removeAttribute("aria-describedby");
  }
}

function showSummary(slips: readonly Slip[]): void {
  const summary = document.getElementById("slips");
  if (summary === null) return;
  summary.hidden = slips.length === 0;
  const items = slips.map(({ field, text }) => {
    const item = document.createElement("li");
    const link = document.createElement("a");
    link.href = `#${field === "" ? "uid" : field}`;
    link.textContent = text;
    link.addEventListener("click", (event) => {
      event.preventDefault();
      document.getElementById(field === "" ? "uid" : field)?.focus();
    });
    item.append(link);
    return item;
  });
  summary.querySelector("ul")?.replaceChildren(...items);
  if (slips.length > 0) summary.focus();
}

interface Near {
  readonly site: SiteChoice;
  readonly metres: number;
}

export function nearestOf(sites: readonly SiteChoice[], latitude: number, longitude: number): Near[] {
  return sites
    .filter((site) => site.latitude !== null && site.longitude !== null)
    .map((site) => ({ site, metres: metresBetween(latitude, longitude, site.latitude ?? 0, site.longitude ?? 0) }))
    .sort((a, b) => a.metres - b.metres)
    .slice(0, NEAREST);
}

/** Distance over a sphere [m], right to half a per cent (haversine formula). */
export function metresBetween(lat1: number, lon1: number, lat2: number, lon2: number): number {
  const radians = Math.PI / 180;
  const [half1, half2] = [((lat2 - lat1) * radians) / 2, ((lon2 - lon1) * radians) / 2];
  const a = Math.sin(half1) ** 2 + Math.cos(lat1 * radians) * Math.cos(lat2 * radians) * Math.sin(half2) ** 2;
  return 2 * 6_371_000 * Math.asin(Math.sqrt(a));
}

const distanceText = (metres: number): string =>
  metres < 995 ? `${Math.round(metres / 10) * 10} m` : `${(metres / 1000).toFixed(1)} km`;
