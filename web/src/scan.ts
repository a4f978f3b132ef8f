// Reads a code through the camera: by the browser's own reader where there is one, else by ZXing, loaded only then.
import type { IScannerControls } from "@zxing/browser";

interface Detector {
  detect(source: HTMLVideoElement): Promise<{ rawValue: string }[]>;
}

interface DetectorClass {
  new (options: { formats: string[] }): Detector;
  getSupportedFormats(): Promise<string[]>;
}

const LOOK_EVERY_MS = 150;
const CAMERA: MediaStreamConstraints = { video: { facingMode: "environment", width: { ideal: 1280 } } };

/** Look through the camera, shown in `video`, until `take` accepts what was read or the signal stops it. */
export async function scan(video: HTMLVideoElement, take: (text: string) => boolean, stop: AbortSignal): Promise<void> {
  const detector = await makeDetector();
  if (detector === null) await scanWithZxing(video, take, stop);
  else await scanWithDetector(detector, video, take, stop);
}

async function makeDetector(): Promise<Detector | null> {
  const Detector = (globalThis as { BarcodeDetector?: DetectorClass }).BarcodeDetector;
  if (Detector === undefined) return null;
  const formats = (await Detector.getSupportedFormats()).filter((format) => ["qr_code", "data_matrix"].includes(format));
  return formats.includes("qr_code") ? new Detector({ formats }) : null;
}

async function scanWithDetector(
  detector: Detector,
  video: HTMLVideoElement,
  take: (text: string) => boolean,
  stop: AbortSignal,
): Promise<void> {
  const stream = await navigator.mediaDevices.getUserMedia(CAMERA);
  try {
    video.srcObject = stream;
    await video.play();
    while (!stop.aborted) {
      const found = await detector.detect(video);
      if (found.some(({ rawValue }) => take(rawValue))) return;
      await new Promise((resolve) => window.setTimeout(resolve, LOOK_EVERY_MS));
    }
  } finally {
    stream.getTracks().forEach((track) => track.stop());
    video.srcObject = null;
  }
}

async function scanWithZxing(video: HTMLVideoElement, take: (text: string) => boolean, stop: AbortSignal): Promise<void> {
  const { BrowserQRCodeReader } = await import("@zxing/browser");
  if (stop.aborted) return;
  const reader = new BrowserQRCodeReader(undefined, { delayBetweenScanAttempts: LOOK_EVERY_MS });
  await new Promise<void>((resolve, reject) => {
    const look = (result: { getText(): string } | undefined, _error: unknown, controls: IScannerControls): void => {
      if (stop.aborted || (result !== undefined && take(result.getText()))) {
        controls.stop();
        resolve();
      }
    };
    reader.decodeFromConstraints(CAMERA, video, look).catch(reject);
  });
}
