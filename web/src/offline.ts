// The service worker of the register page: keeps its files, never anybody's data, and sends the queue when signal returns.
/// <reference lib="webworker" />
import { sendQueue } from "./send";

declare const self: ServiceWorkerGlobalScope & { readonly hedgerowFiles: { version: string; addresses: string[] } };

const PREFIX = "hedgerow-register-";
const PAGE = "/register";
const SHELL = "/register/shell"; // the page without anything of who asks for it
const PATIENCE_MS = 4000; // with one bar of signal the kept page is better than a blank one

const { version, addresses } = self.hedgerowFiles; // written above this script by the server
const CACHE = PREFIX + version;

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll([SHELL, ...addresses])));
});

self.addEventListener("activate", (event) => {
  event.waitUntil(dropOldCaches());
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== "GET" || origin !== self.location.origin) return;
  if (request.mode === "navigate" && pathname === PAGE) event.respondWith(pageOrShell(request));
  else if (addresses.includes(pathname)) event.respondWith(keptOrFetched(request));
});

self.addEventListener("sync", (event) => {
  const { tag, waitUntil } = event as unknown as { tag: string; waitUntil(done: Promise<void>): void };
  if (tag === "hedgerow-queue") waitUntil.call(event, sendInBackground());
});

async function dropOldCaches(): Promise<void> {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name.startsWith(PREFIX) && name !== CACHE).map((name) => caches.delete(name)));
}

async function pageOrShell(request: Request): Promise<Response> {
  const shell = async (): Promise<Response> => (await caches.match(SHELL, { cacheName: CACHE })) ?? Response.error();
  const late = new Promise<Response>((resolve) => self.setTimeout(() => void shell().then(resolve), PATIENCE_MS));
  const fetched = fetch(request).then((response) => (response.status >= 500 ? shell() : response), shell);
  return Promise.race([fetched, late]);
}

async function keptOrFetched(request: Request): Promise<Response> {
  return (await caches.match(request, { cacheName: CACHE })) ?? fetch(request);
}

async function sendInBackground(): Promise<void> {
  // The browser tries again, with pauses of its own, when this fails.
  if ((await sendQueue()) === "away") throw new Error("no signal yet");
}
