//! CHANGELOG.md, in the form of Keep a Changelog 1.1.0.

use crate::error::Error;

const UNRELEASED: &str = "## [Unreleased]";

/// The changelog with what was unreleased under a version of its own.
pub(super) fn released(text: &str, version: &str, date: &str) -> Result<String, Error> {
    let heading = format!("## [{version}]");
    if text.lines().any(|line| line.starts_with(&heading)) {
        return Err(Error::Wrong(format!("CHANGELOG.md has {version} already")));
    }
    let (before, after) = text
        .split_once(UNRELEASED)
        .ok_or_else(|| Error::Wrong(format!("CHANGELOG.md has no line `{UNRELEASED}`")))?;
    if section_of(after).is_empty() {
        return Err(Error::Wrong(
            "nothing is unreleased in CHANGELOG.md: there is nothing to release".to_owned(),
        ));
    }
    Ok(format!("{before}{UNRELEASED}\n\n{heading} - {date}{after}"))
}

/// What a version's section says, without its heading.
pub(super) fn notes(text: &str, version: &str) -> Result<String, Error> {
    let heading = format!("## [{version}]");
    let (_, after) = text.split_once(&heading).ok_or_else(|| {
        Error::Wrong(format!(
            "CHANGELOG.md has no section {version}: `cargo xtask release prepare {version}` writes it"
        ))
    })?;
    let body = after.split_once('\n').map_or("", |(_, body)| body);
    Ok(format!("{}\n", section_of(body)))
}

/// Up to the next version's heading.
fn section_of(text: &str) -> &str {
    text.split_once("\n## [")
        .map_or(text, |(section, _)| section)
        .trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "# Changelog\n\n## [Unreleased]\n\n### Added\n- New.\n\n## [0.1.0] - 2026-01-02\n\n- Old.\n";

    #[test]
    fn what_was_unreleased_gets_a_version_and_nothing_is_lost() {
        let after = released(LOG, "0.2.0", "2026-03-04").unwrap();
        assert!(after.contains(
            "## [Unreleased]\n\n## [0.2.0] - 2026-03-04\n\n### Added\n- New.\n\n## [0.1.0]"
        ));
        assert_eq!(notes(&after, "0.2.0").unwrap(), "### Added\n- New.\n");
        assert_eq!(notes(&after, "0.1.0").unwrap(), "- Old.\n");
    }

    #[test]
    fn nothing_new_and_a_version_that_is_there_are_refused() {
        let after = released(LOG, "0.2.0", "2026-03-04").unwrap();
        for (text, version) in [
            (after.as_str(), "0.3.0"),
            (LOG, "0.1.0"),
            ("# Changelog\n", "0.2.0"),
        ] {
            assert!(released(text, version, "2026-03-04").is_err(), "{version}");
        }
        assert!(notes(LOG, "0.2.0").is_err());
    }
}
