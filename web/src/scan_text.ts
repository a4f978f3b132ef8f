// What a scanned code says: a LoRaWAN TR005 sticker, a bare EUI, or the short link of one of our labels.
// devices/tr005.py reads the same on the server; tests/data/scan_texts.json holds both to the same answers.

export interface Scan {
  uid: string;
  join_eui: string | null;
  profile_id: string | null;
  serial: string | null;
}

export interface NoScan {
  problem: string;
}

const MOST = 1000;
const LINK = /^https?:\/\/[^/?#\s]+(?:\/[^?#\s]*)?\/d\/([^/?#\s]+)\/?(?:[?#]\S*)?$/i;
const PREFIX = /^(?:(?:dev(?:ice)? ?)?eui(?:-?64)? ?[:=#]? ?|0x)/i;
const EUI = /^[0-9a-f]{16}$/;
const EUI_IN_PAIRS = /^(?:[0-9a-f]{2}[-: ]?){7}[0-9a-f]{2}$/;
const UID = /^[a-z0-9][a-z0-9._:-]{0,127}$/;
const PROFILE = /^[0-9A-F]{8}$/;

export function readScan(scanned: string): Scan | NoScan {
  const text = scanned.trim();
  if (text === "") return { problem: "The code is empty." };
  if (text.length > MOST) return { problem: "The code is too long to be that of a device." };
  if (/^LW:D0:/i.test(text)) return sticker(text);
  const link = LINK.exec(text)?.[1];
  if (link !== undefined) return linked(link);
  const uid = euiOf(text.replace(PREFIX, ""));
  if (uid !== null) return { uid, join_eui: null, profile_id: null, serial: null };
  return {
    problem: "This is no code of a device: it holds neither a LoRaWAN sticker, nor an EUI, nor the link of a label.",
  };
}

function sticker(text: string): Scan | NoScan {
  const fields = text.split(":");
  const [joinText, uidText, profileText] = fields.slice(2);
  if (joinText === undefined || uidText === undefined || profileText === undefined) {
    return { problem: "The LoRaWAN code is not complete. Scan it again, or type the DevEUI." };
  }
  const [join_eui, uid, profile_id] = [euiOf(joinText), euiOf(uidText), profileText.toUpperCase()];
  if (uid === null || join_eui === null || !PROFILE.test(profile_id)) {
    return { problem: "The LoRaWAN code holds no JoinEUI, DevEUI and profile. Scan it again, or type the DevEUI." };
  }
  const more = fields.slice(5);
  const last = more[more.length - 1] ?? "";
  if (/^C/i.test(last) && last.slice(1).toUpperCase() !== checksum(text)) {
    return { problem: "The LoRaWAN code was misread: its checksum does not fit. Scan it again." };
  }
  const serial = more.find((field) => /^S/i.test(field))?.slice(1) ?? "";
  return { uid, join_eui, profile_id, serial: serial === "" ? null : serial };
}

// CRC-16/MODBUS of what stands before the last colon, as TR005 wants.
function checksum(text: string): string {
  let crc = 0xffff;
  for (const byte of new TextEncoder().encode(text.slice(0, text.lastIndexOf(":")).toUpperCase())) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (crc & 1 ? 0xa001 : 0);
  }
  return crc.toString(16).toUpperCase().padStart(4, "0");
}

function euiOf(text: string): string | null {
  const plain = text.replace(/[-:. _]/g, "").toLowerCase();
  return EUI.test(plain) ? plain : null;
}

function linked(text: string): Scan | NoScan {
  let uid = "";
  try {
    uid = decodeURIComponent(text).trim().toLowerCase();
  } catch {
    // A broken %-sequence: no uid.
  }
  if (EUI_IN_PAIRS.test(uid)) uid = uid.replace(/[-: ]/g, "");
  if (!UID.test(uid)) {
    return { problem: "The link names no device: what follows /d/ is no EUI and no name of a device." };
  }
  return { uid, join_eui: null, profile_id: null, serial: null };
}
