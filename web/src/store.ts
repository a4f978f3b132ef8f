// What this telephone keeps: registrations that wait (never thrown away unsent), and the lists the form is filled from.
import { openDB, type DBSchema, type IDBPDatabase } from "idb";
import type { Registration } from "./registration";

/** Where a registration stands: it waits, was sent, or was refused and is to be mended. */
export type State = "waiting" | "sending" | "sent" | "refused";

export interface Slip {
  readonly field: string; // of the form; empty: none of them in particular
  readonly text: string;
}

export interface Queued {
  readonly requestId: string; // sent along: what arrives twice is registered once
  readonly person: string;
  readonly savedAt: string;
  registration: Registration;
  state: State;
  slips: Slip[];
  sentAt?: string;
}

export interface ProfileChoice {
  readonly key: string;
  readonly name: string;
}

export interface SiteChoice {
  readonly code: string;
  readonly name: string;
  readonly latitude: number | null;
  readonly longitude: number | null;
}

/** Lists and settings, as they were when there was last signal. */
export interface Lists {
  readonly person: string;
  readonly profiles: ProfileChoice[];
  readonly sites: SiteChoice[];
  readonly tiles: string;
  readonly attribution: string;
}

interface Schema extends DBSchema {
  queue: { key: string; value: Queued };
  lists: { key: "lists"; value: Lists };
}

export const CHANGED = "hedgerow-queue"; // said to every tab and to the service worker when the queue has changed

const channel = typeof BroadcastChannel === "undefined" ? null : new BroadcastChannel(CHANGED);
const hearers: (() => void)[] = [];
channel?.addEventListener("message", () => hearers.forEach((hear) => hear()));

let opened: Promise<IDBPDatabase<Schema>> | null = null;

function database(): Promise<IDBPDatabase<Schema>> {
  opened ??= openDB<Schema>("hedgerow", 1, {
    upgrade(made) {
      made.createObjectStore("queue", { keyPath: "requestId" });
      made.createObjectStore("lists");
    },
  });
  return opened;
}

export async function readQueue(): Promise<Queued[]> {
  const all = await (await database()).getAll("queue");
  return all.sort((a, b) => a.savedAt.localeCompare(b.savedAt));
}

export async function saveQueued(queued: Queued): Promise<void> {
  const transaction = (await database()).transaction("queue", "readwrite", { durability: "strict" });
  await Promise.all([transaction.store.put(queued), transaction.done]);
  tell();
}

/** Change one that is still there; one that was removed meanwhile stays removed. */
export async function changeQueued(requestId: string, change: Partial<Queued>): Promise<void> {
  const transaction = (await database()).transaction("queue", "readwrite");
  const queued = await transaction.store.get(requestId);
  if (queued !== undefined) await transaction.store.put({ ...queued, ...change });
  await transaction.done;
  tell();
}

export async function removeQueued(requestId: string): Promise<void> {
  await (await database()).delete("queue", requestId);
  tell();
}

export async function readLists(): Promise<Lists | undefined> {
  return (await database()).get("lists", "lists");
}

export async function saveLists(lists: Lists): Promise<void> {
  await (await database()).put("lists", lists, "lists");
}

/** When somebody signed out: the registry's lists go, what waits to be sent stays, under the name of who made it. */
export async function forgetLists(): Promise<void> {
  await (await database()).clear("lists");
}

/** Be told when the queue has changed, here or in another tab. */
export function whenQueueChanges(hear: () => void): void {
  hearers.push(hear);
}

function tell(): void {
  channel?.postMessage("changed");
  hearers.forEach((hear) => hear());
}
