// Marks of a chart: dashed lines where something was done at the site, each with a few words. The text below the chart says it all.
import type uPlot from "uplot";

export interface Mark {
  readonly time: string;
  readonly label: string;
}

interface Look {
  readonly line: string;
  readonly font: string;
}

const ROWS = 3; // labels near each other stand beneath each other

export function drawMarks(plot: uPlot, marks: readonly Mark[], look: Look): void {
  const { ctx, bbox } = plot;
  const ratio = window.devicePixelRatio;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.strokeStyle = look.line;
  ctx.fillStyle = look.line;
  ctx.lineWidth = 1.5 * ratio;
  ctx.font = look.font.replace(/^[\d.]+/, (size) => String(Number(size) * ratio));
  ctx.textAlign = "left";
  ctx.textBaseline = "top";
  marks.forEach((mark, place) => drawOne(plot, mark, place % ROWS, ratio));
  ctx.restore();
}

function drawOne(plot: uPlot, mark: Mark, row: number, ratio: number): void {
  const { ctx, bbox } = plot;
  const x = Math.round(plot.valToPos(Date.parse(mark.time) / 1000, "x", true));
  ctx.setLineDash([5 * ratio, 4 * ratio]);
  ctx.beginPath();
  ctx.moveTo(x, bbox.top);
  ctx.lineTo(x, bbox.top + bbox.height);
  ctx.stroke();
  const width = ctx.measureText(mark.label).width;
  const gap = 5 * ratio;
  const fits = x + gap + width <= bbox.left + bbox.width;
  ctx.fillText(mark.label, fits ? x + gap : x - gap - width, bbox.top + (4 + 15 * row) * ratio);
}
