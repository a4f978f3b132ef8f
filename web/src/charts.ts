// The charts of a site page: data of the chosen range from the API, kept up to date while the range ends now.
import type uPlot from "uplot";
import { REFRESHED } from "./live";
import { isPaused, repeat } from "./pace";
import type { Mark } from "./marks";
import { makePlot } from "./plot";
import { addBuckets, columnsOf, dropBefore, nameOf, type Bucket, type Line } from "./points";

/** A place for a chart, with the chart once there is one. */
interface Holder extends HTMLElement {
  chart?: uPlot;
}

const WHOLE_EVERY_MS = 60_000; // late readings change buckets that have passed: read them all again now and then

export function startCharts(region: HTMLElement): void {
  const charts = new SiteCharts(region);
  void charts.load();
  region.closest("#live")?.addEventListener(REFRESHED, () => charts.draw());
  if (charts.isLive) repeat(() => charts.paceMs, () => charts.load());
}

class SiteCharts {
  private readonly lines = new Map<string, Line>();
  private wholeAt = 0;
  private newest = 0;

  constructor(private readonly region: HTMLElement) {}

  get isLive(): boolean {
    return this.setting("live") === "true";
  }

  get everyS(): number {
    return Number(this.setting("everyS"));
  }

  /** As often as a new bucket or a change in the last one is worth it, within reason. */
  get paceMs(): number {
    return Math.min(Math.max(this.everyS * 100, 4000), 60_000);
  }

  /** From and to in seconds since 1970; a live range moves with the clock. */
  bounds(): [number, number] {
    const [from, to] = [Date.parse(this.setting("from")) / 1000, Date.parse(this.setting("to")) / 1000];
    if (!this.isLive) return [from, to];
    const now = Date.now() / 1000;
    return [now - (to - from), now];
  }

  async load(): Promise<void> {
    const isWhole = this.newest === 0 || Date.now() - this.wholeAt > WHOLE_EVERY_MS;
    const [from, to] = this.bounds();
    const start = isWhole ? Math.floor(from / this.everyS) * this.everyS : this.newest;
    try {
      const buckets = await this.fetchBuckets(start, to);
      if (isWhole) {
        this.lines.clear();
        this.wholeAt = Date.now();
      }
      addBuckets(this.lines, buckets);
      dropBefore(this.lines, from - this.everyS);
      this.newest = Math.max(start, ...buckets.map((bucket) => Date.parse(bucket.time) / 1000));
      this.trouble("");
      this.draw();
    } catch (error) {
      this.trouble(`The charts could not be brought up to date (${error instanceof Error ? error.message : String(error)}).`);
    }
  }

  draw(): void {
    for (const holder of this.region.querySelectorAll<Holder>("[data-chart]")) this.drawOne(holder);
  }

  private async fetchBuckets(from: number, to: number): Promise<Bucket[]> {
    const query = new URLSearchParams([
      ["site", this.setting("site")],
      ["from", new Date(from * 1000).toISOString()],
      ["to", new Date(to * 1000).toISOString()],
      ["every", this.setting("every")],
      ["stat", "mean"],
      ["stat", "last"], // what stands for states, which have no mean
      ["stat", "min"],
      ["stat", "max"],
      ["include_flagged", this.setting("includeFlagged")],
    ]);
    const response = await fetch(`/api/v1/aggregate?${query.toString()}`, { headers: { Accept: "application/json" } });
    if (!response.ok) throw new Error(`the server answered with error ${response.status}`);
    return (await response.json()) as Bucket[];
  }

  private drawOne(holder: Holder): void {
    const line = this.lines.get(nameOf(holder.dataset["chart"] ?? "", holder.dataset["channel"] ?? ""));
    const card = holder.closest("[data-key]");
    holder.hidden = line === undefined || line.size === 0;
    if (line === undefined || holder.hidden) return;
    const columns = columnsOf(line, this.everyS, Number(this.setting("expectedS")));
    if (holder.chart !== undefined) {
      holder.chart.setData(columns);
      return;
    }
    holder.chart = makePlot(
      {
        holder,
        readout: card?.querySelector<HTMLElement>("[data-readout]") ?? null,
        unit: holder.dataset["unit"] ?? "",
        isState: holder.dataset["kind"] === "state",
        zone: this.setting("zone"),
        bounds: () => this.bounds(),
        marks: () => this.marksOf(holder.dataset["channel"] ?? ""),
        onSelect: (from, to) => this.show(from, to),
      },
      columns,
    );
  }

  /** What was done at the site; the page brings it, and brings it anew as it refreshes itself. */
  private marksOf(channel: string): Mark[] {
    const marks = JSON.parse(this.setting("marks") || "[]") as (Mark & { channel: string })[];
    return marks.filter((mark) => mark.channel === channel);
  }

  /** Open the page for the range a person drew on a chart. */
  private show(from: number, to: number): void {
    const address = new URL(location.href);
    address.searchParams.set("range", "custom");
    address.searchParams.set("from", new Date(from * 1000).toISOString());
    address.searchParams.set("to", new Date(to * 1000).toISOString());
    location.assign(address);
  }

  private setting(name: string): string {
    return this.region.dataset[name] ?? "";
  }

  private trouble(text: string): void {
    const line = document.getElementById("charts-trouble");
    if (line !== null && line.textContent !== text && !isPaused()) line.textContent = text;
  }
}
