// Messages and readings a second on the status page: how much the counters moved between two looks at them.
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { axesOf, colour, LINE, numberText, sizeOf } from "./plot";
import { repeat } from "./pace";

/** The counters of /api/v1/status, summed over the workers, that the rates are made from. */
export interface Counters {
  readonly messages: number;
  readonly readings: number;
}

interface Look extends Counters {
  readonly at: number; // seconds since 1970
}

const LOOK_EVERY_MS = 2000;
const SMOOTH_S = 10; // a batch a second would make a jumping figure
const SHOWN_S = 300;

export function startRates(region: HTMLElement): void {
  const looks: Look[] = [];
  const history: [number[], (number | null)[], (number | null)[]] = [[], [], []];
  const holder = region.querySelector<HTMLElement>("[data-rate-chart]");
  const plot = holder === null ? null : makeRatePlot(holder, history);
  const look = async (): Promise<void> => {
    const counters = await fetchCounters();
    if (counters === null) return;
    looks.push({ ...counters, at: Date.now() / 1000 });
    const rates = ratesOf(looks);
    if (rates === null) return;
    show(region, rates);
    remember(history, looks[looks.length - 1]?.at ?? 0, rates);
    plot?.setData(history);
  };
  void look();
  repeat(() => LOOK_EVERY_MS, look);
}

/** Give the change per second over the last looks; drop looks no longer needed. Null until there are two. */
export function ratesOf(looks: Look[]): Counters | null {
  const newest = looks[looks.length - 1];
  if (newest === undefined) return null;
  while (looks.length > 2 && newest.at - (looks[1]?.at ?? 0) >= SMOOTH_S) looks.shift();
  const oldest = looks[0];
  if (oldest === undefined || newest.at <= oldest.at) return null;
  const seconds = newest.at - oldest.at;
  return {
    messages: Math.max(0, newest.messages - oldest.messages) / seconds,
    readings: Math.max(0, newest.readings - oldest.readings) / seconds,
  };
}

async function fetchCounters(): Promise<Counters | null> {
  const response = await fetch("/api/v1/status", { headers: { Accept: "application/json" }, cache: "no-store" }).catch(() => null);
  return response?.ok === true ? ((await response.json()) as Counters) : null;
}

function show(region: HTMLElement, rates: Counters): void {
  for (const place of region.querySelectorAll<HTMLElement>("[data-rate]")) {
    const rate = place.dataset["rate"] === "readings" ? rates.readings : rates.messages;
    place.textContent = numberText(rate >= 100 ? Math.round(rate) : Math.round(rate * 10) / 10);
  }
  for (const note of region.querySelectorAll<HTMLElement>("[data-rate-note]")) note.textContent = "over the last 10 seconds";
}

function remember(history: [number[], (number | null)[], (number | null)[]], at: number, rates: Counters): void {
  history[0].push(at);
  history[1].push(rates.messages);
  history[2].push(rates.readings);
  while ((history[0][0] ?? at) < at - SHOWN_S) for (const column of history) column.shift();
}

/** Messages as a full line, readings as a broken one. */
function makeRatePlot(holder: HTMLElement, history: uPlot.AlignedData): uPlot {
  const now = (): number => Date.now() / 1000;
  const plot = new uPlot(
    {
      ...sizeOf(holder),
      legend: { show: false },
      cursor: { show: false },
      scales: {
        x: { time: true, range: () => [now() - SHOWN_S, now()] },
        y: { range: (_plot, _lowest, highest) => [0, Math.max(1, (highest ?? 0) * 1.15)] },
      },
      series: [
        {},
        { stroke: LINE, width: 2, points: { show: false } },
        { stroke: colour("chart-second"), width: 2, dash: [6, 4], points: { show: false } },
      ],
      axes: axesOf(Intl.DateTimeFormat().resolvedOptions().timeZone, "per second"),
    },
    history,
    holder,
  );
  new ResizeObserver(() => plot.setSize(sizeOf(holder))).observe(holder);
  return plot;
}
