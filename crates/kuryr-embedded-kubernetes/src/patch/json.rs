//! JSON patch (RFC 6902) with the leniency of the API server's library
//! (evanphx/json-patch 4): replacing an absent member adds it, and testing an
//! absent member for null succeeds.

use json_patch::{AddOperation, Patch, PatchOperation};
use serde_json::Value;

use crate::model::error::ApiError;

/// Applies a JSON patch.
///
/// # Errors
/// 400 if the patch is no list; 422 if an operation is none or does not fit the object.
pub(crate) fn apply(object: &Value, patch: &Value) -> Result<Value, ApiError> {
    let operations = patch
        .as_array()
        .filter(|list| list.iter().all(Value::is_object));
    if operations.is_none() {
        return Err(ApiError::bad_request(
            "error decoding patch: not a list of operations",
        ));
    }
    // An operation that is none is noticed only when it is applied.
    let patch: Patch =
        serde_json::from_value(patch.clone()).map_err(|_| ApiError::patch_refused())?;
    let mut result = object.clone();
    for operation in patch.0 {
        let Some(operation) = lenient(&result, operation) else {
            continue;
        };
        json_patch::patch(&mut result, &[operation]).map_err(|_| ApiError::patch_refused())?;
    }
    Ok(result)
}

/// The operation as the strict library must see it; `None` if there is nothing to do.
fn lenient(object: &Value, operation: PatchOperation) -> Option<PatchOperation> {
    let present = object.pointer(operation.path().as_str()).is_some();
    match operation {
        PatchOperation::Replace(replace) if !present => Some(PatchOperation::Add(AddOperation {
            path: replace.path,
            value: replace.value,
        })),
        PatchOperation::Test(test) if !present && test.value.is_null() => None,
        other => Some(other),
    }
}
