"""A virtual machine on a tenant network, for tests: a namespace vm-NAME plugged into a hypervisor.

    vm up NAME [--network k8s-pods] [--hypervisor oc1] [--group k8s-pods]...    prints what it made as JSON
    vm down NAME                                                              also deletes its port; gone is no error
    vm list
"""
import argparse
import ipaddress
import json
import os
import re
import sys

from cloud import HYPERVISORS, OS_DIR, connect, netns_exists
from plug import plug, unplug

RECORDS = os.path.join(OS_DIR, 'vms')


def record_of(name):
    return os.path.join(RECORDS, name + '.json')


def read(name):
    try:
        with open(record_of(name)) as f:
            return json.load(f)
    except FileNotFoundError:
        return None


def write(vm):
    os.makedirs(RECORDS, exist_ok=True)
    with open(record_of(vm['name']), 'w') as f:
        json.dump(vm, f)


def find(what, kind, name):
    return what(name) or sys.exit(f'vm: no {kind} {name}')


def up(args):
    known = read(args.name)
    if known and netns_exists(known['netns']):
        print(json.dumps(known, indent=1))
        return
    admin, user = connect()
    network = find(user.network.find_network, 'network', args.network)
    subnet = next(user.network.subnets(network_id=network.id, ip_version=4), None)
    if not subnet:
        sys.exit(f'vm: network {args.network} has no IPv4 subnet')
    groups = [find(user.network.find_security_group, 'security group', g).id for g in args.group or ['k8s-pods']]
    netns = 'vm-' + args.name
    port = next(user.network.ports(name=netns, network_id=network.id), None) or user.network.create_port(
        name=netns, network_id=network.id, security_groups=groups)
    # on record before it is plugged, so that down finds whatever a failure leaves
    vm = {'name': args.name, 'netns': netns, 'hypervisor': args.hypervisor, 'network': network.id, 'port': port.id,
          'mac': port.mac_address, 'address': port.fixed_ips[0]['ip_address'], 'gateway': subnet.gateway_ip}
    write(vm)
    port = admin.network.update_port(
        port.id, binding_host_id=args.hypervisor, device_owner='compute:nova', device_id=netns)
    unplug(netns, args.hypervisor, port.id)
    plug(netns, args.hypervisor, port, ipaddress.ip_network(subnet.cidr).prefixlen, subnet.gateway_ip, network.mtu)
    print(json.dumps(vm, indent=1))


def down(args):
    vm = read(args.name)
    if not vm:
        return
    unplug(vm['netns'], vm['hypervisor'], vm['port'])
    _, user = connect()
    user.network.delete_port(vm['port'], ignore_missing=True)
    os.remove(record_of(args.name))


def names():
    return sorted(f.removesuffix('.json') for f in os.listdir(RECORDS)) if os.path.isdir(RECORDS) else []


def show_all(_):
    print(json.dumps([read(n) for n in names()], indent=1))


def unplug_all(_):
    for name in names():
        vm = read(name)
        unplug(vm['netns'], vm['hypervisor'], vm['port'])


def vm_name(text):
    if not re.fullmatch(r'[a-z0-9][a-z0-9-]{0,19}', text):
        raise argparse.ArgumentTypeError(f'{text!r}: lower-case letters, digits and dashes, at most 20')
    return text


def main():
    parser = argparse.ArgumentParser(prog='stack vm', description='A virtual machine on a tenant network.')
    actions = parser.add_subparsers(required=True, metavar='ACTION')
    p = actions.add_parser('up', help='make one; prints ids and addresses as JSON')
    p.add_argument('name', type=vm_name)
    p.add_argument('--network', default='k8s-pods')
    p.add_argument('--hypervisor', default=HYPERVISORS[0], choices=HYPERVISORS)
    p.add_argument('--group', action='append', help='security group (default: k8s-pods, which lets everything in)')
    p.set_defaults(call=up)
    p = actions.add_parser('down', help='delete one and its port')
    p.add_argument('name', type=vm_name)
    p.set_defaults(call=down)
    actions.add_parser('list', help='all, as JSON').set_defaults(call=show_all)
    actions.add_parser('unplug', help='take all from their hypervisors; their ports stay').set_defaults(call=unplug_all)
    args = parser.parse_args()
    args.call(args)


main()
