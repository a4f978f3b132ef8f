// A small map to put a sensor on: tiles where there are some, else a plain ground with grid and scale; needs no signal.

export interface Place {
  readonly latitude: number;
  readonly longitude: number;
  readonly accuracy: number | null; // metres; null: put there by hand
}

interface Point {
  readonly x: number; // Web Mercator [0..1], from the west
  readonly y: number; // from the north
}

const SVG = "http://www.w3.org/2000/svg";
const TILE = 256; // pixels
const ZOOMS = { least: 5, most: 19, start: 17 };
const STEP = 8; // pixels
const MOVES: Readonly<Record<string, [number, number]>> = {
  ArrowLeft: [-STEP, 0],
  ArrowRight: [STEP, 0],
  ArrowUp: [0, -STEP],
  ArrowDown: [0, STEP],
};
const SAME_DEGREES = 2e-6; // what the form's rounding may change
const EARTH_M = 40_075_017;

export class Picker {
  private zoom = ZOOMS.start;
  private place: Place | null = null;
  private centre: Point = pointOf(50.75, -2.4);
  private dragged: Point | null = null; // where the pointer was last; pixels of the window
  private readonly svg: SVGSVGElement;

  /** `onMove` is told where the pin was put by hand. */
  constructor(
    private readonly holder: HTMLElement,
    private readonly tiles: () => string,
    private readonly onMove: (place: Place) => void,
  ) {
    this.svg = made("svg", { class: "hr-picker__ground", "aria-hidden": "true", focusable: "false" });
    holder.prepend(this.svg);
    this.listen();
    new ResizeObserver(() => this.draw()).observe(holder);
  }

  /** Show the pin in the middle; where it is already there, leave the ground under it alone. */
  show(place: Place | null): void {
    const isThere = place !== null && this.place !== null && isSame(place, this.place);
    this.place = place;
    this.holder.hidden = place === null;
    if (place === null) return;
    if (!isThere) this.centre = pointOf(place.latitude, place.longitude);
    this.draw();
  }

  zoomBy(steps: number): void {
    this.zoom = Math.min(ZOOMS.most, Math.max(ZOOMS.least, this.zoom + steps));
    this.draw();
  }

  draw(): void {
    const { clientWidth: width, clientHeight: height } = this.holder;
    if (this.place === null || width === 0) return;
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const parts = [this.ground(width, height), this.grid(width, height), this.pin(width, height), this.scale(height)];
    this.svg.replaceChildren(...parts);
  }

  private get size(): number {
    return TILE * 2 ** this.zoom;
  }

  private get metresPerPixel(): number {
    return (EARTH_M * Math.cos(((this.place?.latitude ?? 0) * Math.PI) / 180)) / this.size;
  }

  private ground(width: number, height: number): SVGElement {
    const group = made("g", {});
    const template = this.tiles();
    if (template === "" || !navigator.onLine) return group;
    const left = this.centre.x * this.size - width / 2;
    const top = this.centre.y * this.size - height / 2;
    for (let column = Math.floor(left / TILE); column * TILE < left + width; column++) {
      for (let row = Math.floor(top / TILE); row * TILE < top + height; row++) {
        const href = template.replace("{z}", `${this.zoom}`).replace("{x}", `${column}`).replace("{y}", `${row}`);
        const at = { x: `${column * TILE - left}`, y: `${row * TILE - top}` };
        group.append(made("image", { href, ...at, width: `${TILE}`, height: `${TILE}` }));
      }
    }
    return group;
  }

  private grid(width: number, height: number): SVGElement {
    const step = roundBelow(this.metresPerPixel * 90) / this.metresPerPixel;
    const lines: string[] = [];
    for (let x = (width / 2) % step; x < width; x += step) lines.push(`M${x} 0V${height}`);
    for (let y = (height / 2) % step; y < height; y += step) lines.push(`M0 ${y}H${width}`);
    return made("path", { d: lines.join(""), class: "hr-picker__grid" });
  }

  private pin(width: number, height: number): SVGElement {
    const [left, top] = this.pinAt(width, height);
    const group = made("g", { transform: `translate(${left} ${top})`, class: "hr-picker__handle" });
    const radius = (this.place?.accuracy ?? 0) / this.metresPerPixel;
    if (radius > 0) group.append(made("circle", { r: `${radius}`, class: "hr-picker__accuracy" }));
    group.append(made("path", { d: "M0 0C-4-9-11-14-11-22a11 11 0 0 1 22 0C11-14 4-9 0 0z", class: "hr-picker__pin" }));
    group.append(made("circle", { cy: "-22", r: "4", class: "hr-picker__eye" }));
    return group;
  }

  private scale(height: number): SVGElement {
    const metres = roundBelow(this.metresPerPixel * 120);
    const length = metres / this.metresPerPixel;
    const group = made("g", { transform: `translate(12 ${height - 14})`, class: "hr-picker__scale" });
    group.append(made("path", { d: `M0-6V0H${length}V-6` }));
    const text = made("text", { x: "4", y: "-5" });
    text.textContent = metres < 1000 ? `${metres} m` : `${metres / 1000} km`;
    group.append(text);
    return group;
  }

  private listen(): void {
    this.holder.addEventListener("click", (event) => {
      if (event.target instanceof Element && this.svg.contains(event.target)) this.tap(event);
    });
    this.holder.addEventListener("pointerdown", (event) => {
      if (!(event.target instanceof Element) || event.target.closest(".hr-picker__handle") === null) return;
      this.dragged = { x: event.clientX, y: event.clientY };
      this.holder.setPointerCapture(event.pointerId);
    });
    this.holder.addEventListener("pointermove", ({ clientX: x, clientY: y }) => {
      if (this.dragged === null) return;
      this.moveBy(x - this.dragged.x, y - this.dragged.y);
      this.dragged = { x, y };
    });
    for (const end of ["pointerup", "pointercancel"]) {
      this.holder.addEventListener(end, () => window.setTimeout(() => (this.dragged = null))); // after the click it ends in
    }
    this.holder.addEventListener("keydown", (event) => {
      const move = MOVES[event.key];
      if (move !== undefined) this.moveBy(...move);
      else if (event.key === "+" || event.key === "=") this.zoomBy(1);
      else if (event.key === "-") this.zoomBy(-1);
      else return;
      event.preventDefault();
    });
  }

  /** Put the pin where the ground was tapped. */
  private tap(event: MouseEvent): void {
    if (this.dragged !== null) return;
    const box = this.holder.getBoundingClientRect();
    const [left, top] = this.pinAt(box.width, box.height);
    this.moveBy(event.clientX - box.left - left, event.clientY - box.top - top);
  }

  /** Move the pin over the ground by so many pixels. */
  private moveBy(right: number, down: number): void {
    if (this.place === null) return;
    const { x, y } = pointOf(this.place.latitude, this.place.longitude);
    this.place = placeOf({ x: x + right / this.size, y: y + down / this.size });
    const { clientWidth: width, clientHeight: height } = this.holder;
    const [left, top] = this.pinAt(width, height);
    if (left < 0 || left > width || top < 0 || top > height) this.centre = pointOf(this.place.latitude, this.place.longitude);
    this.draw();
    this.onMove(this.place);
  }

  private pinAt(width: number, height: number): [number, number] {
    const { x, y } = this.place === null ? this.centre : pointOf(this.place.latitude, this.place.longitude);
    return [width / 2 + (x - this.centre.x) * this.size, height / 2 + (y - this.centre.y) * this.size];
  }
}

function made<K extends keyof SVGElementTagNameMap>(name: K, attributes: Record<string, string>): SVGElementTagNameMap[K] {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

const isSame = (a: Place, b: Place): boolean =>
  Math.abs(a.latitude - b.latitude) < SAME_DEGREES && Math.abs(a.longitude - b.longitude) < SAME_DEGREES;

function pointOf(latitude: number, longitude: number): Point {
  const sine = Math.sin((Math.min(85, Math.max(-85, latitude)) * Math.PI) / 180);
  return { x: longitude / 360 + 0.5, y: 0.5 - Math.log((1 + sine) / (1 - sine)) / (4 * Math.PI) };
}

function placeOf({ x, y }: Point): Place {
  const latitude = (360 / Math.PI) * Math.atan(Math.exp((0.5 - y) * 2 * Math.PI)) - 90;
  return { latitude, longitude: (x - 0.5) * 360, accuracy: null };
}

/** Give the largest of 1, 2, 5, 10, 20, 50 … that is not more. */
function roundBelow(metres: number): number {
  const ten = 10 ** Math.floor(Math.log10(metres));
  return ten * (metres >= 5 * ten ? 5 : metres >= 2 * ten ? 2 : 1);
}
