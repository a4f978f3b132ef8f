"""Radio in words: how well a gateway heard a device, as an engineer by the roadside can use it."""

from __future__ import annotations

_LEAST_SNR = {7: -7.5, 8: -10.0, 9: -12.5, 10: -15.0, 11: -17.5, 12: -20.0}
"""What a gateway needs to read a message, by spreading factor [dB] (Semtech SX1276 data sheet, table 13)."""
_GOOD_MARGIN_DB, _FAIR_MARGIN_DB = 10.0, 5.0
_GOOD_RSSI, _FAIR_RSSI = -100.0, -115.0


def signal_word(rssi: float | None, snr: float | None, spreading_factor: int | None) -> str:
    """Judge a signal: good, fair or weak; empty where too little is known.

    Parameters
    ----------
    rssi
        At the best gateway [dBm]; counts only where the signal-to-noise ratio says nothing.
    snr
        At the best gateway [dB]: what it exceeds the needed one by is what rain and leaves may take away.
    """
    if snr is not None and spreading_factor in _LEAST_SNR:
        margin = snr - _LEAST_SNR[spreading_factor]
        return "good" if margin >= _GOOD_MARGIN_DB else "fair" if margin >= _FAIR_MARGIN_DB else "weak"
    if rssi is not None:
        return "good" if rssi >= _GOOD_RSSI else "fair" if rssi >= _FAIR_RSSI else "weak"
    return ""


def speed_text(spreading_factor: int | None) -> str:
    """Say what a spreading factor means; empty where it is not known."""
    if spreading_factor is None:
        return ""
    if spreading_factor <= 8:
        return f"SF{spreading_factor}: fast, saves the battery"
    if spreading_factor <= 10:
        return f"SF{spreading_factor}: middling"
    return f"SF{spreading_factor}: slow, as from far away; it costs battery"


def loss_word(loss: float) -> str:
    """Judge the share of packets lost, 0 to 1."""
    return "little" if loss < 0.02 else "usual" if loss < 0.1 else "much" if loss < 0.3 else "very much"
