//! Versions, and the files that name the current one.

use crate::error::Error;

/// Files that name the version, and what stands before it there.
pub(super) const NAMED_IN: &[(&str, &str)] = &[
    ("Cargo.toml", "[workspace.package]\nversion = \""),
    ("deploy/kubernetes/kustomization.yaml", "newTag: "),
    ("deploy/uninstall/kustomization.yaml", "newTag: "),
    ("deploy/values.yaml", "registry.example/kuryr/controller:"),
    ("deploy/values.yaml", "registry.example/kuryr/daemon:"),
    ("docs/install.md", "registry.example/kuryr/daemon:"),
];

/// A release of Semantic Versioning 2.0.0: three numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version([u64; 3]);

impl Version {
    pub(super) fn parse(text: &str) -> Result<Self, Error> {
        let wrong = || Error::Wrong(format!("{text} is no version such as 1.2.3 (semver.org)"));
        let part = |part: &str| {
            let number: u64 = part.parse().map_err(|_| wrong())?;
            // No sign, no leading zero.
            (number.to_string() == part)
                .then_some(number)
                .ok_or_else(wrong)
        };
        let parts: Vec<u64> = text.split('.').map(part).collect::<Result<_, _>>()?;
        <[u64; 3]>::try_from(parts).map(Self).map_err(|_| wrong())
    }

    /// Whether this may come right after `other`: one of the three numbers one more, those behind it zero.
    pub(super) fn follows(self, other: Self) -> bool {
        let ([major, minor, patch], [was_major, was_minor, was_patch]) = (self.0, other.0);
        let next = [
            [was_major + 1, 0, 0],
            [was_major, was_minor + 1, 0],
            [was_major, was_minor, was_patch + 1],
        ];
        next.contains(&[major, minor, patch])
    }
}

/// A file's text with one version in the place of another, behind `before`.
pub(super) fn renamed(
    file: &str,
    text: &str,
    before: &str,
    old: &str,
    new: &str,
) -> Result<String, Error> {
    let (is, to) = (format!("{before}{old}"), format!("{before}{new}"));
    if !text.contains(&is) {
        return Err(Error::Wrong(format!("{file} does not have {is:?}")));
    }
    Ok(text.replace(&is, &to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_three_numbers() {
        assert!(Version::parse("0.10.3").is_ok());
        for text in ["1.2", "1.2.3.4", "v1.2.3", "1.2.x", "1.02.3", "1.2.-3", ""] {
            assert!(Version::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn no_version_is_left_out() {
        let follows = |new: &str, old: &str| {
            Version::parse(new)
                .unwrap()
                .follows(Version::parse(old).unwrap())
        };
        for new in ["0.1.4", "0.2.0", "1.0.0"] {
            assert!(follows(new, "0.1.3"), "{new}");
        }
        for new in ["0.1.3", "0.1.2", "0.1.5", "0.2.1", "2.0.0", "1.1.0"] {
            assert!(!follows(new, "0.1.3"), "{new}");
        }
    }

    #[test]
    fn every_file_that_names_the_version_names_the_current_one() {
        let workspace = crate::workspace::Workspace::locate();
        for (file, before) in NAMED_IN {
            let text = std::fs::read_to_string(workspace.path(file)).unwrap();
            let new = renamed(file, &text, before, env!("CARGO_PKG_VERSION"), "9.9.9");
            assert!(new.unwrap().contains(&format!("{before}9.9.9")), "{file}");
        }
    }
}
