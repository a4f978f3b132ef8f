// What every page of the console loads; charts come only where a page has some.
import { createAll, Button, ErrorSummary, PasswordInput, SkipLink } from "govuk-frontend";
import "../styles/console.scss";
import { startFilter } from "./filter";
import { startLive } from "./live";
import { startPauseButton } from "./pace";

document.body.classList.add("js-enabled", "govuk-frontend-supported");
for (const component of [Button, ErrorSummary, PasswordInput, SkipLink]) createAll(component);

const find = <T extends HTMLElement>(selector: string): T | null => document.querySelector<T>(selector);

const live = find("#live");
if (live !== null) startLive(live);

const pause = find<HTMLButtonElement>("#pause-updates");
if (pause !== null) startPauseButton(pause);

const filter = find<HTMLFormElement>("form[data-filter]");
if (filter !== null) startFilter(filter);

const charts = find("[data-charts]");
if (charts !== null) void import("./charts").then(({ startCharts }) => startCharts(charts));

const rates = find("[data-rates]");
if (rates !== null) void import("./rates").then(({ startRates }) => startRates(rates));
