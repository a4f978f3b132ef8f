// Where the sensor is: from the telephone, from the small map, or typed; whichever came last counts.
import type { RegisterForm } from "./form";
import { Picker, type Place } from "./picker";
import type { Lists } from "./store";

const WITHIN_MS = 20_000;
const DECIMALS = 6; // 0.1 m

/** Let the telephone's position and the small map fill in the fields. */
export function startPosition(form: RegisterForm, root: HTMLFormElement, lists: () => Lists | undefined): void {
  const holder = find("picker");
  const picker = new Picker(holder, () => lists()?.tiles ?? "", (place) => take(place, "Put on the map by hand."));
  find("zoom-in").addEventListener("click", () => picker.zoomBy(1));
  find("zoom-out").addEventListener("click", () => picker.zoomBy(-1));

  const take = (place: Place, text: string): void => {
    form.fill({
      latitude: place.latitude.toFixed(DECIMALS),
      longitude: place.longitude.toFixed(DECIMALS),
      position_accuracy_m: place.accuracy === null ? "" : place.accuracy.toFixed(1),
    });
    say(text);
    form.offerNearest(lists()?.sites ?? [], place.latitude, place.longitude);
  };

  const button = find<HTMLButtonElement>("use-position");
  button.hidden = !("geolocation" in navigator);
  button.addEventListener("click", () => {
    say("Looking for this telephone’s position…");
    navigator.geolocation.getCurrentPosition(
      ({ coords: { latitude, longitude, accuracy } }) => {
        const place = { latitude, longitude, accuracy };
        take(place, `This telephone’s position, right to about ${Math.round(accuracy)} m. Move the pin if it is beside the sensor.`);
        picker.show(place);
      },
      (error) => say(reasonOf(error)),
      { enableHighAccuracy: true, timeout: WITHIN_MS, maximumAge: 0 },
    );
  });

  for (const name of ["latitude", "longitude"]) {
    find<HTMLInputElement>(name).addEventListener("change", () => {
      form.fill({ position_accuracy_m: "" });
      say("");
    });
  }
  root.addEventListener("filled", () => picker.show(typed(form)));
  root.addEventListener("change", () => picker.show(typed(form)));
  picker.show(typed(form));
}

function typed(form: RegisterForm): Place | null {
  const { latitude, longitude, position_accuracy_m } = form.read();
  const [north, east] = [Number(latitude), Number(longitude)];
  const isThere = latitude !== "" && longitude !== "" && Math.abs(north) <= 90 && Math.abs(east) <= 180;
  if (!isThere) return null;
  return { latitude: north, longitude: east, accuracy: position_accuracy_m === "" ? null : Number(position_accuracy_m) };
}

function reasonOf(error: GeolocationPositionError): string {
  if (error.code === error.PERMISSION_DENIED) {
    return "This telephone does not give its position to this page. Allow it in the browser’s settings, or enter the position.";
  }
  return "This telephone has not found its position. Go where more of the sky is seen and try again, or enter the position.";
}

function say(text: string): void {
  find("position-status").textContent = text;
}

function find<T extends HTMLElement = HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no #${id}`);
  return found as T;
}
