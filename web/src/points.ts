// From the answer of /api/v1/aggregate to the columns uPlot draws; no I/O and no page.

/** One bucket of one metric, as the API writes it. */
export interface Bucket {
  readonly time: string;
  readonly metric: string;
  readonly channel?: string;
  readonly unit: string;
  /** Null for a state, which has none. */
  readonly mean: number | null;
  readonly last?: number;
  readonly min: number;
  readonly max: number;
  readonly n: number;
}

/** Seconds since 1970, then mean, lowest and highest of each bucket; null where the line breaks. */
export type Columns = [number[], (number | null)[], (number | null)[], (number | null)[]];

/** The buckets of one metric by their start in seconds since 1970. */
export type Line = Map<number, Bucket>;

export const nameOf = (metric: string, channel: string): string => `${metric} ${channel}`;

/** Add buckets to the lines of their metrics; a bucket that is there already is replaced. */
export function addBuckets(lines: Map<string, Line>, buckets: readonly Bucket[]): void {
  for (const bucket of buckets) {
    const name = nameOf(bucket.metric, bucket.channel ?? "");
    const line = lines.get(name) ?? new Map<number, Bucket>();
    line.set(Date.parse(bucket.time) / 1000, bucket);
    lines.set(name, line);
  }
}

/** Forget the buckets that begin before `start`. */
export function dropBefore(lines: Map<string, Line>, start: number): void {
  for (const line of lines.values()) {
    for (const time of line.keys()) if (time < start) line.delete(time);
  }
}

/**
 * Lay a line out in columns, with a break wherever neighbours are too far apart.
 *
 * A break is more than two and a half of the widest of: the bucket, the interval the device is expected to keep,
 * and the middle distance of the buckets themselves (hourly records of a device that promised minutes have no gaps).
 */
export function columnsOf(line: Line, everyS: number, expectedS: number): Columns {
  const times = [...line.keys()].sort((a, b) => a - b);
  const widest = 2.5 * Math.max(everyS, expectedS, middleDistance(times));
  const columns: Columns = [[], [], [], []];
  let before = Number.NaN;
  for (const time of times) {
    if (time - before > widest) push(columns, before + everyS, null);
    push(columns, time, line.get(time) ?? null);
    before = time;
  }
  return columns;
}

function push(columns: Columns, time: number, bucket: Bucket | null): void {
  columns[0].push(time);
  columns[1].push(bucket?.mean ?? bucket?.last ?? null);
  columns[2].push(bucket?.min ?? null);
  columns[3].push(bucket?.max ?? null);
}

function middleDistance(times: readonly number[]): number {
  const distances = times.slice(1).map((time, index) => time - (times[index] ?? time));
  distances.sort((a, b) => a - b);
  return distances[Math.floor(distances.length / 2)] ?? 0;
}
