"""The Debian packages MicroPython runs from, pinned: for each a list of files, best first, each with its SHA-256.

A mirror keeps only the newest files, so one pin is not enough; the first that can still be had is taken. The files of
Debian 13 come first and those of later suites last: their libraries may want a newer C library than ours.
"""

from __future__ import annotations

from typing import NamedTuple


class Pin(NamedTuple):
    """One file of the Debian archive."""

    path: str
    sha256: str

    @property
    def name(self) -> str:
        """The file's own name, which tells package, version and word size."""
        return self.path.rsplit("/", 1)[-1]


PACKAGES = ("micropython", "libc6", "libffi8", "libmbedcrypto16", "libmbedtls21", "libmbedx509-7")

_MP = "pool/main/m/micropython/micropython_"
_C = "pool/main/g/glibc/libc6_"
_FFI = "pool/main/libf/libffi/libffi8_"
_TLS = "pool/main/m/mbedtls/libmbed"

PINS: dict[str, dict[str, list[Pin]]] = {
    "i386": {
        "micropython": [
            Pin(_MP + "1.25.0+ds-1_i386.deb", "a72799821cb45442150f8a7f0757bc8e4f9a4b64abccbd837d694a20d6900bb5"),
            Pin(_MP + "1.26.1+ds-1_i386.deb", "11048df6c849f1e96bc4290360a294583d3c9e949c92efcd8bf79d40074a8180"),
        ],
        "libc6": [
            Pin(_C + "2.41-12+deb13u4_i386.deb", "67bb4b54cf4bb6a380449dfa1852cd9135659f85360caa0e41d312f4b30e573a"),
            Pin(_C + "2.43-7_i386.deb", "e18975c43109a3c6b2fc92c010ce7508d2379b60c1b312f778b32f69fb62f1a4"),
            Pin(_C + "2.36-9+deb12u14_i386.deb", "76b12e06be66ec3fc2c1791d7d8cf34c2b828ed210e3913feeeb8edc9688f820"),
        ],
        "libffi8": [
            Pin(_FFI + "3.4.8-2_i386.deb", "8bafefb38c320ca27796070c881595ce04d900c3b534ac142a494daf1fe1db13"),
            Pin(_FFI + "3.4.4-1_i386.deb", "21b4d7de1cea73aa8d594106e473c1c6b6f33fd11cb66af5db35f9317f5f9a60"),
            Pin(_FFI + "3.8.0-2_i386.deb", "9fc9b45598c392b10ec44ab03182a3cb88265f695cb46e7731b1802a7729dd10"),
        ],
        "libmbedcrypto16": [
            Pin(
                _TLS + "crypto16_3.6.6-0.1~deb13u1_i386.deb",
                "aa4698ed436eebf77e3dc9f5c514073bd554109d857d887db5a367dde9a5c377",
            ),
            Pin(_TLS + "crypto16_3.6.7-3_i386.deb", "7a520415c11205b29d714e8a6db7cd7728d60f6f63d1f91a32527d2a276badbb"),
        ],
        "libmbedtls21": [
            Pin(
                _TLS + "tls21_3.6.6-0.1~deb13u1_i386.deb",
                "eb1b20154ce9008aca1d036698ffc12019020a54985d2c5ae3dc1c1c39c9e995",
            ),
            Pin(_TLS + "tls21_3.6.7-3_i386.deb", "706e25f283a8ad2985210c0e72da90ad713146908fe69d5be0904caf6ac8293b"),
        ],
        "libmbedx509-7": [
            Pin(
                _TLS + "x509-7_3.6.6-0.1~deb13u1_i386.deb",
                "fe6ba192c9227d30a4cd05a3bdeccdf9ff30d55b27d8ff488126c16dcf727cce",
            ),
            Pin(_TLS + "x509-7_3.6.7-3_i386.deb", "e5c8ffe0a507fd26013acb69446628e762dc9fd64d0a687bfbfa931c8abc242f"),
        ],
    },
    "amd64": {
        "micropython": [
            Pin(_MP + "1.25.0+ds-1_amd64.deb", "a2c8327c1005cbf0f15c83d1d3b94c20585135c29a97ab1483ada93b82d94a88"),
            Pin(_MP + "1.26.1+ds-1_amd64.deb", "83f5e13ca013498bc9f6719e2635983f76a16c62bad54bdcc230dff87417e5e7"),
        ],
        "libc6": [
            Pin(_C + "2.41-12+deb13u5_amd64.deb", "b59b0625cd1a791375d40dab23a4d5d3d0641e3d0a773501becdc3725b7f99cf"),
            Pin(_C + "2.43-7_amd64.deb", "5c71715c51103beb4fbba9fe9f8dff604af6610dfa71c70bff342f54a7860803"),
        ],
        "libffi8": [
            Pin(_FFI + "3.4.8-2_amd64.deb", "0ebdc340de33333639c3c63874cd4b15ac2e83dfa1ef3053b7eefaf4919f4f68"),
            Pin(_FFI + "3.8.0-2_amd64.deb", "8f52979b2f3831088c419aae858f10fd3ad7e42cc6c1d28967bae996a98223a4"),
        ],
        "libmbedcrypto16": [
            Pin(
                _TLS + "crypto16_3.6.6-0.1~deb13u1_amd64.deb",
                "b38baf2ecaca7b28b3005d34b8108ee9b17681426b20662813995e939aea6dfa",
            ),
            Pin(
                _TLS + "crypto16_3.6.7-3_amd64.deb", "8bf8c2e38898ccd5b0cbf6294a8a790fe6989045fb3d8c03fa090d993279b503"
            ),
        ],
        "libmbedtls21": [
            Pin(
                _TLS + "tls21_3.6.6-0.1~deb13u1_amd64.deb",
                "9e280505afa5f5aa7034e494e7466c82d8e9af2eb3bf2edf46bab0bd7b62e1ac",
            ),
            Pin(_TLS + "tls21_3.6.7-3_amd64.deb", "32f71b432ac91867c9f903e8a8b617acecef8ca5478fd82acff19fab0283cb1d"),
        ],
        "libmbedx509-7": [
            Pin(
                _TLS + "x509-7_3.6.6-0.1~deb13u1_amd64.deb",
                "e0b6630efcf9eae2e05172496576bc3235be134a6bbf8da4cf3570fba65f65b8",
            ),
            Pin(_TLS + "x509-7_3.6.7-3_amd64.deb", "b2d8f679701b0d36173abba6143401ac82ec755eb529f2cf57f0949b313a6157"),
        ],
    },
}
