//! What a report has to say about where it was made.

use std::fs;
use std::process::Command;

use serde::{Deserialize, Serialize};

/// The machine and the programs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    pub kernel: String,
    pub processor: String,
    pub processors: usize,
    pub memory_mb: u64,
    /// Name and version of each program that took part.
    pub programs: Vec<(String, String)>,
    /// The command as it was typed.
    pub command: String,
    /// When it began.
    pub began: String,
    /// Whether the generator was compiled with optimisation; figures of one that was not are of no use.
    pub optimised: bool,
}

impl Machine {
    /// This machine, as it says itself; what it does not say is empty.
    #[must_use]
    pub fn here(version: &str, command: String) -> Self {
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let programs = [
            ("nft", "--version"),
            ("haproxy", "-v"),
            ("iperf3", "--version"),
        ];
        let mut versions = vec![("kuryr".to_owned(), version.to_owned())];
        for (program, flag) in programs {
            let output = Command::new(program).arg(flag).output();
            let said = output.map_or_else(
                |_| "not installed".to_owned(),
                |o| first_line(&String::from_utf8_lossy(&o.stdout)),
            );
            versions.push((program.to_owned(), said));
        }
        Self {
            kernel: kernel.trim().to_owned(),
            processor: field(&cpus, "model name").unwrap_or_default(),
            processors: std::thread::available_parallelism().map_or(0, usize::from),
            memory_mb: field(&memory, "MemTotal")
                .and_then(|value| value.split_whitespace().next()?.parse::<u64>().ok())
                .map_or(0, |kb| kb / 1024),
            programs: versions,
            command,
            began: jiff::Timestamp::now()
                .strftime("%Y-%m-%d %H:%M:%S UTC")
                .to_string(),
            optimised: !cfg!(debug_assertions),
        }
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().trim().to_owned()
}

fn field(text: &str, name: &str) -> Option<String> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_what_follows_the_colon() {
        let text = "processor\t: 0\nmodel name\t: A CPU\n";
        assert_eq!(field(text, "model name").as_deref(), Some("A CPU"));
        assert_eq!(field(text, "MemTotal"), None);
    }
}
