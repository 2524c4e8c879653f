"""Projects, users, roles, services and endpoints: users.py SERVICE-PASSWORD KURYR-PASSWORD REGION NEUTRON OCTAVIA."""
import sys

import openstack


def main(service_password, kuryr_password, region, neutron, octavia):
    identity = openstack.connect(cloud='admin').identity

    def role(name):
        return identity.find_role(name) or identity.create_role(name=name)

    def project(name):
        return identity.find_project(name) or identity.create_project(name=name, domain_id='default')

    def user(name, in_project, password, *roles):
        found = identity.find_user(name) or identity.create_user(
            name=name, password=password, domain_id='default', default_project_id=in_project.id)
        for r in roles:
            identity.assign_project_role_to_user(in_project, found, role(r))

    def endpoint(name, kind, url):
        service = next(identity.services(type=kind), None) or identity.create_service(name=name, type=kind)
        have = {e.interface for e in identity.endpoints(service_id=service.id)}
        for interface in {'public', 'internal', 'admin'} - have:
            identity.create_endpoint(service_id=service.id, interface=interface, region_id=region, url=url)

    for name in ('service', 'load-balancer_member', 'load-balancer_admin', 'load-balancer_observer'):
        role(name)
    user('neutron', project('service'), service_password, 'admin', 'service')
    user('octavia', project('service'), service_password, 'admin', 'service')
    user('admin', project('admin'), None, 'admin', 'load-balancer_admin')
    user('kuryr', project('k8s'), kuryr_password, 'member', 'load-balancer_member')
    endpoint('neutron', 'network', neutron)
    endpoint('octavia', 'load-balancer', octavia)


main(*sys.argv[1:])
