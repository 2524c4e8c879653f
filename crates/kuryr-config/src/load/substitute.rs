//! `$name` in a value, as oslo.config has it.
//!
//! `$name`, `${name}`, `$group.name` and `${group.name}` stand for another
//! option's value; `$$` and `\$` for a dollar sign. A name without group is
//! looked for in the value's own group, then in `DEFAULT`.

use super::gather::{Values, find_group};
use crate::error::OptionName;
use crate::spec::{GroupSpec, OptionSpec};

/// A value with its references replaced.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Resolved {
    pub(crate) text: String,
    /// A secret is part of it.
    pub(crate) holds_secret: bool,
}

/// Replaces the references in `text`, a value of `spec`.
///
/// # Errors
/// What is wrong with a reference, in words.
pub(crate) fn resolve(
    text: &str,
    group: &'static GroupSpec,
    spec: &'static OptionSpec,
    values: &Values,
) -> Result<Resolved, String> {
    Resolver {
        values,
        path: vec![(group, spec)],
    }
    .resolve(text)
}

struct Resolver<'a> {
    values: &'a Values,
    /// The options whose values are being replaced, outermost first.
    path: Vec<(&'static GroupSpec, &'static OptionSpec)>,
}

/// A piece of a value.
#[derive(Debug, PartialEq, Eq)]
enum Piece<'a> {
    Text(&'a str),
    Reference(&'a str),
}

impl Resolver<'_> {
    fn resolve(&mut self, text: &str) -> Result<Resolved, String> {
        let mut resolved = Resolved::default();
        for piece in pieces(text) {
            match piece {
                Piece::Text(text) => resolved.text.push_str(text),
                Piece::Reference(name) => {
                    let value = self.value_of(name)?;
                    resolved.text.push_str(&value.text);
                    resolved.holds_secret |= value.holds_secret;
                }
            }
        }
        Ok(resolved)
    }

    fn value_of(&mut self, reference: &str) -> Result<Resolved, String> {
        let (group, spec) = self
            .target(reference)
            .ok_or_else(|| format!("${reference} names no option"))?;
        let holds_secret = spec.kind.is_secret();
        let Some(raw) = self.values.get(group.name, spec.name) else {
            return Ok(Resolved {
                text: spec.default.unwrap_or_default().to_owned(),
                holds_secret,
            });
        };
        let on_path = |(of, option): &(&GroupSpec, &OptionSpec)| {
            of.name == group.name && option.name == spec.name
        };
        if self.path.iter().any(on_path) {
            let option = OptionName::new(group.name, spec.name);
            return Err(format!("${reference} leads back to {option}"));
        }
        if raw.verbatim {
            return Ok(Resolved {
                text: raw.text.clone(),
                holds_secret,
            });
        }
        self.path.push((group, spec));
        let mut value = self.resolve(&raw.text).map_err(|why| {
            if holds_secret {
                format!("the value of ${reference} has a reference that names no option")
            } else {
                why
            }
        })?;
        self.path.pop();
        value.holds_secret |= holds_secret;
        Ok(value)
    }

    fn target(&self, reference: &str) -> Option<(&'static GroupSpec, &'static OptionSpec)> {
        let (own, _) = *self.path.last()?;
        let find = |group: &'static GroupSpec, name| Some((group, group.find(name)?));
        if let Some((group, name)) = reference.split_once('.') {
            return find(find_group(group)?, name);
        }
        find(own, reference).or_else(|| find(find_group("DEFAULT")?, reference))
    }
}

/// Splits a value at its references. A `$` that starts none stands for itself,
/// as in Python's `safe_substitute`.
fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let (before, tail) = rest.split_at(at);
        if let Some(before) = before.strip_suffix('\\') {
            pieces.extend([Piece::Text(before), Piece::Text("$")]);
            rest = &tail[1..];
            continue;
        }
        pieces.push(Piece::Text(before));
        let (piece, length) = dollar(tail);
        pieces.push(piece);
        rest = &tail[length..];
    }
    pieces.push(Piece::Text(rest));
    pieces
}

/// What a text that starts with `$` starts with, and its length in bytes.
fn dollar(tail: &str) -> (Piece<'_>, usize) {
    let after = &tail[1..];
    if after.starts_with('$') {
        return (Piece::Text("$"), 2);
    }
    let braced = after
        .strip_prefix('{')
        .and_then(|body| body.split_once('}'));
    if let Some((name, _)) = braced
        && !name.is_empty()
        && identifier(name) == name.len()
    {
        return (Piece::Reference(name), name.len() + 3);
    }
    match identifier(after) {
        0 => (Piece::Text("$"), 1),
        length => (Piece::Reference(&after[..length]), length + 1),
    }
}

/// Length of the identifier that a text starts with: `[_a-z][._a-z0-9]*`
/// without regard to case, less the dots at its end.
fn identifier(text: &str) -> usize {
    let starts = |c: char| c == '_' || c.is_ascii_alphabetic();
    if !text.starts_with(starts) {
        return 0;
    }
    let end = text
        .find(|c: char| !(starts(c) || c == '.' || c.is_ascii_digit()))
        .unwrap_or(text.len());
    text[..end].trim_end_matches('.').len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(text: &str) -> String {
        let piece = |piece| match piece {
            Piece::Text(text) => text.to_owned(),
            Piece::Reference(name) => format!("<{name}>"),
        };
        pieces(text).into_iter().map(piece).collect()
    }

    #[test]
    fn references_are_those_of_python_templates() {
        assert_eq!(shown("a$b.c/${d}e$f."), "a<b.c>/<d>e<f>.");
        assert_eq!(
            shown("$$a \\$b $ $1 ${} ${a b} ${"),
            "$a $b $ $1 ${} ${a b} ${"
        );
        assert_eq!(shown("$$$a"), "$<a>");
    }

    proptest! {
        #[test]
        fn no_text_panics_and_no_byte_is_lost(text in "(\\PC|[${}\\\\._a]){0,60}") {
            let plain = text.replace(['$', '{', '}', '\\'], "");
            let seen: String = pieces(&text)
                .into_iter()
                .map(|(Piece::Text(text) | Piece::Reference(text))| text)
                .collect();
            prop_assert_eq!(seen.replace(['$', '{', '}', '\\'], ""), plain);
        }
    }
}
