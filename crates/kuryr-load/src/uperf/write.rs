//! Loads to a profile's text.

use std::fmt::Write as _;

use super::Profile;
use crate::load::Protocol;
use crate::{Load, Pattern};

/// A profile that uperf runs: the same loads, each a group of its own. The other end's host is `$h` where the
/// profile names none, to be set in the environment.
#[must_use]
pub fn write(profile: &Profile) -> String {
    let host = profile.remote.as_deref().unwrap_or("$h");
    let mut text = format!(
        "<?xml version=\"1.0\"?>\n<profile name=\"{}\">\n",
        escaped(&profile.name)
    );
    for load in &profile.loads {
        group(&mut text, load, &escaped(host));
    }
    text + "</profile>\n"
}

fn group(text: &mut String, load: &Load, host: &str) {
    let protocol = match load.pattern.protocol() {
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
    };
    let no_delay = match load.pattern.protocol() {
        Protocol::Tcp if load.no_delay => " tcp_nodelay",
        _ => "",
    };
    let connect = format!(
        "<flowop type=\"connect\" options=\"remotehost={host} protocol={protocol}{no_delay}\"/>"
    );
    let close = "<flowop type=\"disconnect\"/>".to_owned();
    let write = format!("<flowop type=\"write\" options=\"size={}\"/>", load.size);
    let read = format!("<flowop type=\"read\" options=\"size={}\"/>", load.size);
    let once = "iterations=\"1\"".to_owned();
    let timed = format!("duration=\"{}ms\"", load.duration.as_millis());
    let _ = writeln!(text, "  <group nthreads=\"{}\">", load.threads);
    let mut transaction = |when: &str, flowops: &[&String]| {
        let _ = writeln!(text, "    <transaction {when}>");
        for flowop in flowops {
            let _ = writeln!(text, "      {flowop}");
        }
        text.push_str("    </transaction>\n");
    };
    match load.pattern {
        Pattern::TcpCrr => transaction(&timed, &[&connect, &write, &read, &close]),
        pattern => {
            transaction(&once, &[&connect]);
            match pattern.answers() {
                true => transaction(&timed, &[&write, &read]),
                false => transaction(&timed, &[&write]),
            }
            transaction(&once, &[&close]);
        }
    }
    text.push_str("  </group>\n");
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::uperf::read;

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            loads in proptest::collection::vec(
                (0usize..5, 12usize..60_000, 1usize..9, 1u64..100_000, any::<bool>()), 1..6,
            ),
            name in "[ -~]{1,20}",
        ) {
            let load = |(pattern, size, threads, millis, no_delay): (usize, usize, usize, u64, bool)| {
                let pattern = Pattern::ALL[pattern];
                let tcp = pattern.protocol() == Protocol::Tcp;
                Load {
                    threads,
                    no_delay: pattern.answers() || (tcp && no_delay),
                    ..Load::new(pattern, size, Duration::from_millis(millis))
                }
            };
            let profile = Profile {
                name,
                loads: loads.into_iter().map(load).collect(),
                remote: Some("10.0.0.1".to_owned()),
            };
            prop_assert_eq!(read(&write(&profile), &|_| None).unwrap(), profile);
        }
    }
}
