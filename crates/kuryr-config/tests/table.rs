//! The option table itself, and the page that is made from it.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::Path;

use kuryr_config::{Config, Kind, Role, Status, reference};

#[test]
fn every_default_can_be_read() {
    let loaded = Config::from_text("", Role::Any).unwrap();
    assert_eq!(loaded.warnings, []);
}

#[test]
fn writing_every_default_out_changes_nothing() {
    let mut text = String::new();
    for group in Config::GROUPS {
        text += &format!("[{}]\n", group.name);
        for option in group.options {
            if let (Status::Supported, Some(default)) = (option.status, option.default) {
                text += &format!("{} = {default}\n", option.name);
            }
        }
    }
    let written = Config::from_text(&text, Role::Any).unwrap().config;
    let unset = Config::from_text("", Role::Any).unwrap().config;
    assert_eq!(written, unset);
}

#[test]
fn names_are_unique_and_documented() {
    let mut groups = BTreeSet::new();
    for group in Config::GROUPS {
        assert!(groups.insert(group.name), "{} comes twice", group.name);
        let mut names = BTreeSet::new();
        for option in group.options {
            for name in option.aliases.iter().chain([&option.name]) {
                assert!(names.insert(*name), "[{}] {name} comes twice", group.name);
            }
            assert!(option.help.len() > 5, "[{}] {}", group.name, option.name);
        }
    }
}

#[test]
fn a_refused_value_is_none_of_the_allowed_and_an_idle_one_is() {
    for option in Config::GROUPS.iter().flat_map(|group| group.options) {
        let words = match option.kind {
            Kind::Choice(words) | Kind::Choices(words) => words,
            _ => &[],
        };
        for (value, _) in option.refused {
            assert!(!words.contains(value), "{}: {value}", option.name);
        }
        for (value, _) in option.idle {
            assert!(words.contains(value), "{}: {value}", option.name);
        }
    }
}

#[test]
fn the_reference_page_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    let made = reference::markdown();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &made).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == made,
        "docs/configuration.md differs from the option table: \
         UPDATE_DOCS=1 cargo test -p kuryr-config writes it anew"
    );
}

#[test]
fn the_help_text_has_a_line_for_each_option() {
    let plain = reference::plain();
    for option in Config::GROUPS.iter().flat_map(|group| group.options) {
        assert!(plain.contains(&format!("  {} = ", option.name)));
    }
}
