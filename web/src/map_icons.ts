// What stands on the map for sites and groups of them: a shape for each state, in its colour, drawn when first needed.

interface Look {
  readonly badness: number; // a group shows the worst of its sites
  readonly colour: string; // custom property of the styles, without --hr-
  readonly shape: keyof typeof PATHS;
  readonly sign: string; // the line within it
  readonly isHollow?: boolean;
}

const PATHS = {
  circle: "M10 1a9 9 0 1 0 0 18 9 9 0 1 0 0-18z",
  triangle: "M10 1 19.5 18.5H.5z",
  square: "M2 2h16v16H2z",
  diamond: "M10 0 20 10 10 20 0 10z",
} as const;

const TICK = "M5.8 10.3 9 13.4 14.6 7";
const WARNING = "M10 7v5.5M10 14.6v1.8";
const CROSS = "M6 6l8 8M14 6l-8 8";
const BAR = "M6.5 10h7";

const LOOKS: Readonly<Record<string, Look>> = {
  retired: { badness: 0, colour: "unknown", shape: "square", sign: BAR, isHollow: true },
  ok: { badness: 1, colour: "good", shape: "circle", sign: TICK },
  waiting: { badness: 2, colour: "unknown", shape: "circle", sign: "", isHollow: true },
  maintenance: { badness: 3, colour: "unknown", shape: "diamond", sign: BAR, isHollow: true },
  late: { badness: 4, colour: "late", shape: "triangle", sign: WARNING, isHollow: true },
  stale: { badness: 5, colour: "late", shape: "triangle", sign: WARNING },
  offline: { badness: 6, colour: "quiet", shape: "square", sign: CROSS },
};
const UNKNOWN: Look = { badness: 2, colour: "unknown", shape: "circle", sign: "", isHollow: true };

const SCALE = 2; // device pixels a pixel: sharp on telephones
const SIZE = 20;

export const badnessOf = (state: string): number => LOOKS[state]?.badness ?? 2;

export function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--hr-${name}`).trim();
}

/** Draw `site STATE`, `group COUNT BADNESS` or `text WORDS`; null for any other name. */
export function drawIcon(name: string): ImageData | null {
  const [kind, ...rest] = name.split(" ");
  if (kind === "site") return drawSite(rest[0] ?? "");
  if (kind === "group") return drawGroup(rest[0] ?? "", Number(rest[1]));
  return kind === "text" ? drawText(rest.join(" ")) : null;
}

export const pixelRatio = SCALE;

function drawSite(state: string): ImageData {
  return draw(SIZE + 4, SIZE + 4, (brush) => {
    brush.translate(2, 2);
    shape(brush, LOOKS[state] ?? UNKNOWN);
  });
}

function drawGroup(count: string, badness: number): ImageData {
  const look = Object.values(LOOKS).find((one) => one.badness === badness);
  const width = 34 + 9 * count.length;
  return draw(width, 30, (brush) => {
    brush.beginPath();
    brush.roundRect(1.5, 1.5, width - 3, 27, 13.5);
    brush.fillStyle = colour("card");
    brush.fill();
    brush.lineWidth = 2;
    brush.strokeStyle = colour(look?.colour ?? "unknown");
    brush.stroke();
    brush.save();
    brush.translate(8, 8);
    brush.scale(0.7, 0.7);
    if (look !== undefined) shape(brush, look);
    brush.restore();
    write(brush, count, 26, 20);
  });
}

function drawText(words: string): ImageData {
  return draw(8 + 7.5 * words.length, 18, (brush) => {
    brush.fillStyle = colour("map-ground");
    brush.fillRect(0, 0, 8 + 7.5 * words.length, 18);
    write(brush, words, 4, 13, 12, "muted");
  });
}

function write(brush: CanvasRenderingContext2D, words: string, x: number, y: number, size = 15, ink = "ink"): void {
  brush.font = `${size === 15 ? "600 " : ""}${size}px system-ui, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif`;
  brush.fillStyle = colour(ink);
  brush.fillText(words, x, y);
}

/** Draw a shape of 20 by 20 with the sign within it that the lists show too. */
function shape(brush: CanvasRenderingContext2D, look: Look): void {
  const edge = new Path2D(PATHS[look.shape]);
  brush.lineJoin = "round";
  brush.lineWidth = 3;
  brush.strokeStyle = colour("card");
  brush.stroke(edge);
  brush.strokeStyle = colour(look.colour);
  brush.fillStyle = colour(look.isHollow ? "card" : look.colour);
  brush.fill(edge);
  if (look.isHollow) {
    brush.lineWidth = 2.4;
    if (look.sign === "") brush.setLineDash([4, 3]);
    brush.stroke(edge);
    brush.setLineDash([]);
  }
  brush.lineWidth = 2.2;
  brush.strokeStyle = colour(look.isHollow ? look.colour : "card");
  brush.stroke(new Path2D(look.sign));
}

function draw(width: number, height: number, paint: (brush: CanvasRenderingContext2D) => void): ImageData {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [Math.ceil(width * SCALE), Math.ceil(height * SCALE)];
  const brush = canvas.getContext("2d", { willReadFrequently: true });
  if (brush === null) throw new Error("this browser has no canvas");
  brush.scale(SCALE, SCALE);
  paint(brush);
  return brush.getImageData(0, 0, canvas.width, canvas.height);
}
