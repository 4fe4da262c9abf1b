"""What a memory costs to buy and to connect: proxies that keep wider and newer memories from being free.

Like the controller's proxy (`simulators.dram.area`) these numbers put designs in order; they are no prices
and no layout. Capacity and packages are exact, signal pins follow the ball lists of the standards (power and
ground not counted), the rest are round assumptions, each with its reason:

* Bits: relative to commodity DDR4. Commodity parts of the next generation sell at a small premium, LPDDR at a
  larger one; GDDR6 dies are larger for their speed. A stack takes about three times the wafer area of DDR5 a
  bit (the "trade ratio" that vendors give for HBM3E), and stacking and testing on top of it.
* Packages are bought whole. A device that comes with several channels (a DDR5 module has two, an HBM stack
  eight or sixteen) is charged for all of them even where fewer are used.
* Interface area, a signal: a pad with driver, receiver and its share of the delay lines. About 10 mm2 for a
  64-bit DDR channel, 2 to 3 mm2 for 16 bits of LPDDR, 15 to 20 mm2 for the 1,700 micro bumps of a stack.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from simulators.dram.memory.devices import Device

_GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class MemoryCost:
    """The proxies of one memory.

    price: 1 GiB of commodity DDR4 = 1. pins: signals between controller and memory. interface_mm2: their
    drivers and receivers on the controller's die. packages: modules, packages or stacks. capacity_gib: of the
    channels that are used.
    """

    price: float
    pins: int
    interface_mm2: float
    packages: int
    capacity_gib: float


@dataclass(frozen=True, slots=True)
class Connection:
    """What a standard needs beside its bits.

    bit_price: of a bit, commodity DDR4 = 1. package_price: of one package on its board or interposer, in GiB
    of DDR4. byte_pins: strobes, masks and inversion beside 8 data pins. command_pins: command, address and
    clock of one channel. rank_pins: select and enable signals of one rank. pin_mm2: interface area of one
    signal.
    """

    bit_price: float
    package_price: float
    byte_pins: float
    command_pins: int
    rank_pins: int
    pin_mm2: float


CONNECTIONS: dict[str, Connection] = {
    # 16 address, 3 bank, 3 command, 2 clock, reset; CS, CKE, ODT a rank; DQS pair and DM a byte (JESD79-3)
    "DDR3": Connection(1.0, 0.5, 3, 25, 3, 0.1),
    # 18 address, 2 + 2 bank, ACT, parity, alert, reset, 2 clock; CS, CKE, ODT a rank (JESD79-4)
    "DDR4": Connection(1.0, 0.5, 3, 28, 3, 0.1),
    # 13 command/address, 2 clock, alert, reset; CS a rank; DQS pair and DM a byte (JESD79-5)
    "DDR5": Connection(1.2, 0.75, 3, 17, 1, 0.1),
    # 6 command/address, 2 clock, reset; CS, CKE a rank; DQS pair and DMI a byte (JESD209-4)
    "LPDDR4": Connection(1.2, 0.25, 3, 9, 2, 0.06),
    # 7 command/address, 2 clock, reset; CS a rank; WCK pair, RDQS pair and DMI a byte (JESD209-5)
    "LPDDR5": Connection(1.4, 0.25, 5, 10, 1, 0.06),
    # 10 command/address, inversion, CKE, clock pair; WCK pair, EDC and DBI a byte (JESD250)
    "GDDR6": Connection(2.0, 0.5, 4, 14, 0, 0.1),
    # 7 row, 8 column, CKE, clock pair, errors; strobes, DBI, DM and parity a byte (JESD235)
    "HBM2": Connection(4.0, 8.0, 4, 20, 0, 0.01),
    # 10 row, 8 column, clock pair, errors; strobes, ECC, SEV, DBI and parity a byte (JESD238)
    "HBM3": Connection(5.0, 8.0, 5, 22, 0, 0.01),
}
"""By the id of the standard; one that is not listed is taken for DDR4."""


def memory_cost(device: Device, package_channels: int) -> MemoryCost:
    """The proxies of `device`, as it is arranged in channels and ranks.

    package_channels: channels that come in one package; the last package costs as much as any, full or not.
    """
    packages = math.ceil(device.channels / package_channels)
    bought_gib = device.capacity_bytes / device.channels * packages * package_channels / _GIB
    connection = CONNECTIONS.get(device.standard, CONNECTIONS["DDR4"])
    width_bits = device.bus_width_bits * (device.ranks if device.pseudo_channels else 1)
    selects = connection.rank_pins * (1 if device.pseudo_channels else device.ranks)
    channel = width_bits + connection.byte_pins * width_bits / 8 + connection.command_pins + selects
    pins = math.ceil(channel) * device.channels
    return MemoryCost(
        price=bought_gib * connection.bit_price + packages * connection.package_price,
        pins=pins,
        interface_mm2=pins * connection.pin_mm2,
        packages=packages,
        capacity_gib=device.capacity_bytes / _GIB,
    )
