//! The reference page and the help text, made from the option table.

use crate::Config;
use crate::spec::{GroupSpec, OptionSpec, Status};

const HEADER: &str = "\
# Configuration

<!-- Made from the option table of crates/kuryr-config; don't edit.
     UPDATE_DOCS=1 cargo test -p kuryr-config writes it anew. -->

Kuryr reads upstream's `kuryr.conf`: INI as oslo.config has it. `--config-file` names a file and
`--config-dir` a directory whose `*.conf` are read after the files; both may be given several times,
and later files come before earlier ones. Without either, `/etc/kuryr/kuryr.conf` is read if it exists.

    [section]
    # a comment starts in the first column
    option = value
    list = a,b,
        c

- An indented line continues the value above it, as `c` does here; only lists and maps may go over several lines.
  A `#` further right is part of the value.
- A value may be in quotes. `$other_option`, `${group.option}` stand for another option's value, `$$` for a `$`.
- Each option can be set by a variable `OS_<SECTION>__<OPTION>`, such as `OS_VIF_POOL__PORTS_POOL_MAX`,
  which comes before the files. Some have a further variable, named below.
- Where `[neutron] cloud` or `OS_CLOUD` names a cloud of a `clouds.yaml`, OpenStack's credentials come from there.
- An option that is not known, or has no effect here, is named in a warning. A value that is not allowed ends
  the start with its file and line, what was found and what is allowed.
- `kuryr config check` says all this of a configuration and does nothing else; it ends with 0 if the
  configuration can be used, else with 1.

Where a default differs from upstream's: `[kubernetes] ssl_verify_server_crt` is true (upstream: false),
`[kubernetes] pod_vif_driver` is `nested-vlan` (upstream: `neutron-vif`), `[binding] default_driver` is
`kuryr.lib.binding.drivers.vlan` (upstream: `kuryr.lib.binding.drivers.veth`).
";

/// The reference page, in Markdown.
pub fn markdown() -> String {
    let mut page = HEADER.to_owned();
    for group in Config::GROUPS {
        page += &format!("\n## [{}]\n\n{}\n", group.name, sentence(group.help));
        let (idle, used): (Vec<_>, Vec<_>) =
            group.options.iter().partition(|option| is_idle(option));
        for option in used {
            page += &entry(group, option);
        }
        page += &idle_table(&idle);
    }
    page
}

/// A line for each option, for a terminal.
pub fn plain() -> String {
    let mut text = String::new();
    for group in Config::GROUPS {
        text += &format!("[{}]\n", group.name);
        for option in group.options {
            let default = option.default.unwrap_or_default();
            let help = sentence(option.help);
            let first = help
                .split_once(". ")
                .map_or(help.as_str(), |(first, _)| first);
            let first = first.trim_end_matches('.');
            let note = if is_idle(option) { " (no effect)" } else { "" };
            text += &format!("  {} = {default}\n      {first}{note}\n", option.name);
        }
    }
    text
}

/// Options that only have to be named, not explained.
fn is_idle(option: &OptionSpec) -> bool {
    matches!(option.status, Status::Ignored(_) | Status::Refused(_))
}

fn entry(group: &GroupSpec, option: &OptionSpec) -> String {
    let mut text = format!("\n### `{}`\n\n{}\n\n", option.name, sentence(option.help));
    text += &format!("- {}: {}\n", option.kind.name(), option.kind.expected());
    text += &match option.default {
        Some("") | None => "- default: unset\n".to_owned(),
        Some(default) => format!("- default: `{default}`\n"),
    };
    text += &format!("- variable: {}\n", variables(group, option));
    if !option.aliases.is_empty() {
        text += &format!("- older name: {}\n", option.aliases.join(", "));
    }
    for (value, reason) in option.refused {
        text += &format!("- `{value}` is refused: {reason}\n");
    }
    for (value, reason) in option.idle {
        text += &format!("- `{value}` has no effect: {reason}\n");
    }
    text
}

fn variables(group: &GroupSpec, option: &OptionSpec) -> String {
    let mut text = format!("`{}`", option.env_name(group.name));
    if let Some(name) = option.env {
        text += &format!(", else `{name}`");
    }
    if let Some(name) = option.default_env {
        text += &format!("; `{name}` where no file sets it");
    }
    text
}

fn idle_table(options: &[&OptionSpec]) -> String {
    if options.is_empty() {
        return String::new();
    }
    let mut text = String::from(
        "\nKnown, and without effect (a warning) or refused (an error):\n\n\
         | option | default | upstream's meaning | here |\n| --- | --- | --- | --- |\n",
    );
    for option in options {
        let here = match option.status {
            Status::Ignored(reason) => format!("no effect: {reason}"),
            Status::Refused(reason) => format!("refused: {reason}"),
            Status::Supported => String::new(),
        };
        let default = option
            .default
            .map_or(String::new(), |text| format!("`{text}`"));
        let help = sentence(option.help);
        text += &format!("| `{}` | {default} | {help} | {here} |\n", option.name);
    }
    text
}

/// The lines of a documentation comment as one.
fn sentence(help: &str) -> String {
    help.split_whitespace().collect::<Vec<_>>().join(" ")
}
