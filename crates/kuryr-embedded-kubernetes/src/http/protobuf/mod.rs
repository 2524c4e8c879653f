//! Bodies in protobuf, which `kubectl` from 1.32 on sends where it creates built-in kinds
//! itself (`kubectl create namespace`). They are read into the same JSON as other bodies.
//! Answers are always JSON, which these clients take as well.
//!
//! Source: k8s.io/apimachinery `pkg/runtime/serializer/protobuf` (the envelope) and the
//! `generated.proto` files of k8s.io/api (the messages, in [`messages`]).

mod messages;
mod wire;

use k8s_openapi::{ByteString, jiff::Timestamp};
use serde_json::{Map, Value, json};

use crate::model::{error::ApiError, object};
use messages::{Field, Form, Message};
use wire::{Reader, Wire};

/// First bytes of every body.
pub(super) const MAGIC: &[u8] = b"k8s\0";

/// Reads a body.
///
/// # Errors
/// 400 if it is none; 415 for a kind that is not known here.
pub(super) fn parse(body: &[u8]) -> Result<Value, ApiError> {
    let broken = || ApiError::bad_request("the body is no Kubernetes protobuf object");
    let envelope = body.strip_prefix(MAGIC).ok_or_else(broken)?;
    let unknown = message(envelope, messages::UNKNOWN).ok_or_else(broken)?;
    let text = |field: &str| object::text(&unknown, &["typeMeta", field]).unwrap_or_default();
    let kind = text("kind");
    let Some(fields) = messages::of_kind(kind) else {
        return Err(ApiError::unsupported_media_type(&format!(
            "application/json, application/yaml (protobuf is not read for the kind {kind})"
        )));
    };
    let raw = raw_of(envelope).ok_or_else(broken)?;
    let mut result = message(raw, fields).ok_or_else(broken)?;
    result["kind"] = json!(kind);
    result["apiVersion"] = json!(text("apiVersion"));
    Ok(result)
}

/// The object's bytes inside the envelope.
fn raw_of(envelope: &[u8]) -> Option<&[u8]> {
    let mut reader = Reader::new(envelope);
    let mut raw: &[u8] = &[];
    while let Some((number, wire)) = reader.next()? {
        if let (messages::RAW, Wire::Bytes(bytes)) = (number, wire) {
            raw = bytes;
        }
    }
    Some(raw)
}

/// Reads a message; fields that it does not list are left out. `None` if it is broken.
fn message(bytes: &[u8], known: Message) -> Option<Value> {
    let mut fields = Map::new();
    let mut reader = Reader::new(bytes);
    while let Some((number, wire)) = reader.next()? {
        if let Some(field) = known.iter().find(|field| field.number == number) {
            add(&mut fields, field, wire)?;
        }
    }
    Some(Value::Object(fields))
}

fn add(fields: &mut Map<String, Value>, field: &Field, wire: Wire<'_>) -> Option<()> {
    if let Form::TextMap | Form::BytesMap = field.form {
        let (key, value) = map_entry(field.form, wire)?;
        let map = fields.entry(field.name).or_insert_with(|| json!({}));
        map[key] = value;
        return Some(());
    }
    let value = value(field.form, wire)?;
    if field.repeated {
        let list = fields.entry(field.name).or_insert_with(|| json!([]));
        list.as_array_mut()?.push(value);
    } else if !is_absent(field.form, &value) {
        fields.insert(field.name.to_owned(), value);
    }
    Some(())
}

/// Go writes zero values of fields that are no pointers; in JSON these are left out.
fn is_absent(form: Form, value: &Value) -> bool {
    match form {
        Form::Text => value == "",
        Form::Number => *value == 0,
        _ => value.is_null(),
    }
}

fn value(form: Form, wire: Wire<'_>) -> Option<Value> {
    match (form, wire) {
        (Form::Text, Wire::Bytes(bytes)) => Some(json!(std::str::from_utf8(bytes).ok()?)),
        (Form::Number | Form::NumberPointer, Wire::Varint(number)) => {
            Some(json!(number.cast_signed()))
        }
        (Form::BoolPointer, Wire::Varint(number)) => Some(json!(number != 0)),
        (Form::Inner(inner), Wire::Bytes(bytes)) => message(bytes, inner),
        (Form::Time, Wire::Bytes(bytes)) => {
            let time = message(bytes, messages::TIME)?;
            let seconds = time.get("seconds").and_then(Value::as_i64);
            Some(seconds.map_or(Value::Null, |seconds| {
                json!(
                    Timestamp::from_second(seconds)
                        .unwrap_or_default()
                        .to_string()
                )
            }))
        }
        (Form::IntOrString, Wire::Bytes(bytes)) => {
            let either = message(bytes, messages::INT_OR_STRING)?;
            let is_text = either.get("type") == Some(&json!(1));
            let field = if is_text { "strVal" } else { "intVal" };
            Some(either.get(field).cloned().unwrap_or(Value::Null))
        }
        _ => None,
    }
}

fn map_entry(form: Form, wire: Wire<'_>) -> Option<(String, Value)> {
    let Wire::Bytes(bytes) = wire else {
        return None;
    };
    let (mut key, mut value): (&[u8], &[u8]) = (&[], &[]);
    let mut reader = Reader::new(bytes);
    while let Some((number, wire)) = reader.next()? {
        match (number, wire) {
            (1, Wire::Bytes(bytes)) => key = bytes,
            (2, Wire::Bytes(bytes)) => value = bytes,
            _ => {}
        }
    }
    let value = match form {
        Form::BytesMap => serde_json::to_value(ByteString(value.to_vec())).ok()?,
        _ => json!(std::str::from_utf8(value).ok()?),
    };
    Some((std::str::from_utf8(key).ok()?.to_owned(), value))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
        let length = u8::try_from(bytes.len()).unwrap();
        [&[number << 3 | 2, length], bytes].concat()
    }

    fn body(kind: &str, raw: &[u8]) -> Vec<u8> {
        let type_meta = [field(1, b"v1"), field(2, kind.as_bytes())].concat();
        [MAGIC.to_vec(), field(1, &type_meta), field(2, raw)].concat()
    }

    #[test]
    fn a_config_map_reads_as_its_json() {
        let metadata = [field(1, b"a"), field(2, b""), field(8, b"")].concat();
        let entry = [field(1, b"k"), field(2, b"v")].concat();
        let binary = [field(1, b"b"), field(2, b"\xff")].concat();
        let raw = [field(1, &metadata), field(2, &entry), field(3, &binary)].concat();
        assert_eq!(
            parse(&body("ConfigMap", &raw)).unwrap(),
            json!({
                "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"},
                "data": {"k": "v"}, "binaryData": {"b": "/w=="},
            })
        );
    }

    #[test]
    fn an_unknown_kind_and_a_broken_body_are_refused() {
        assert_eq!(parse(&body("Deployment", b"")).unwrap_err().code, 415);
        assert_eq!(parse(b"k8s").unwrap_err().code, 400);
        assert_eq!(
            parse(&body("ConfigMap", b"\x0a\x7f")).unwrap_err().code,
            400
        );
    }

    proptest! {
        #[test]
        fn parsing_never_panics(raw in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = parse(&[MAGIC, &raw].concat());
            let _ = parse(&body("Service", &raw));
        }
    }
}
