// Sends what waits: one tab at a time, each registration under the name of who made it, until the server has answered.
import { bodyOf, slipsOf } from "./registration";
import { changeQueued, readQueue, removeQueued, type Queued } from "./store";

/** Who is signed in, as the server says. */
export interface Session {
  readonly person: string;
  readonly csrf: string;
  readonly tiles: string;
  readonly attribution: string;
}

/** How a round of sending ended; `signed-out`: somebody must sign in; `away`: no signal, or the server cannot now. */
export type Outcome = "done" | "signed-out" | "away";

const LOCK = "hedgerow-queue";
const ANSWER_WITHIN_MS = 30_000;
const SENT_KEPT_MS = 24 * 3_600_000;
const LATER = new Set([408, 425, 429]); // as with 500 and above, nothing is wrong with what was sent

/** Ask who is signed in; null: nobody. Rejects without signal. */
export async function readSession(): Promise<Session | null> {
  const response = await fetch("/register/session", { cache: "no-store", signal: AbortSignal.timeout(ANSWER_WITHIN_MS) });
  if (response.ok) return (await response.json()) as Session;
  if (response.status === 401 || response.status === 403) return null;
  throw new Error(`the server answered with error ${response.status}`);
}

/** Send all that waits and belongs to who is signed in; another tab that is at it already does the same. */
export async function sendQueue(): Promise<Outcome> {
  if (!("locks" in navigator)) return sendAll(); // the request ids keep two tabs from registering twice
  return navigator.locks.request(LOCK, sendAll);
}

async function sendAll(): Promise<Outcome> {
  try {
    await forgetOldSent();
    // Under the lock nobody else sends: what is marked so was left by a tab that was closed.
    const waiting = (await readQueue()).filter(({ state }) => state === "waiting" || state === "sending");
    if (waiting.length === 0) return "done";
    const session = await readSession();
    if (session === null) return "signed-out";
    for (const queued of waiting.filter(({ person }) => person === session.person)) {
      const outcome = await sendOne(queued, session);
      if (outcome !== "done") return outcome;
    }
    return "done";
  } catch {
    return "away"; // no signal, a sign-in page of somebody's wireless network, a server that is away: what was on its way waits again
  }
}

async function sendOne(queued: Queued, session: Session): Promise<Outcome> {
  const { requestId, registration } = queued;
  await changeQueued(requestId, { state: "sending" });
  try {
    const response = await fetch("/api/v1/devices", {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json", "X-CSRF-Token": session.csrf },
      body: JSON.stringify(bodyOf(registration, requestId)),
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
    });
    return await takeAnswer(queued, response);
  } catch (error) {
    await changeQueued(requestId, { state: "waiting" });
    throw error;
  }
}

async function takeAnswer({ requestId, registration }: Queued, response: Response): Promise<Outcome> {
  if (response.ok) {
    const { uid } = (await response.json()) as { uid: string };
    const sent = { ...registration, uid };
    await changeQueued(requestId, { state: "sent", registration: sent, slips: [], sentAt: new Date().toISOString() });
    return "done";
  }
  if (response.status === 401 || response.status >= 500 || LATER.has(response.status)) {
    await changeQueued(requestId, { state: "waiting" });
    return response.status === 401 ? "signed-out" : "away";
  }
  const problem = (await response.json().catch(() => ({}))) as object;
  await changeQueued(requestId, { state: "refused", slips: slipsOf(problem, response.status) });
  return "done";
}

async function forgetOldSent(): Promise<void> {
  const before = new Date(Date.now() - SENT_KEPT_MS).toISOString();
  for (const { requestId, state, sentAt } of await readQueue()) {
    if (state === "sent" && (sentAt ?? "") < before) await removeQueued(requestId);
  }
}
