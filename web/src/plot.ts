// One chart: a mean line in a band from lowest to highest, drawn by uPlot in the site's own time.
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { drawMarks, type Mark } from "./marks";
import type { Columns } from "./points";

/** A colour of the styles, as it is now: asked for at every drawing, for the setting light or dark may change. */
export const colour = (name: string) => (): string =>
  getComputedStyle(document.documentElement).getPropertyValue(`--hr-${name}`).trim();

export const LINE = colour("chart");
const BAND = colour("chart-band");
const INK = colour("muted");
const GRID = colour("chart-grid");
const FONT = '12px system-ui, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif';
const DOT_DISTANCE_PX = 14; // points further apart than this on average get a dot each

export interface PlotOptions {
  readonly holder: HTMLElement;
  readonly readout: HTMLElement | null;
  readonly unit: string;
  readonly isState: boolean;
  readonly zone: string;
  readonly bounds: () => [number, number];
  readonly marks: () => Mark[];
  readonly onSelect: (from: number, to: number) => void;
}

const numbers = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 3 });
export const numberText = (value: number): string =>
  (Math.abs(value) >= 1000 ? new Intl.NumberFormat("en-GB", { maximumFractionDigits: 0 }) : numbers).format(value);

export function makePlot(options: PlotOptions, columns: Columns): uPlot {
  const { holder, zone, unit } = options;
  const stepped = options.isState ? uPlot.paths.stepped?.({ align: 1 }) : undefined;
  const path = stepped === undefined ? {} : { paths: stepped };
  const edge = { stroke: "transparent", points: { show: false }, ...path };
  const plot = new uPlot(
    {
      ...sizeOf(holder),
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), zone),
      legend: { show: false },
      cursor: { y: false, drag: { x: true, y: false, setScale: false }, sync: { key: "site" }, points: { size: 8, fill: LINE } },
      scales: { x: { time: true, range: () => options.bounds() }, y: { range: valueRange } },
      bands: [{ series: [3, 2], fill: BAND }],
      series: [
        {},
        { stroke: LINE, width: 1.75, spanGaps: false, points: { show: isSparse, filter: lonePoints, size: 5, fill: LINE }, ...path },
        edge,
        edge,
      ],
      axes: axesOf(zone, unit),
      hooks: {
        draw: [(shown) => drawMarks(shown, options.marks(), { line: INK(), font: FONT })],
        setCursor: [(shown) => readOut(shown, options)],
        setSelect: [(shown) => select(shown, options)],
      },
    },
    columns,
    holder,
  );
  new ResizeObserver(() => plot.setSize(sizeOf(holder))).observe(holder);
  whenColoursChange(() => plot.redraw(false));
  return plot;
}

export function whenColoursChange(act: () => void): void {
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", act);
}

/** Time below, values with their unit at the left. */
export function axesOf(zone: string, unit: string): uPlot.Axis[] {
  const both = { stroke: INK, font: FONT, grid: { stroke: GRID, width: 1 } };
  const values: uPlot.Axis.DynamicValues = (_plot, splits) => splits.map((value) => numberText(value));
  return [
    { ...both, ticks: { stroke: GRID }, space: 64, values: timeLabels(zone) },
    { ...both, ticks: { show: false }, size: axisWidth, space: 32, label: unit, labelFont: FONT, labelSize: 22, values },
  ];
}

/** As wide as the longest label needs. */
function axisWidth(_plot: uPlot, labels: string[] | null): number {
  return 16 + 7 * Math.max(1, ...(labels ?? []).map((label) => label.length));
}

export function sizeOf(holder: HTMLElement): { width: number; height: number } {
  return { width: Math.max(holder.clientWidth, 200), height: window.innerWidth < 640 ? 190 : 220 };
}

function isSparse(plot: uPlot, _series: number, from: number, to: number): boolean {
  const [first, last] = [plot.data[0][from], plot.data[0][to]];
  if (first === undefined || last === undefined) return false;
  return plot.valToPos(last, "x") - plot.valToPos(first, "x") >= (to - from) * DOT_DISTANCE_PX;
}

/** A value between two gaps draws no line: it always gets its dot. */
function lonePoints(plot: uPlot, series: number, show: boolean): number[] | null {
  const values = plot.data[series];
  if (show || values === undefined) return null;
  const isBreak = (index: number): boolean => (values[index] ?? null) === null;
  return [...values.keys()].filter((index) => !isBreak(index) && isBreak(index - 1) && isBreak(index + 1));
}

/** Some room above and below; a line of equal values stands in the middle. */
export function valueRange(_plot: uPlot, lowest: number | null, highest: number | null): [number, number] {
  if (lowest === null || highest === null) return [0, 1];
  if (lowest === highest) return [lowest - 1, highest + 1];
  const [from, to] = uPlot.rangeNum(lowest, highest, 0.08, true);
  return [lowest >= 0 && (from ?? 0) < 0 ? 0 : (from ?? lowest), to ?? highest];
}

/** Hours and minutes, with the date beneath where a day begins; longer ranges show days, then months. */
function timeLabels(zone: string): uPlot.Axis.DynamicValues {
  const format = (options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat =>
    new Intl.DateTimeFormat("en-GB", { timeZone: zone, ...options });
  const clock = format({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  const seconds = format({ hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
  const day = format({ day: "numeric", month: "short" });
  const month = format({ month: "short", year: "numeric" });
  return (_plot, splits, _axis, _space, step) => {
    let before = "";
    return splits.map((split) => {
      const at = new Date(split * 1000);
      if (step >= 28 * 86400) return month.format(at);
      if (step >= 86400) return day.format(at);
      const date = day.format(at);
      const time = (step < 60 ? seconds : clock).format(at);
      const label = date === before ? time : `${time}\n${date}`;
      before = date;
      return label;
    });
  };
}

/** Write the bucket under the cursor beside the chart's heading. */
function readOut(plot: uPlot, options: PlotOptions): void {
  if (options.readout === null) return;
  const index = plot.cursor.idx ?? null;
  const [times, means, lowest, highest] = plot.data as Columns;
  const mean = index === null ? null : (means[index] ?? null);
  const time = index === null ? undefined : times[index];
  if (index === null || mean === null || time === undefined) {
    options.readout.textContent = "";
    return;
  }
  const at = new Date(time * 1000).toLocaleString("en-GB", {
    timeZone: options.zone,
    day: "numeric",
    month: "short",
    hour: "2-digit",
    minute: "2-digit",
  });
  const [low, high] = [lowest[index] ?? mean, highest[index] ?? mean];
  const spread = low === high ? "" : ` (${numberText(low)} to ${numberText(high)})`;
  options.readout.textContent = `${at}: ${numberText(mean)}${spread} ${options.unit}`;
}

function select(plot: uPlot, options: PlotOptions): void {
  if (plot.select.width < 8) return;
  options.onSelect(plot.posToVal(plot.select.left, "x"), plot.posToVal(plot.select.left + plot.select.width, "x"));
}
