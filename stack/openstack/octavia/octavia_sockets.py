"""The OVN provider looks for the driver agent's sockets in /var/run/octavia only: importing this moves them to $OCTAVIA_RUN."""
import os

from octavia_lib.api.drivers import driver_lib

driver_lib.DriverLibrary.__init__.__defaults__ = tuple(
    f"{os.environ['OCTAVIA_RUN']}/octavia-{name}.sock" for name in ('status', 'stats', 'get'))
