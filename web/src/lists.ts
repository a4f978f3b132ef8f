// The lists that the form is filled from: asked for while there is signal, kept for when there is none.
import type { Session } from "./send";
import { saveLists, type Lists, type ProfileChoice, type SiteChoice } from "./store";

interface Features {
  readonly features: readonly {
    readonly geometry: { readonly coordinates: readonly [number, number] } | null;
    readonly properties: { readonly code: string; readonly name: string };
  }[];
}

/** Ask the server for the lists and keep them; rejects without signal. */
export async function fetchLists(session: Session): Promise<Lists> {
  const [profiles, sites] = await Promise.all([fetchProfiles(), fetchSites()]);
  const { person, tiles, attribution } = session;
  const lists = { person, tiles, attribution, profiles, sites };
  await saveLists(lists);
  return lists;
}

async function fetchProfiles(): Promise<ProfileChoice[]> {
  const found: ProfileChoice[] = [];
  for (let after: string | null = ""; after !== null; ) {
    const from: string = after === "" ? "" : `&after=${encodeURIComponent(after)}`;
    const page: { items: ProfileChoice[]; next: string | null } = await fetchJson(`/api/v1/profiles?limit=1000${from}`);
    found.push(...page.items.map(({ key, name }) => ({ key, name })));
    after = page.next;
  }
  return found;
}

async function fetchSites(): Promise<SiteChoice[]> {
  const { features } = await fetchJson<Features>("/api/v1/sites.geojson");
  return features.map(({ geometry, properties: { code, name } }) => {
    const [longitude, latitude] = geometry?.coordinates ?? [null, null];
    return { code, name, latitude, longitude };
  });
}

async function fetchJson<T>(address: string): Promise<T> {
  const response = await fetch(address, { headers: { Accept: "application/json" } });
  if (!response.ok) throw new Error(`the server answered with error ${response.status}`);
  return (await response.json()) as T;
}
