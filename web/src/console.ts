// What every page of the console loads; charts and the map come only where a page has some.
import { startArrivals } from "./arrivals";
import { startFilter } from "./filter";
import { startFrame } from "./frame";
import { startLive } from "./live";
import { startPauseButton } from "./pace";

startFrame();

const find = <T extends HTMLElement>(selector: string): T | null => document.querySelector<T>(selector);

const live = find("#live");
if (live !== null) startLive(live);

const arrivals = find("[data-arrivals]");
if (arrivals !== null) startArrivals(arrivals);

const pause = find<HTMLButtonElement>("#pause-updates");
if (pause !== null) startPauseButton(pause);

const filter = find<HTMLFormElement>("form[data-filter]");
if (filter !== null) startFilter(filter);

const charts = find("[data-charts]");
if (charts !== null) void import("./charts").then(({ startCharts }) => startCharts(charts));

const rates = find("[data-rates]");
if (rates !== null) void import("./rates").then(({ startRates }) => startRates(rates));

const trial = find<HTMLFormElement>("[data-trial-form]");
if (trial !== null) void import("./trial").then(({ startTrial }) => startTrial(trial));

const map = find("[data-map]");
if (map !== null) void import("./map").then(({ startMap }) => startMap(map));
