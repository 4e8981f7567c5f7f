"""pydicom, as far as a page's reader knows it, for files of 64 values of 16 bits."""

import numpy as np


class _Scan:
    RescaleSlope, RescaleIntercept, WindowCenter, WindowWidth = "2", "-1024", "40", "400"


def dcmread(path):
    """One slice."""
    scan = _Scan()
    with open(path, "rb") as file:
        scan.pixel_array = np.frombuffer(file.read(), dtype=np.uint16).reshape(8, 8)
    return scan
