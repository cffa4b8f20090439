# MicroPython for a companion with this chip: no Bluetooth, TLS records of 8 KB, our own first file (manifest.py).
# docs/install.md says how to build it.
set(IDF_TARGET esp32s3)
set(SDKCONFIG_DEFAULTS
    boards/sdkconfig.base
    boards/sdkconfig.usb
    boards/sdkconfig.spiram_sx
    ${MICROPY_BOARD_DIR}/../sdkconfig.companion
)
set(MICROPY_FROZEN_MANIFEST ${MICROPY_BOARD_DIR}/../manifest.py)
