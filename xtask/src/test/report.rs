//! What a run prints.

use std::path::Path;
use std::time::Duration;

use super::logs;
use super::step::{End, Finished, Step};

/// The steps, one a line.
pub(super) fn list(steps: &[Step]) {
    for step in steps {
        let when = if step.on_request {
            " (only when named)"
        } else {
            ""
        };
        println!("{:<16} {}{when}", step.name, step.about);
    }
}

/// Before a step.
pub(super) fn begins(step: &Step) {
    println!("== {}: {}", step.name, step.about);
}

/// After a step; of a failed one the ends of its logs.
pub(super) fn ends(step: &Finished, log: &Path) {
    if let End::Failed(why) = &step.end {
        for (path, lines) in logs::of_failure(log, why) {
            println!("-- the end of {}:", path.display());
            for line in lines {
                println!("   {line}");
            }
        }
    }
    println!("{}", line(step));
}

/// All steps, the time they took together, and the count as the last line.
pub(super) fn summary(finished: &[Finished], took: Duration) {
    println!("\n{}", table(finished));
    println!("in {}", duration(took));
    println!("{}", count(finished));
}

fn table(finished: &[Finished]) -> String {
    finished.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn line(step: &Finished) -> String {
    let (word, note) = match &step.end {
        End::Passed(note) => ("ok", note),
        End::Skipped(why) => ("skipped", why),
        End::Failed(why) => ("FAILED", why),
    };
    let colon = if note.is_empty() { "" } else { ": " };
    format!(
        "{:<16} {:>8}  {word}{colon}{note}",
        step.name,
        duration(step.took)
    )
}

fn count(finished: &[Finished]) -> String {
    let of = |wanted: fn(&End) -> bool| finished.iter().filter(|step| wanted(&step.end)).count();
    let passed = of(|end| matches!(end, End::Passed(_)));
    let failed = of(|end| matches!(end, End::Failed(_)));
    match of(|end| matches!(end, End::Skipped(_))) {
        0 => format!("{passed} passed, {failed} failed"),
        skipped => format!("{passed} passed, {failed} failed, {skipped} skipped"),
    }
}

pub(crate) fn duration(took: Duration) -> String {
    let seconds = took.as_secs_f64();
    if seconds < 60.0 {
        format!("{seconds:.1} s")
    } else {
        format!("{} m {:02} s", took.as_secs() / 60, took.as_secs() % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finished() -> Vec<Finished> {
        let step = |name, seconds, end| Finished {
            name,
            took: Duration::from_millis(seconds),
            end,
        };
        vec![
            step("fmt", 1_240, End::Passed(String::new())),
            step("unit", 125_900, End::Passed("212 tests".into())),
            step("bpf", 10, End::Skipped("no clang-14".into())),
            step("lab", 3_000, End::Failed("`kuryr lab` failed".into())),
        ]
    }

    #[test]
    fn the_table_names_time_and_end() {
        insta::assert_snapshot!(table(&finished()), @r"
        fmt                 1.2 s  ok
        unit             2 m 05 s  ok: 212 tests
        bpf                 0.0 s  skipped: no clang-14
        lab                 3.0 s  FAILED: `kuryr lab` failed
        ");
    }

    #[test]
    fn the_last_line_counts() {
        let mut steps = finished();
        assert_eq!(count(&steps), "2 passed, 1 failed, 1 skipped");
        steps.remove(2);
        assert_eq!(count(&steps), "2 passed, 1 failed");
    }
}
