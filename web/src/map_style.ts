// The map's style: tiles where the settings name some, else a plain ground with a grid of degrees; sites above.
import type { StyleSpecification } from "maplibre-gl";
import type { Feature, FeatureCollection, LineString, Point } from "geojson";
import { colour } from "./map_icons";

export const NOTHING: FeatureCollection = { type: "FeatureCollection", features: [] };

const GROUP_PX = 44;
const LINES = 5; // of the grid across the map, about
const STEPS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30];

export function styleOf(tiles: string, attribution: string): StyleSpecification {
  const raster = tiles === "" ? {} : { tiles: { type: "raster" as const, tiles: [tiles], tileSize: 256, attribution } };
  return {
    version: 8,
    sources: {
      ...raster,
      grid: { type: "geojson", data: NOTHING },
      sites: {
        type: "geojson",
        data: NOTHING,
        cluster: true,
        clusterRadius: GROUP_PX,
        clusterProperties: { worst: ["max", ["get", "badness"]] },
      },
    },
    layers: [
      { id: "ground", type: "background", paint: { "background-color": colour("map-ground") } },
      ...(tiles === "" ? [] : [{ id: "tiles", type: "raster" as const, source: "tiles" }]),
      { id: "grid", type: "line", source: "grid", paint: { "line-color": colour("map-grid") } },
      {
        id: "degrees",
        type: "symbol",
        source: "grid",
        filter: ["==", ["geometry-type"], "Point"],
        layout: { "icon-image": ["get", "icon"], "icon-anchor": ["get", "anchor"], "icon-allow-overlap": true },
      },
      {
        id: "groups",
        type: "symbol",
        source: "sites",
        filter: ["has", "point_count"],
        layout: {
          "icon-image": ["concat", "group ", ["to-string", ["get", "point_count"]], " ", ["to-string", ["get", "worst"]]],
          "icon-allow-overlap": true,
        },
      },
      {
        id: "sites",
        type: "symbol",
        source: "sites",
        filter: ["!", ["has", "point_count"]],
        layout: {
          "icon-image": ["concat", "site ", ["get", "state"]],
          "icon-allow-overlap": true,
          "symbol-sort-key": ["get", "badness"],
        },
      },
    ],
  };
}

export interface Bounds {
  readonly west: number;
  readonly south: number;
  readonly east: number;
  readonly north: number;
}

/** Lines of whole steps of latitude and longitude over what is shown, each with its degrees at the edge. */
export function gridOver({ west, south, east, north }: Bounds): FeatureCollection {
  const step = STEPS.find((one) => one >= (east - west) / LINES) ?? 30;
  const features: Feature<LineString | Point>[] = [];
  for (let i = Math.ceil(west / step); i * step <= east; i++) {
    const x = i * step;
    features.push(line([x, south], [x, north]), label([x, north], degrees(x, step, "E", "W"), "top"));
  }
  for (let i = Math.ceil(south / step); i * step <= north; i++) {
    const y = i * step;
    features.push(line([west, y], [east, y]), label([west, y], degrees(y, step, "N", "S"), "left"));
  }
  return { type: "FeatureCollection", features };
}

const line = (from: number[], to: number[]): Feature<LineString> => ({
  type: "Feature",
  properties: {},
  geometry: { type: "LineString", coordinates: [from, to] },
});

const label = (at: number[], words: string, anchor: string): Feature<Point> => ({
  type: "Feature",
  properties: { icon: `text ${words}`, anchor },
  geometry: { type: "Point", coordinates: at },
});

function degrees(value: number, step: number, positive: string, negative: string): string {
  const decimals = Math.max(0, Math.ceil(-Math.log10(step)));
  return `${Math.abs(value).toFixed(decimals)}°${value < 0 ? negative : positive}`;
}
