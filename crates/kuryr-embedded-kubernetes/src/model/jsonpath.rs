//! The part of JSONPath that printer columns use: `.a.b`, `['a']`, `[0]`, `[*]`,
//! `[?(@.type=="Ready")]` (k8s.io/client-go `util/jsonpath`).

use serde_json::Value;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Field(String),
    Index(i64),
    Every,
    Where { path: Vec<String>, value: String },
}

/// A compiled path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JsonPath(Vec<Step>);

impl JsonPath {
    /// Compiles a path; braces around it are allowed.
    ///
    /// # Errors
    /// A sentence that names the part which cannot be read.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut rest = text.trim().trim_start_matches('{').trim_end_matches('}');
        rest = rest.strip_prefix('$').unwrap_or(rest);
        let mut steps = Vec::new();
        while !rest.is_empty() {
            let (step, after) = next_step(rest)?;
            steps.extend(step);
            rest = after;
        }
        Ok(Self(steps))
    }

    /// Everything that the path finds, in the order of the document.
    pub(crate) fn find<'a>(&self, document: &'a Value) -> Vec<&'a Value> {
        self.0.iter().fold(vec![document], |found, step| {
            found
                .into_iter()
                .flat_map(|value| step.apply(value))
                .collect()
        })
    }
}

impl Step {
    fn apply<'a>(&self, value: &'a Value) -> Vec<&'a Value> {
        match self {
            Self::Field(key) => value.get(key).into_iter().collect(),
            Self::Index(index) => element(value, *index).into_iter().collect(),
            Self::Every => match value {
                Value::Array(items) => items.iter().collect(),
                Value::Object(fields) => fields.values().collect(),
                _ => Vec::new(),
            },
            Self::Where {
                path,
                value: wanted,
            } => {
                let items = value.as_array().map_or(&[][..], Vec::as_slice);
                let holds = |item: &&Value| {
                    let found = path.iter().try_fold(*item, |value, key| value.get(key));
                    found.is_some_and(|found| plain(found) == *wanted)
                };
                items.iter().filter(holds).collect()
            }
        }
    }
}

fn element(value: &Value, index: i64) -> Option<&Value> {
    let items = value.as_array()?;
    let index = match usize::try_from(index) {
        Ok(index) => index,
        Err(_) => items
            .len()
            .checked_sub(usize::try_from(index.unsigned_abs()).ok()?)?,
    };
    items.get(index)
}

/// A value as it is printed: strings without quotes.
pub(crate) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn next_step(text: &str) -> Result<(Option<Step>, &str), String> {
    if let Some(rest) = text.strip_prefix('[') {
        let (inside, after) = closing(rest).ok_or_else(|| format!("missing ']' in \"{text}\""))?;
        return Ok((Some(bracket(inside)?), after));
    }
    let Some(rest) = text.strip_prefix('.') else {
        return Err(format!("expected '.' or '[' at \"{text}\""));
    };
    let (name, after) = field_name(rest);
    let step = match name.as_str() {
        "" => None,
        "*" => Some(Step::Every),
        _ => Some(Step::Field(name)),
    };
    Ok((step, after))
}

/// A field's name up to the next `.` or `[`; a backslash takes the next character as it is.
fn field_name(text: &str) -> (String, &str) {
    let mut name = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => name.extend(characters.next().map(|(_, escaped)| escaped)),
            '.' | '[' => return (name, &text[at..]),
            _ => name.push(character),
        }
    }
    (name, "")
}

/// Splits at the `]` that is outside quotes.
fn closing(text: &str) -> Option<(&str, &str)> {
    let mut quote = None;
    for (at, character) in text.char_indices() {
        match (quote, character) {
            (None, ']') => return Some((&text[..at], &text[at + 1..])),
            (None, '\'' | '"') => quote = Some(character),
            (Some(open), _) if open == character => quote = None,
            _ => {}
        }
    }
    None
}

fn bracket(inside: &str) -> Result<Step, String> {
    let inside = inside.trim();
    if inside == "*" {
        return Ok(Step::Every);
    }
    if let Some(filter) = inside
        .strip_prefix("?(")
        .and_then(|rest| rest.strip_suffix(')'))
    {
        let (path, value) = filter
            .split_once("==")
            .ok_or_else(|| format!("only '==' is supported in \"{filter}\""))?;
        let path = path.trim().trim_start_matches('@').split('.');
        return Ok(Step::Where {
            path: path
                .filter(|key| !key.is_empty())
                .map(str::to_owned)
                .collect(),
            value: unquote(value.trim()).to_owned(),
        });
    }
    if inside.starts_with(['\'', '"']) {
        return Ok(Step::Field(unquote(inside).to_owned()));
    }
    inside
        .parse()
        .map(Step::Index)
        .map_err(|_| format!("cannot read \"[{inside}]\""))
}

fn unquote(text: &str) -> &str {
    text.trim_matches(['\'', '"'])
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn forms() {
        let document = json!({
            "a": {"b.c": 1, "list": [{"type": "Ready", "status": "True"}, {"type": "X"}]}
        });
        let found = |path: &str| -> Vec<String> {
            JsonPath::parse(path)
                .unwrap()
                .find(&document)
                .into_iter()
                .map(plain)
                .collect()
        };
        assert_eq!(found(".a['b.c']"), ["1"]);
        assert_eq!(found(".a.b\\.c"), ["1"]);
        assert_eq!(found(".a.list[*].type"), ["Ready", "X"]);
        assert_eq!(found("{.a.list[-1].type}"), ["X"]);
        assert_eq!(found(".a.list[?(@.type==\"Ready\")].status"), ["True"]);
        assert!(found(".a.none.deeper").is_empty());
    }

    proptest! {
        #[test]
        fn parsing_never_panics(text in ".{0,40}") {
            if let Ok(path) = JsonPath::parse(&text) {
                path.find(&json!({"a": [1]}));
            }
        }
    }
}
