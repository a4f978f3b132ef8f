// The map of the overview: sites with a shape for each state, near ones gathered with their number; the list says the same.
import maplibregl, { type GeoJSONSource, type Map as Chart, type MapGeoJSONFeature } from "maplibre-gl";
import "maplibre-gl/dist/maplibre-gl.css";
import type { FeatureCollection, Point } from "geojson";
import { REFRESHED } from "./live";
import { badnessOf, drawIcon, pixelRatio } from "./map_icons";
import { gridOver, styleOf } from "./map_style";

/** The place of the map, with the map once there is one. */
interface Holder extends HTMLElement {
  map?: Chart;
}

const AROUND = { padding: 50, maxZoom: 13, animate: false };
const ENGLAND: [number, number, number, number] = [-3.2, 50.5, -1.6, 51.1];

export function startMap(holder: Holder): void {
  try {
    const sites = new SiteMap(holder);
    document.getElementById("live")?.addEventListener(REFRESHED, () => void sites.load());
    void sites.load();
  } catch (error) {
    holder.textContent = `The map needs WebGL, which this browser does not give; the list below has the same sites. (${String(error)})`;
    holder.classList.add("hr-map--none");
  }
}

class SiteMap {
  private readonly map: Chart;
  private fitted: string | null = null; // the filters the map was last moved for

  constructor(private readonly holder: Holder) {
    const { tiles, attribution } = holder.dataset;
    const style = (): maplibregl.StyleSpecification => styleOf(tiles ?? "", attribution ?? "");
    this.map = new maplibregl.Map({
      container: holder,
      style: style(),
      bounds: ENGLAND,
      attributionControl: tiles === "" ? false : { compact: true },
      cooperativeGestures: true, // one finger scrolls the page
      dragRotate: false,
      pitchWithRotate: false,
      locale: { "Map.Title": holder.dataset["label"] ?? "Map" },
    });
    holder.map = this.map;
    this.map.touchZoomRotate.disableRotation();
    this.map.addControl(new maplibregl.NavigationControl({ showCompass: false }), "top-right");
    this.map.addControl(new maplibregl.ScaleControl(), "bottom-left");
    this.map.on("styleimagemissing", ({ id }) => this.addIcon(id));
    this.map.on("moveend", () => this.drawGrid());
    this.map.on("click", ({ point }) => void this.open(this.at(point, 6)));
    this.map.getCanvas().addEventListener("keydown", (event) => {
      if (event.key === "Enter") void this.open(this.nearestToMiddle());
    });
    window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      this.map.setStyle(style(), { diff: false });
      void this.load();
    });
  }

  /** Show the sites that the page's filters leave. */
  async load(): Promise<void> {
    const asked = new URLSearchParams(location.search);
    asked.delete("page");
    for (const [name, value] of [...asked]) if (value === "") asked.delete(name);
    const filters = asked.toString();
    const response = await fetch(`/api/v1/sites.geojson?${filters}`, { headers: { Accept: "application/geo+json" } });
    if (!response.ok) return; // the page says so itself
    const sites = (await response.json()) as FeatureCollection<Point | null>;
    const placed = sites.features.filter(({ geometry }) => geometry !== null);
    for (const { properties } of placed) if (properties !== null) properties["badness"] = badnessOf(String(properties["state"]));
    await this.whenStyled();
    this.source("sites")?.setData({ type: "FeatureCollection", features: placed } as FeatureCollection);
    if (this.fitted !== filters) this.fit(placed.map(({ geometry }) => geometry?.coordinates as [number, number]));
    this.fitted = filters;
    this.holder.dataset["sites"] = String(placed.length);
    this.drawGrid();
  }

  private whenStyled(): Promise<void> {
    if (this.source("sites") !== undefined) return Promise.resolve();
    return new Promise((resolve) => this.map.once("styledata", () => resolve(this.whenStyled())));
  }

  private fit(places: readonly [number, number][]): void {
    const first = places[0];
    if (first === undefined) return;
    const bounds = new maplibregl.LngLatBounds(first, first);
    for (const place of places) bounds.extend(place);
    this.map.fitBounds(bounds, AROUND);
  }

  private source(name: string): GeoJSONSource | undefined {
    return this.map.getSource<GeoJSONSource>(name);
  }

  private addIcon(id: string): void {
    const icon = drawIcon(id);
    if (icon !== null && !this.map.hasImage(id)) this.map.addImage(id, icon, { pixelRatio });
  }

  private drawGrid(): void {
    if (this.holder.dataset["tiles"] !== "") return;
    const bounds = this.map.getBounds();
    const [west, south, east, north] = [bounds.getWest(), bounds.getSouth(), bounds.getEast(), bounds.getNorth()];
    this.source("grid")?.setData(gridOver({ west, south, east, north }));
  }

  private at({ x, y }: maplibregl.Point, reach: number): MapGeoJSONFeature | undefined {
    const box: [maplibregl.PointLike, maplibregl.PointLike] = [
      [x - reach, y - reach],
      [x + reach, y + reach],
    ];
    return this.map.queryRenderedFeatures(box, { layers: ["sites", "groups"] })[0];
  }

  private nearestToMiddle(): MapGeoJSONFeature | undefined {
    const middle = this.map.project(this.map.getCenter());
    const distance = (feature: MapGeoJSONFeature): number => this.map.project(placeOf(feature)).dist(middle);
    const shown = this.map.queryRenderedFeatures({ layers: ["sites", "groups"] });
    return shown.sort((a, b) => distance(a) - distance(b))[0];
  }

  /** Open a site's popup, or move in on a group until it falls apart. */
  private async open(feature: MapGeoJSONFeature | undefined): Promise<void> {
    if (feature === undefined) return;
    const { cluster_id: group } = feature.properties;
    if (group !== undefined) {
      const zoom = (await this.source("sites")?.getClusterExpansionZoom(Number(group))) ?? this.map.getZoom() + 2;
      this.map.easeTo({ center: placeOf(feature), zoom: zoom + 0.3 });
      return;
    }
    const popup = new maplibregl.Popup({ maxWidth: "280px" }).setLngLat(placeOf(feature)).setDOMContent(contentOf(feature));
    popup.on("close", () => this.map.getCanvas().focus());
    popup.addTo(this.map);
    popup.getElement().addEventListener("keydown", ({ key }) => {
      if (key === "Escape") popup.remove();
    });
  }
}

function placeOf({ geometry }: MapGeoJSONFeature): [number, number] {
  return (geometry as Point).coordinates as [number, number];
}

function contentOf({ properties }: MapGeoJSONFeature): HTMLElement {
  const content = document.createElement("div");
  const link = document.createElement("a");
  link.className = "govuk-link";
  link.href = `/sites/${encodeURIComponent(String(properties["code"]))}`;
  link.textContent = String(properties["name"]);
  const state = document.createElement("p");
  const shown = document.querySelector(`[data-legend="${CSS.escape(String(properties["state"]))}"] .hr-status`);
  if (shown !== null) state.append(shown.cloneNode(true));
  content.append(link, state);
  if (typeof properties["shown"] === "string") {
    const value = document.createElement("p");
    value.textContent = properties["shown"];
    content.append(value);
  }
  return content;
}
