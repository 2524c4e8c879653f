//! Each refusal that the product can meet: status, type and message as Neutron 21 answers them.

use kuryr_embedded_openstack::{ApiError, Fields, Kind};
use serde_json::{Value, json};

use crate::support::{Model, fields, id};

fn assert_refused<T: std::fmt::Debug>(
    result: Result<T, ApiError>,
    status: u16,
    kind: &str,
    message: &str,
) {
    let refused = result.unwrap_err();
    assert_eq!(
        (
            refused.status.as_u16(),
            refused.kind,
            refused.message.as_str()
        ),
        (status, kind, message)
    );
}

fn raw(model: &mut Model, trunk: &str, subport: Value) -> Result<Fields, ApiError> {
    model
        .cloud
        .add_subports(&model.caller, trunk, &json!({"sub_ports": [subport]}))
}

#[test]
fn a_vlan_is_given_once_to_a_trunk() {
    let mut model = Model::new();
    let (trunk, _) = model.trunk();
    let (one, two) = (model.port(), model.port());
    model.add(&trunk, &[(&one, 100)]).unwrap();
    let message =
        format!("segmentation_type vlan and segmentation_id 100 already in use on trunk {trunk}.");
    assert_refused(
        model.add(&trunk, &[(&two, 100)]),
        409,
        "DuplicateSubPort",
        &message,
    );
}

#[test]
fn a_port_is_on_one_trunk_only() {
    let mut model = Model::new();
    let (trunk, parent) = model.trunk();
    let port = model.port();
    model.add(&trunk, &[(&port, 100)]).unwrap();
    let in_use = format!("Port {port} is in use by another trunk.");
    assert_refused(
        model.add(&trunk, &[(&port, 101)]),
        409,
        "TrunkPortInUse",
        &in_use,
    );
    assert_refused(
        model.create(Kind::Trunk, json!({"port_id": port})),
        409,
        "TrunkPortInUse",
        &in_use,
    );
    let message =
        format!("Port {parent} is currently in use and is not eligible for use as a parent port.");
    assert_refused(
        model.add(&trunk, &[(&parent, 102)]),
        409,
        "ParentPortInUse",
        &message,
    );
    assert_refused(
        model.create(Kind::Trunk, json!({"port_id": parent})),
        409,
        "ParentPortInUse",
        &message,
    );
}

#[test]
fn a_port_of_a_trunk_is_not_deleted() {
    let mut model = Model::new();
    let (trunk, parent) = model.trunk();
    let port = model.port();
    model.add(&trunk, &[(&port, 100)]).unwrap();
    let mut delete = |id: &str| model.cloud.delete(&model.caller, Kind::Port, id, None);
    let subport = format!("Port {port} is currently a subport for trunk {trunk}.");
    assert_refused(delete(&port), 409, "PortInUseAsSubPort", &subport);
    let of_trunk = format!("Port {parent} is currently a parent port for trunk {trunk}.");
    assert_refused(delete(&parent), 409, "PortInUseAsTrunkParent", &of_trunk);
}

#[test]
fn what_is_no_subport_is_not_removed() {
    let mut model = Model::new();
    let (trunk, _) = model.trunk();
    let port = model.port();
    let message = format!("SubPort {port} on trunk {trunk} could not be found.");
    assert_refused(
        model.take(&trunk, &[&port]),
        404,
        "SubPortNotFound",
        &message,
    );
}

#[test]
fn subports_are_checked_for_their_form() {
    let mut model = Model::new();
    let (trunk, _) = model.trunk();
    let port = model.port();
    let subport = |vlan: Value| json!({"port_id": port, "segmentation_type": "vlan", "segmentation_id": vlan});
    let half = json!({"port_id": port, "segmentation_id": 7});
    let incomplete = format!(
        "Invalid subport details '{{'port_id': '{port}', 'segmentation_id': 7}}': missing segmentation information. Must \
         specify both segmentation_id and segmentation_type."
    );
    let cases = [
        (subport(json!(0)), "Segmentation ID '0' is not in range."),
        (
            subport(json!(4095)),
            "Segmentation ID '4095' is not in range.",
        ),
        (
            subport(json!("abc")),
            "Invalid subport details: segmentation_id 'abc' is not an integer.",
        ),
        (
            json!({"port_id": "x", "segmentation_type": "vlan", "segmentation_id": 1}),
            "Invalid UUID for subport: 'x'.",
        ),
        (
            json!({"segmentation_id": 5}),
            "A valid port UUID must be specified.",
        ),
        (
            json!({"port_id": port, "segmentation_type": "vxlan", "segmentation_id": 7}),
            "Unknown segmentation_type 'vxlan'.",
        ),
        (half, &incomplete),
    ];
    for (asked, reason) in cases {
        let message = format!("Invalid input for operation: {reason}");
        assert_refused(
            raw(&mut model, &trunk, asked),
            400,
            "InvalidInput",
            &message,
        );
    }
    let list =
        |model: &mut Model, list: Value| model.cloud.add_subports(&model.caller, &trunk, &list);
    let message =
        "Invalid input for operation: Invalid data format for subports: '5' is not a list.";
    assert_refused(
        list(&mut model, json!({"sub_ports": 5})),
        400,
        "InvalidInput",
        message,
    );
    assert_eq!(list(&mut model, json!({"foo": 1})).unwrap_err().status, 500);
}

#[test]
fn a_list_of_subports_is_added_whole_or_not_at_all() {
    let mut model = Model::new();
    let (trunk, _) = model.trunk();
    let (one, two) = (model.port(), model.port());
    let gone = uuid::Uuid::nil().to_string();
    let message = format!("Port {gone} could not be found.");
    assert_refused(
        model.add(&trunk, &[(&one, 1), (&gone, 2)]),
        404,
        "PortNotFound",
        &message,
    );
    let message =
        format!("Invalid input for operation: Segmentation ID '1' for '{two}' is not unique.");
    assert_refused(
        model.add(&trunk, &[(&one, 1), (&two, 1)]),
        400,
        "InvalidInput",
        &message,
    );
    let message = format!("Invalid input for operation: Non unique UUID for subport: '{one}'.");
    assert_refused(
        model.add(&trunk, &[(&one, 1), (&one, 2)]),
        400,
        "InvalidInput",
        &message,
    );
    assert_eq!(model.show(Kind::Trunk, &trunk)["sub_ports"], json!([]));
    model.add(&trunk, &[(&one, 1)]).unwrap();
    let message = format!("SubPort {two} on trunk {trunk} could not be found.");
    assert_refused(
        model.take(&trunk, &[&one, &two]),
        404,
        "SubPortNotFound",
        &message,
    );
    assert!(model.cloud.membership(&one).is_some());
}

#[test]
fn a_disabled_trunk_is_left_alone() {
    let mut model = Model::new();
    let (trunk, _) = model.trunk();
    let port = model.port();
    let down = fields(json!({"admin_state_up": false}));
    model
        .cloud
        .update(&model.caller, Kind::Trunk, &trunk, down, None)
        .unwrap();
    let message = format!("Trunk {trunk} is currently disabled.");
    assert_refused(
        model.add(&trunk, &[(&port, 1)]),
        409,
        "TrunkDisabled",
        &message,
    );
    assert_refused(
        model.cloud.delete(&model.caller, Kind::Trunk, &trunk, None),
        409,
        "TrunkDisabled",
        &message,
    );
}

#[test]
fn a_subport_has_no_device_and_no_larger_mtu() {
    let mut model = Model::new();
    let (trunk, _) = model.trunk();
    let (network, port) = (model.network.clone(), model.port());
    let used = fields(json!({"device_id": "vm"}));
    model
        .cloud
        .update(&model.caller, Kind::Port, &port, used, None)
        .unwrap();
    let message = format!(
        "Unable to complete operation on port {port} for network {network}. Port already has an attached device vm."
    );
    assert_refused(model.add(&trunk, &[(&port, 1)]), 409, "PortInUse", &message);

    let small = id(&model.create(Kind::Network, json!({"mtu": 1300})).unwrap());
    let parent = id(&model
        .create(Kind::Port, json!({"network_id": small}))
        .unwrap());
    let trunk = id(&model
        .create(Kind::Trunk, json!({"port_id": parent}))
        .unwrap());
    let port = model.port();
    let message =
        format!("MTU 1442 of subport {port} cannot be greater than MTU 1300 of trunk {parent}.");
    assert_refused(
        model.add(&trunk, &[(&port, 1)]),
        409,
        "SubPortMtuGreaterThanTrunkPortMtu",
        &message,
    );
}

#[test]
fn a_quota_holds_for_a_whole_bulk() {
    let mut model = Model::new();
    model.cloud.set_quota("p", "port", 2);
    let port = || fields(json!({"network_id": model.network}));
    let three = vec![port(), port(), port()];
    let message = "Quota exceeded for resources: ['port'].";
    assert_refused(
        model.cloud.create_bulk(&model.caller, Kind::Port, three),
        409,
        "OverQuota",
        message,
    );
    assert_eq!(model.cloud.used("p", Kind::Port), 0);
    let two = vec![fields(json!({"network_id": model.network})); 2];
    assert_eq!(
        model
            .cloud
            .create_bulk(&model.caller, Kind::Port, two)
            .unwrap()
            .len(),
        2
    );
}

#[test]
fn a_full_subnet_fails_a_whole_bulk() {
    let mut model = Model::new();
    let subnet = model.subnet.clone();
    model.cloud.fill_subnet(&subnet, 2);
    let three = vec![fields(json!({"network_id": model.network})); 3];
    let message = format!(
        "No more IP addresses available on network {}.",
        model.network
    );
    assert_refused(
        model.cloud.create_bulk(&model.caller, Kind::Port, three),
        409,
        "IpAddressGenerationFailure",
        &message,
    );
    assert_eq!(model.cloud.free_addresses(&subnet), Some(2));
    model.cloud.unfill_subnet(&subnet);
    assert_eq!(model.cloud.free_addresses(&subnet), Some(253));
}

#[test]
fn an_address_and_a_mac_are_given_once() {
    let mut model = Model::new();
    let (network, subnet) = (model.network.clone(), model.subnet.clone());
    let port = model.port();
    let port = model.show(Kind::Port, &port);
    let (mac, address) = (
        port["mac_address"].clone(),
        port["fixed_ips"][0]["ip_address"].clone(),
    );
    let ask = |extra: Value| {
        let mut asked = json!({ "network_id": network });
        asked.as_object_mut().unwrap().extend(fields(extra));
        asked
    };
    let message = format!("IP address 10.0.0.2 already allocated in subnet {subnet}");
    let again = ask(json!({"fixed_ips": [{ "ip_address": address }]}));
    assert_refused(
        model.create(Kind::Port, again),
        409,
        "IpAddressAlreadyAllocated",
        &message,
    );
    let mac_text = mac.as_str().unwrap();
    let message = format!(
        "Unable to complete operation for network {network}. The mac address {mac_text} is in use."
    );
    assert_refused(
        model.create(Kind::Port, ask(json!({ "mac_address": mac }))),
        409,
        "MacAddressInUse",
        &message,
    );
    let message =
        "IP address 10.9.9.9 is not a valid IP for any of the subnets on the specified network.";
    let elsewhere = ask(json!({"fixed_ips": [{"ip_address": "10.9.9.9"}]}));
    assert_refused(
        model.create(Kind::Port, elsewhere),
        400,
        "InvalidIpForNetwork",
        message,
    );
    let message = "IP address 10.9.9.9 is not a valid IP for the specified subnet.";
    let elsewhere = ask(json!({"fixed_ips": [{"ip_address": "10.9.9.9", "subnet_id": subnet}]}));
    assert_refused(
        model.create(Kind::Port, elsewhere),
        400,
        "InvalidIpForSubnet",
        message,
    );
}

#[test]
fn what_is_used_is_not_deleted() {
    let mut model = Model::new();
    let (network, subnet) = (model.network.clone(), model.subnet.clone());
    let group = id(&model
        .create(Kind::SecurityGroup, json!({"name": "g"}))
        .unwrap());
    let port = id(&model
        .create(
            Kind::Port,
            json!({"network_id": network, "security_groups": [group]}),
        )
        .unwrap());
    let mut delete = |kind, id: &str| model.cloud.delete(&model.caller, kind, id, None);
    assert_refused(
        delete(Kind::SecurityGroup, &group),
        409,
        "SecurityGroupInUse",
        &format!("Security Group {group} in use."),
    );
    assert_refused(
        delete(Kind::Subnet, &subnet),
        409,
        "SubnetInUse",
        &format!(
            "Unable to complete operation on subnet {subnet}: One or more ports have an IP allocation from this subnet."
        ),
    );
    assert_refused(
        delete(Kind::Network, &network),
        409,
        "NetworkInUse",
        &format!(
            "Unable to complete operation on network {network}. There are one or more ports still in use on the network, \
             id for these ports is: {port}."
        ),
    );
}

#[test]
fn security_group_rules_are_checked() {
    let mut model = Model::new();
    let group = id(&model
        .create(Kind::SecurityGroup, json!({"name": "g"}))
        .unwrap());
    let mut rule = |extra: Value| {
        let mut asked = json!({"security_group_id": group, "direction": "ingress"});
        asked.as_object_mut().unwrap().extend(fields(extra));
        model.create(Kind::SecurityGroupRule, asked)
    };
    let web = json!({"protocol": "tcp", "port_range_min": 80, "port_range_max": 80});
    let first = id(&rule(web.clone()).unwrap());
    let message = format!("Security group rule already exists. Rule id is {first}.");
    assert_refused(rule(web), 409, "SecurityGroupRuleExists", &message);
    let cases = [
        (
            json!({"protocol": "tcp", "port_range_min": 90, "port_range_max": 80}),
            "SecurityGroupInvalidPortRange",
            "For TCP/UDP protocols, port_range_min must be <= port_range_max",
        ),
        (
            json!({"port_range_min": 80, "port_range_max": 80}),
            "SecurityGroupProtocolRequiredWithPorts",
            "Must also specify protocol if port range is given.",
        ),
        (
            json!({"protocol": "icmp", "port_range_max": 8}),
            "SecurityGroupMissingIcmpType",
            "ICMP code (port-range-max) 8 is provided but ICMP type (port-range-min) is missing.",
        ),
        (
            json!({"ethertype": "IPv7"}),
            "SecurityGroupRuleInvalidEtherType",
            "Security group rule for ethertype 'IPv7' not supported. Allowed values are ['IPv4', 'IPv6'].",
        ),
        (
            json!({"remote_ip_prefix": "x"}),
            "InvalidCIDR",
            "Invalid CIDR x given as IP prefix.",
        ),
        (
            json!({"remote_ip_prefix": "fd00::/64"}),
            "SecurityGroupRuleParameterConflict",
            "Conflicting value ethertype IPv4 for CIDR fd00::/64",
        ),
        (
            json!({"direction": "up"}),
            "HTTPBadRequest",
            "Invalid input for direction. Reason: up is not in valid_values.",
        ),
    ];
    for (asked, kind, message) in cases {
        assert_refused(rule(asked), 400, kind, message);
    }
}

#[test]
fn a_bulk_of_rules_is_made_whole_or_not_at_all() {
    let mut model = Model::new();
    let group = id(&model
        .create(Kind::SecurityGroup, json!({"name": "g"}))
        .unwrap());
    let rule = |port: u16| {
        let ports = json!({"protocol": "tcp", "port_range_min": port, "port_range_max": port});
        let mut rule = fields(ports);
        rule.extend(fields(
            json!({"security_group_id": group, "direction": "ingress"}),
        ));
        rule
    };
    let mut bulk = |rules: Vec<Fields>| {
        model
            .cloud
            .create_bulk(&model.caller, Kind::SecurityGroupRule, rules)
    };
    assert_eq!(bulk(vec![rule(1), rule(2)]).unwrap().len(), 2);
    assert_eq!(
        bulk(vec![rule(3), rule(1)]).unwrap_err().kind,
        "SecurityGroupRuleExists"
    );
    assert_eq!(
        bulk(vec![rule(3), rule(3)]).unwrap_err().kind,
        "DuplicateSecurityGroupRuleInPost"
    );
    assert_eq!(
        bulk(vec![rule(3)]).unwrap().len(),
        1,
        "3 was not left behind"
    );
}

#[test]
fn attributes_are_checked() {
    let mut model = Model::new();
    let network = model.network.clone();
    let bad = |model: &mut Model, asked: Value, status: u16, kind: &str, message: &str| {
        assert_refused(model.create(Kind::Port, asked), status, kind, message);
    };
    let missing = "Failed to parse request. Required attribute 'network_id' not specified";
    bad(&mut model, json!({}), 400, "HTTPBadRequest", missing);
    let uuid = "Invalid input for network_id. Reason: 'x' is not a valid UUID.";
    bad(
        &mut model,
        json!({"network_id": "x"}),
        400,
        "HTTPBadRequest",
        uuid,
    );
    let unknown = "Unrecognized attribute(s) 'foo'";
    bad(
        &mut model,
        json!({"network_id": network, "foo": 1}),
        400,
        "HTTPBadRequest",
        unknown,
    );
    let status = "Attribute 'status' not allowed in POST";
    bad(
        &mut model,
        json!({"network_id": network, "status": "ACTIVE"}),
        400,
        "HTTPBadRequest",
        status,
    );
    let boolean = "Invalid input for operation: 'maybe' cannot be converted to boolean.";
    bad(
        &mut model,
        json!({"network_id": network, "admin_state_up": "maybe"}),
        400,
        "InvalidInput",
        boolean,
    );
    let policy = "(rule:create_port and rule:create_port:binding:host_id) is disallowed by policy";
    bad(
        &mut model,
        json!({"network_id": network, "binding:host_id": "h"}),
        403,
        "PolicyNotAuthorized",
        policy,
    );
    let port = model.port();
    let read_only = model.cloud.update(
        &model.caller,
        Kind::Port,
        &port,
        fields(json!({"network_id": network})),
        None,
    );
    assert_refused(
        read_only,
        400,
        "HTTPBadRequest",
        "Cannot update read-only attribute network_id",
    );
}

#[test]
fn a_stale_revision_is_refused() {
    let mut model = Model::new();
    let port = model.port();
    let name = |name: &str| fields(json!({ "name": name }));
    model
        .cloud
        .update(&model.caller, Kind::Port, &port, name("a"), Some(1))
        .unwrap();
    let stale = model
        .cloud
        .update(&model.caller, Kind::Port, &port, name("b"), Some(1));
    assert_refused(
        stale,
        412,
        "RevisionNumberConstraintFailed",
        "Constrained to 1, but current revision is 2",
    );
    assert_eq!(model.show(Kind::Port, &port)["name"], "a");
}

#[test]
fn subnets_are_checked() {
    let mut model = Model::new();
    let network = model.network.clone();
    let ask = |extra: Value| {
        let mut asked = json!({"network_id": network, "ip_version": 4});
        asked.as_object_mut().unwrap().extend(fields(extra));
        asked
    };
    let cases = [
        (
            ask(json!({"cidr": "10.0.0.128/25"})),
            "InvalidInput",
            format!(
                "Invalid input for operation: Requested subnet with cidr: 10.0.0.128/25 for network: {network} overlaps \
                 with another subnet."
            ),
        ),
        (
            ask(json!({"cidr": "fd00::/64"})),
            "InvalidInput",
            "Invalid input for operation: cidr 'fd00::/64' does not match the ip_version '4'."
                .to_owned(),
        ),
        (
            ask(json!({})),
            "BadRequest",
            "Bad subnets request: a subnetpool must be specified in the absence of a cidr."
                .to_owned(),
        ),
        (
            ask(
                json!({"cidr": "10.1.0.0/24", "allocation_pools": [{"start": "10.2.0.5", "end": "10.2.0.9"}]}),
            ),
            "OutOfBoundsAllocationPool",
            "The allocation pool 10.2.0.5-10.2.0.9 spans beyond the subnet cidr 10.1.0.0/24."
                .to_owned(),
        ),
    ];
    for (asked, kind, message) in cases {
        assert_refused(model.create(Kind::Subnet, asked), 400, kind, &message);
    }
}
