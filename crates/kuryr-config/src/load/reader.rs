//! From texts to types, by the table.

use super::gather::find_group;
use super::substitute::{Resolved, resolve};
use super::{Findings, Raw, Values};
use crate::error::{Found, OptionError, OptionName, Problem};
use crate::setting::Setting;
use crate::spec::{GroupSpec, OptionSpec, Status};
use crate::warning::{Warning, WarningKind};

/// Reads options, and gathers what is wrong with them.
pub(crate) struct Reader<'a> {
    values: &'a Values,
    pub(crate) findings: Findings,
    /// Options whose value is wrong, by group and name.
    pub(crate) bad: Vec<(&'static str, &'static str)>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(values: &'a Values) -> Self {
        let mut reader = Self {
            values,
            findings: Findings::default(),
            bad: Vec::new(),
        };
        reader.note_status();
        reader
    }

    pub(crate) fn group(&self, name: &str) -> Option<&'static GroupSpec> {
        find_group(name)
    }

    /// The value of an option. If it is wrong, that is noted, and the default is
    /// returned so that the rest can be read. `None` only if the table has
    /// neither a value nor a default for it, which a test rules out.
    pub(crate) fn get<T: Setting>(&mut self, group: &'static GroupSpec, name: &str) -> Option<T> {
        let spec = group.find(name)?;
        let Some(raw) = self.values.get(group.name, spec.name) else {
            return default(spec);
        };
        self.parse(group, spec, raw)
            .unwrap_or_else(|(found, problem)| {
                self.bad.push((group.name, spec.name));
                self.findings.errors.push(
                    OptionError {
                        origin: raw.origin.clone(),
                        option: OptionName::new(group.name, spec.name),
                        found,
                        problem,
                    }
                    .into(),
                );
                default(spec)
            })
    }

    fn parse<T: Setting>(
        &mut self,
        group: &'static GroupSpec,
        spec: &'static OptionSpec,
        raw: &Raw,
    ) -> Result<Option<T>, (Found, Problem)> {
        let found = |holds_secret| Found::of(spec, first_line(raw), holds_secret);
        if let Some(line) = raw.continued_at.filter(|_| !spec.kind.is_multi_line()) {
            return Err((found(false), Problem::SeveralLines(line)));
        }
        let Resolved { text, holds_secret } = self
            .resolve(group, spec, raw)
            .map_err(|why| (found(false), Problem::Reference(why)))?;
        let found = || Found::of(spec, &text, holds_secret);
        if let Some((value, reason)) = spec.named_values(&text, spec.refused).next() {
            let problem = Problem::NotSupported {
                reason: match text.trim() == value {
                    true => reason.into(),
                    false => format!("{value}: {reason}"),
                },
                expected: spec.kind.expected(),
            };
            return Err((found(), problem));
        }
        let value = T::parse(&text, &spec.kind)
            .map_err(|why| (found(), Problem::Expected(why.to_string())))?;
        self.note_idle_values(group, spec, raw, &text);
        Ok(Some(value))
    }

    fn resolve(
        &self,
        group: &'static GroupSpec,
        spec: &'static OptionSpec,
        raw: &Raw,
    ) -> Result<Resolved, String> {
        if raw.verbatim {
            return Ok(Resolved {
                text: raw.text.clone(),
                holds_secret: false,
            });
        }
        resolve(&raw.text, group, spec, self.values).map_err(|why| {
            if spec.kind.is_secret() {
                "a $name in it names no option".to_owned()
            } else {
                why
            }
        })
    }

    fn note_idle_values(&mut self, group: &GroupSpec, spec: &OptionSpec, raw: &Raw, text: &str) {
        for (value, reason) in spec.named_values(text, spec.idle) {
            self.findings.warnings.push(Warning::new(
                raw.origin.clone(),
                OptionName::new(group.name, spec.name).to_string(),
                WarningKind::ValueWithoutEffect {
                    value: value.into(),
                    reason: reason.into(),
                },
            ));
        }
    }

    /// Warns of each option that is set and has no effect; refuses those that
    /// must not be set.
    fn note_status(&mut self) {
        for (group, name, raw) in self.values.iter() {
            let spec = find_group(group).and_then(|group| group.find(name));
            let Some(spec) = spec.filter(|_| !raw.text.trim().is_empty()) else {
                continue;
            };
            let option = OptionName::new(group, name);
            let origin = raw.origin.clone();
            match spec.status {
                Status::Supported => {}
                Status::Ignored(reason) => self.findings.warnings.push(Warning::new(
                    origin,
                    option.to_string(),
                    WarningKind::NoEffect(reason.into()),
                )),
                Status::Refused(reason) => self.findings.errors.push(
                    OptionError {
                        origin,
                        option,
                        found: Found::of(spec, first_line(raw), false),
                        problem: Problem::Refused(reason.into()),
                    }
                    .into(),
                ),
            }
        }
    }
}

/// A line below may be another option, indented by mistake, and secret.
fn first_line(raw: &Raw) -> &str {
    raw.text.lines().next().unwrap_or_default()
}

fn default<T: Setting>(spec: &OptionSpec) -> Option<T> {
    match spec.default {
        Some(text) => T::parse(text, &spec.kind).ok(),
        None => T::absent(),
    }
}
