// The register page: it works without signal; what is registered waits on the telephone until the server has taken it.
import { startFrame } from "./frame";
import { RegisterForm } from "./form";
import { fetchLists } from "./lists";
import { startPosition } from "./position";
import { showQueue } from "./queue_view";
import { slipsIn } from "./registration";
import { startScanner } from "./scan_dialog";
import { readSession, sendQueue, type Outcome } from "./send";
import { readLists, readQueue, removeQueued, saveQueued, whenQueueChanges, type Lists, type Queued } from "./store";

const AGAIN_MS = 30_000; // while something waits and the page is open
const WORKER = "/register/offline.js";

async function startPage(element: HTMLFormElement): Promise<void> {
  startFrame();
  const page = new RegisterPage(element, await readLists());
  page.start();
  await page.refresh();
}

class RegisterPage {
  private readonly form: RegisterForm;
  private mending: Queued | null = null;

  constructor(
    private readonly root: HTMLFormElement,
    private lists: Lists | undefined,
  ) {
    this.form = new RegisterForm(root);
  }

  /** Who is at this telephone: the server's word where there is one, else who was last. */
  get person(): string {
    return this.root.dataset["person"] || this.lists?.person || "";
  }

  start(): void {
    this.root.noValidate = true;
    if (this.lists !== undefined) this.form.offer(this.lists);
    startPosition(this.form, this.root, () => this.lists);
    startScanner(find("scan"), find("scanner"), (found) => {
      this.form.fill({ uid: found.uid, ...(found.serial === null ? {} : { serial: found.serial }) });
      say(`Scanned ${found.uid}.`);
      find("name").focus();
    });
    this.root.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.save();
    });
    whenQueueChanges(() => void this.show());
    window.addEventListener("online", () => void this.refresh());
    window.setInterval(() => void this.sendWaiting(), AGAIN_MS);
    void navigator.serviceWorker?.register(WORKER, { scope: "/register" });
  }

  /** Show what is kept, bring the lists up to date and send what waits. */
  async refresh(): Promise<void> {
    await this.show();
    if (!navigator.onLine) return this.tellOutcome("away");
    try {
      const session = await readSession();
      if (session === null) return this.tellOutcome("signed-out");
      this.root.dataset["person"] = session.person;
      this.lists = await fetchLists(session);
      this.form.offer(this.lists);
    } catch {
      return this.tellOutcome("away"); // what was kept serves on
    }
    await this.sendWaiting();
  }

  private async save(): Promise<void> {
    const registration = this.form.read();
    const slips = slipsIn(registration);
    this.form.showSlips(slips);
    if (slips.length > 0) return;
    const requestId = this.mending?.requestId ?? crypto.randomUUID();
    const savedAt = this.mending?.savedAt ?? new Date().toISOString();
    await saveQueued({ requestId, person: this.person, savedAt, registration, state: "waiting", slips: [] });
    this.mending = null;
    this.form.clearForNext();
    say(`${registration.name} is saved on this telephone.`);
    find("queue-heading").focus();
    void askForSync();
    await this.sendWaiting();
  }

  private async sendWaiting(): Promise<void> {
    if (navigator.onLine) this.tellOutcome(await sendQueue());
    else this.tellOutcome("away");
  }

  private async show(): Promise<void> {
    showQueue(find("queue"), await readQueue(), this.person, {
      mend: (queued) => this.mend(queued),
      remove: (queued) => void this.remove(queued),
    });
  }

  private mend(queued: Queued): void {
    this.mending = queued;
    this.form.fill(queued.registration);
    this.form.showSlips(queued.slips);
    if (queued.slips.length === 0) find("uid").focus();
  }

  private async remove({ requestId, registration }: Queued): Promise<void> {
    if (!window.confirm(`Remove ${registration.name} from this telephone? It is not registered.`)) return;
    await removeQueued(requestId);
    find("queue-heading").focus();
  }

  private tellOutcome(outcome: Outcome): void {
    find("signed-out").hidden = outcome !== "signed-out";
    find("no-signal").hidden = outcome !== "away";
  }
}

/** Where the browser can, let it send on its own when signal returns, even with this page closed. */
async function askForSync(): Promise<void> {
  const registration = await navigator.serviceWorker?.ready;
  const { sync } = (registration ?? {}) as { sync?: { register(tag: string): Promise<void> } };
  await sync?.register("hedgerow-queue").catch(() => undefined); // refused by the person's settings: the page sends
}

function say(text: string): void {
  find("register-status").textContent = text;
}

function find<T extends HTMLElement = HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no #${id}`);
  return found as T;
}

const root = document.querySelector<HTMLFormElement>("#register-form");
if (root !== null) void startPage(root);
