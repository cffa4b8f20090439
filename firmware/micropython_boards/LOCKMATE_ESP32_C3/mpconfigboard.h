// MicroPython for a companion with this chip: code runs from a ROMFS in the flash, and there is no Bluetooth.
#define MICROPY_HW_BOARD_NAME "Lockmate companion"
#define MICROPY_HW_MCU_NAME "ESP32C3"
#define MICROPY_VFS_ROM (1)
#define MICROPY_PY_BLUETOOTH (0)
#define MICROPY_HW_ENABLE_UART_REPL (1)
