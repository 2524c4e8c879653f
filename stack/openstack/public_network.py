"""The external network `public` and the quotas of project k8s: public_network.py FIRST-THREE-OCTETS QUOTA."""
import sys

import openstack

NETWORK_QUOTAS = ('port', 'network', 'subnet', 'security_group', 'security_group_rule', 'trunk', 'floatingip', 'router')
BALANCER_QUOTAS = ('load_balancer', 'listener', 'pool', 'member', 'health_monitor')


def main(prefix, quota):
    cloud = openstack.connect(cloud='admin')
    net = cloud.network.find_network('public') or cloud.network.create_network(
        name='public', is_router_external=True, provider_network_type='flat', provider_physical_network='physnet1')
    if not cloud.network.find_subnet('public'):
        cloud.network.create_subnet(
            name='public', network_id=net.id, ip_version=4, cidr=prefix + '.0/24', gateway_ip=prefix + '.1',
            is_dhcp_enabled=False, allocation_pools=[{'start': prefix + '.100', 'end': prefix + '.250'}])
    project = cloud.identity.find_project('k8s').id
    cloud.network.put(f'/quotas/{project}', json={'quota': {k: quota for k in NETWORK_QUOTAS}}).raise_for_status()
    cloud.load_balancer.put(f'/lbaas/quotas/{project}',
                            json={'quota': {k: -1 for k in BALANCER_QUOTAS}}).raise_for_status()


main(sys.argv[1], int(sys.argv[2]))
