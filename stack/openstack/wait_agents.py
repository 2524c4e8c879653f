"""Waits up to 60 s until Neutron sees each agent alive: wait_agents.py HOST/BINARY..."""
import sys
import time

import openstack


def main(wanted):
    network = openstack.connect(cloud='admin').network
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if wanted <= {f'{a.host}/{a.binary}' for a in network.agents() if a.is_alive}:
            return 0
        time.sleep(0.2)
    return 1


sys.exit(main(set(sys.argv[1:])))
