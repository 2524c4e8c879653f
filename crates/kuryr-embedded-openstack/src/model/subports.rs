//! The form of a list of subports, as add_subports and remove_subports take it.

use std::collections::BTreeSet;

use serde_json::Value;
use uuid::Uuid;

use super::super::ApiError;
use super::schema::Fields;
use super::validate::{plain, python};

/// The form of a list of subports, before any of them is looked up.
pub(super) fn check_form(subports: &Value) -> Result<Vec<Fields>, ApiError> {
    let wrong = |reason: String| Err(ApiError::invalid_input(reason));
    let Some(subports) = subports.as_array() else {
        return wrong(format!(
            "Invalid data format for subports: '{}' is not a list",
            plain(subports)
        ));
    };
    let (mut ports, mut vlans) = (BTreeSet::new(), BTreeSet::new());
    let mut checked = Vec::with_capacity(subports.len());
    for subport in subports {
        let Some(fields) = subport.as_object() else {
            return wrong(format!(
                "Invalid data format for subport: '{}' is not a dict",
                plain(subport)
            ));
        };
        let Some(port) = fields.get("port_id").filter(|port| !port.is_null()) else {
            return wrong("A valid port UUID must be specified".to_owned());
        };
        if port
            .as_str()
            .is_none_or(|port| Uuid::parse_str(port).is_err())
        {
            return wrong(format!("Invalid UUID for subport: '{}'", plain(port)));
        }
        if !ports.insert(plain(port)) {
            return wrong(format!("Non unique UUID for subport: '{}'", plain(port)));
        }
        match (
            fields.get("segmentation_id"),
            fields.get("segmentation_type"),
        ) {
            (Some(vlan), Some(kind)) if !vlans.insert((plain(kind), plain(vlan))) => {
                return wrong(format!(
                    "Segmentation ID '{}' for '{}' is not unique",
                    plain(vlan),
                    plain(port)
                ));
            }
            (Some(_), Some(_)) => {}
            _ if fields.len() > 1 => return Err(no_segmentation(fields)),
            _ => {}
        }
        checked.push(fields.clone());
    }
    Ok(checked)
}

fn no_segmentation(subport: &Fields) -> ApiError {
    ApiError::invalid_input(format!(
        "Invalid subport details '{}': missing segmentation information. Must specify both segmentation_id and \
         segmentation_type",
        python(&Value::Object(subport.clone()))
    ))
}

pub(super) fn segmentation(subport: &Fields) -> Result<u16, ApiError> {
    let (Some(id), Some(kind)) = (
        subport.get("segmentation_id"),
        subport.get("segmentation_type"),
    ) else {
        return Err(no_segmentation(subport));
    };
    let Some(number) = id.as_i64().or_else(|| id.as_str()?.parse().ok()) else {
        let reason = format!(
            "Invalid subport details: segmentation_id '{}' is not an integer",
            plain(id)
        );
        return Err(ApiError::invalid_input(reason));
    };
    if kind != "vlan" {
        return Err(ApiError::invalid_input(format!(
            "Unknown segmentation_type '{}'",
            plain(kind)
        )));
    }
    let vlan = u16::try_from(number)
        .ok()
        .filter(|vlan| (1..=4094).contains(vlan));
    vlan.ok_or_else(|| {
        ApiError::invalid_input(format!("Segmentation ID '{number}' is not in range"))
    })
}
