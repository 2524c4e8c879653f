"""Octavia's API with the amphora worker as a thread: over the in-memory bus both must share a process."""
import os

import octavia_sockets  # noqa: F401 (its effect is the import)
from octavia.api.app import setup_app

application = setup_app(argv=['octavia-api', '--config-file', os.environ['OCTAVIA_CONF']])

# These read the configuration that setup_app has loaded.
import oslo_messaging as messaging
from octavia.common import constants, rpc, utils
from octavia.controller.queue.v2 import endpoints
from octavia.controller.worker.v2.tasks import network_tasks
from octavia.network.drivers.noop_driver.driver import NoopNetworkDriver
from oslo_config import cfg


class VipPortDriver(NoopNetworkDriver):
    """Plugs nothing, but keeps and deletes the VIP port that the API made in Neutron."""

    def allocate_vip(self, load_balancer):
        return utils.get_network_driver().allocate_vip(load_balancer)

    def deallocate_vip(self, vip):
        neutron = utils.get_network_driver()
        try:
            if neutron.get_port(vip.port_id).device_owner == 'Octavia':
                neutron.neutron_client.delete_port(vip.port_id)
        except Exception:
            network_tasks.LOG.exception('VIP port %s stays', vip.port_id)
        return super().deallocate_vip(vip)


network_tasks.BaseNetworkTask.network_driver = property(lambda self: VipPortDriver())


def start_worker():
    rpc.init()
    target = messaging.Target(topic=constants.TOPIC_AMPHORA_V2, server=cfg.CONF.host, fanout=False)
    server = rpc.get_server(target, [endpoints.Endpoints()], executor='threading')
    server.start()
    return server


worker = start_worker()
