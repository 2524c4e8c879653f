//! The result of ADD in each version's form, and `prevResult`.

use serde_json::{Map, Value, json};

use crate::protocol::{Attached, Interface, Ip, Route};
use crate::version::CniVersion;
use crate::{CniError, Code};

/// Whether a value has the shape of a result at all, so that it can be added to.
///
/// # Errors
/// [`Code::InvalidConfig`] names the field that has not.
pub fn validate_prev(prev: &Value) -> Result<(), CniError> {
    let wrong = |what: &str| {
        CniError::new(
            Code::InvalidConfig,
            format!("prevResult is not a CNI result: {what}"),
        )
    };
    let object = prev
        .as_object()
        .ok_or_else(|| wrong("it is not an object"))?;
    for list in ["interfaces", "ips", "routes"] {
        if object
            .get(list)
            .is_some_and(|v| !v.is_array() && !v.is_null())
        {
            return Err(wrong(&format!("{list} is not a list")));
        }
    }
    if object
        .get("dns")
        .is_some_and(|v| !v.is_object() && !v.is_null())
    {
        return Err(wrong("dns is not an object"));
    }
    Ok(())
}

/// The result as the version has it. What an earlier plugin of the chain did stays in
/// front, as the spec asks of a plugin that is given a `prevResult`.
#[must_use]
pub fn render(version: CniVersion, attached: &Attached, prev: Option<&Value>) -> Value {
    let mut interfaces = list(prev, "interfaces");
    let mut ips = list(prev, "ips");
    let mut routes = list(prev, "routes");
    let offset = interfaces.len();
    interfaces.extend(attached.interfaces.iter().map(|i| interface(version, i)));
    ips.extend(attached.ips.iter().map(|i| ip(version, i, offset)));
    routes.extend(attached.routes.iter().map(route));
    json!({
        "cniVersion": version.as_str(),
        "interfaces": interfaces,
        "ips": ips,
        "routes": routes,
        "dns": dns(attached, prev),
    })
}

fn list(prev: Option<&Value>, name: &str) -> Vec<Value> {
    prev.and_then(|p| p.get(name))
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default()
}

fn interface(version: CniVersion, i: &Interface) -> Value {
    let mut object = Map::new();
    object.insert("name".into(), json!(i.name));
    if let Some(mac) = &i.mac {
        object.insert("mac".into(), json!(mac));
    }
    if let Some(mtu) = i.mtu.filter(|_| version.interface_has_mtu()) {
        object.insert("mtu".into(), json!(mtu));
    }
    if let Some(sandbox) = &i.sandbox {
        object.insert("sandbox".into(), json!(sandbox));
    }
    Value::Object(object)
}

fn ip(version: CniVersion, ip: &Ip, offset: usize) -> Value {
    let mut object = Map::new();
    if version.ip_has_family() {
        let family = if ip.address.contains(':') { "6" } else { "4" };
        object.insert("version".into(), json!(family));
    }
    object.insert("address".into(), json!(ip.address));
    if let Some(gateway) = &ip.gateway {
        object.insert("gateway".into(), json!(gateway));
    }
    object.insert("interface".into(), json!(ip.interface + offset));
    Value::Object(object)
}

fn route(r: &Route) -> Value {
    match &r.gw {
        Some(gw) => json!({"dst": r.dst, "gw": gw}),
        None => json!({"dst": r.dst}),
    }
}

fn dns(attached: &Attached, prev: Option<&Value>) -> Value {
    let mut dns = prev
        .and_then(|p| p.get("dns"))
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    let mut servers = dns
        .get("nameservers")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    for server in &attached.nameservers {
        if !servers.iter().any(|s| s == server) {
            servers.push(json!(server));
        }
    }
    if !servers.is_empty() {
        dns.insert("nameservers".into(), Value::Array(servers));
    }
    Value::Object(dns)
}

/// CHECK: whether the interface is still what `prevResult` says of it. What other plugins of
/// the chain added is theirs to check.
///
/// # Errors
/// [`Code::Changed`] says what differs.
pub fn compare(prev: &Value, ours: &Attached, ifname: &str) -> Result<(), CniError> {
    let changed = |what: String| CniError::new(Code::Changed, format!("{ifname}: {what}"));
    let interfaces = list(Some(prev), "interfaces");
    let (index, then) = interfaces
        .iter()
        .enumerate()
        .find(|(_, i)| i["name"] == ifname && i["sandbox"].is_string())
        .ok_or_else(|| changed("prevResult has no such interface in the pod".into()))?;
    let now = ours
        .interfaces
        .first()
        .ok_or_else(|| changed("the daemon does not know it".into()))?;
    if let (Some(then), Some(now)) = (then["mac"].as_str(), now.mac.as_deref())
        && !then.eq_ignore_ascii_case(now)
    {
        return Err(changed(format!(
            "MAC address {now}, but prevResult says {then}"
        )));
    }
    for ip in list(Some(prev), "ips") {
        let address = ip["address"].as_str().unwrap_or_default();
        if ip["interface"].as_u64() == Some(index as u64)
            && !ours.ips.iter().any(|o| o.address == address)
        {
            return Err(changed(format!(
                "address {address} of prevResult is not on it any more"
            )));
        }
    }
    Ok(())
}
