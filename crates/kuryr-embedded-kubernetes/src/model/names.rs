//! Rules for the names of objects (k8s.io/apimachinery `pkg/util/validation`).

/// Longest DNS subdomain (RFC 1123), in bytes.
const SUBDOMAIN_MAX: usize = 253;
/// Longest DNS label (RFC 1123), in bytes.
const LABEL_MAX: usize = 63;

/// What the name of a kind must look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameRule {
    /// Lower-case DNS subdomain: most kinds.
    Subdomain,
    /// Lower-case DNS label: namespaces.
    Label,
    /// Lower-case DNS label that starts with a letter (RFC 1035): services.
    LetterLabel,
    /// One path segment: roles and bindings.
    PathSegment,
}

impl NameRule {
    /// The complaint about `name`, if it breaks the rule.
    pub fn refuse(self, name: &str) -> Option<&'static str> {
        match self {
            Self::Subdomain if !is_subdomain(name) => Some(
                "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric \
                 characters, '-' or '.', and must start and end with an alphanumeric character \
                 (e.g. 'example.com', regex used for validation is \
                 '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
            ),
            Self::Label if !is_label(name) => Some(
                "a lowercase RFC 1123 label must consist of lower case alphanumeric characters \
                 or '-', and must start and end with an alphanumeric character (e.g. 'my-name', \
                 or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
            ),
            Self::LetterLabel
                if !is_label(name) || name.starts_with(|c: char| c.is_ascii_digit()) =>
            {
                Some(
                    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', \
                     start with an alphabetic character, and end with an alphanumeric character \
                     (e.g. 'my-name',  or 'abc-123', regex used for validation is \
                     '[a-z]([-a-z0-9]*[a-z0-9])?')",
                )
            }
            Self::PathSegment if name == "." || name == ".." || name.contains(['/', '%']) => {
                Some("may not be '.' or '..' and may not contain '/' or '%'")
            }
            _ => None,
        }
    }
}

/// A DNS label: 1 to 63 of `[a-z0-9-]`, not starting or ending with `-`.
pub(crate) fn is_label(name: &str) -> bool {
    (1..=LABEL_MAX).contains(&name.len()) && is_label_of_any_length(name)
}

fn is_label_of_any_length(name: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !name.is_empty() && name.bytes().all(inner) && !name.starts_with('-') && !name.ends_with('-')
}

/// A DNS subdomain: labels joined by dots, at most 253 bytes.
pub(crate) fn is_subdomain(name: &str) -> bool {
    name.len() <= SUBDOMAIN_MAX && name.split('.').all(is_label_of_any_length)
}

/// What a label's or annotation's key must look like.
pub(crate) const QUALIFIED_NAME: &str = "name part must consist of alphanumeric characters, '-', \
    '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or \
    'my.name',  or '123-abc', regex used for validation is \
    '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
/// What a label's value must look like.
pub(crate) const LABEL_VALUE: &str = "a valid label must be an empty string or consist of \
    alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric \
    character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is \
    '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

/// A label value: empty, or up to 63 of `[A-Za-z0-9._-]` with alphanumeric ends.
pub(crate) fn is_label_value(value: &str) -> bool {
    value.is_empty() || is_qualified_part(value)
}

/// A label or annotation key: an optional `prefix/` and a name.
pub(crate) fn is_qualified_name(key: &str) -> bool {
    match key.split_once('/') {
        Some((prefix, name)) => is_subdomain(prefix) && is_qualified_part(name),
        None => is_qualified_part(key),
    }
}

fn is_qualified_part(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let end = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    text.len() <= LABEL_MAX
        && bytes.iter().copied().all(inner)
        && end(bytes.first())
        && end(bytes.last())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for good in ["a", "a-b.c1", "1", "a.b.c"] {
            assert_eq!(NameRule::Subdomain.refuse(good), None, "{good}");
        }
        for bad in ["", "A", "-a", "a.", "a..b", "a_b", "a/b"] {
            assert!(NameRule::Subdomain.refuse(bad).is_some(), "{bad}");
        }
        assert!(NameRule::Label.refuse("a.b").is_some());
        assert!(NameRule::Label.refuse("1a").is_none());
        assert!(NameRule::LetterLabel.refuse("1a").is_some());
        assert!(NameRule::PathSegment.refuse("system:node").is_none());
    }

    #[test]
    fn label_keys_and_values() {
        assert!(is_qualified_name("kuryr.openstack.org/nodeName"));
        assert!(!is_qualified_name("/a"));
        assert!(!is_qualified_name("a b"));
        assert!(is_label_value(""));
        assert!(!is_label_value("-a"));
    }
}
