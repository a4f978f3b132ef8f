// A registration as it is typed: what the API gets of it, and what is wrong with it before anybody is asked.
import type { Slip } from "./store";

/** The fields of the form, as text. */
export interface Registration {
  readonly uid: string;
  readonly name: string;
  readonly profile: string;
  readonly place: string; // "new" or "existing"
  readonly site: string;
  readonly domain: string;
  readonly latitude: string;
  readonly longitude: string;
  readonly position_accuracy_m: string;
  readonly serial: string;
  readonly note: string;
}

export const FIELDS = [
  "uid",
  "name",
  "profile",
  "place",
  "site",
  "domain",
  "latitude",
  "longitude",
  "position_accuracy_m",
  "serial",
  "note",
] as const satisfies readonly (keyof Registration)[];

/** Give the body of POST /api/v1/devices. */
export function bodyOf(asked: Registration, requestId: string): Record<string, unknown> {
  const isNew = asked.place !== "existing";
  return {
    uid: asked.uid,
    name: asked.name,
    profile: asked.profile === "" ? "generic" : asked.profile,
    site: isNew ? null : asked.site,
    domain: isNew && asked.domain !== "" ? asked.domain : null,
    latitude: isNew ? Number(asked.latitude) : null,
    longitude: isNew ? Number(asked.longitude) : null,
    position_accuracy_m: isNew && asked.position_accuracy_m !== "" ? Number(asked.position_accuracy_m) : null,
    serial: asked.serial,
    note: asked.note,
    request_id: requestId,
  };
}

/** Find what the server would refuse for sure; the rest it says itself. */
export function slipsIn(asked: Registration): Slip[] {
  const slips: Slip[] = [];
  const need = (field: keyof Registration, text: string): void => {
    if (asked[field].trim() === "") slips.push({ field, text });
  };
  need("uid", "Scan or enter the device’s EUI or uid");
  if (/[^\x21-\x7e ]/.test(asked.uid.trim())) slips.push({ field: "uid", text: "A uid has only letters, digits and . _ : -" });
  need("name", "Enter a name for the device");
  if (asked.place === "existing") need("site", "Enter the site’s code, or choose a new site");
  else slips.push(...positionSlips(asked));
  return slips;
}

function positionSlips(asked: Registration): Slip[] {
  return [
    ...degreesSlip("latitude", asked.latitude, 90),
    ...degreesSlip("longitude", asked.longitude, 180),
  ];
}

function degreesSlip(field: "latitude" | "longitude", text: string, most: number): Slip[] {
  const value = Number(text);
  if (text.trim() === "") return [{ field, text: `Enter the ${field}, or use this telephone’s position` }];
  if (Number.isFinite(value) && Math.abs(value) <= most) return [];
  const shown = field.charAt(0).toUpperCase() + field.slice(1);
  return [{ field, text: `${shown} must be a number from −${most} to ${most}` }];
}

interface Problem {
  readonly detail?: string;
  readonly errors?: readonly { readonly where: string; readonly what: string }[];
}

/** Read from the API's answer what is to be mended, field by field. */
export function slipsOf(problem: Problem, status: number): Slip[] {
  const told = (problem.errors ?? []).map(({ where, what }) => ({ field: fieldOf(where), text: sentence(what) }));
  if (told.length > 0) return told;
  const text = problem.detail ?? `The server refused it with error ${status}.`;
  // The rest of it tells programs where to ask.
  return status === 409 ? [{ field: "uid", text: text.split(": see ")[0] ?? text }] : [{ field: "", text }];
}

function fieldOf(where: string): string {
  const name = where.replace(/^body\.?/, "");
  return (FIELDS as readonly string[]).includes(name) ? name : "";
}

const sentence = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
