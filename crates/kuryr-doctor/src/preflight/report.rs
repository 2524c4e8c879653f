//! Checks for people, and for programs.

use kuryr_core::preflight::{Check, Standing};
use serde_json::{Value, json};

/// A check a paragraph: what was seen, and what to do; then a line that sums up.
#[must_use]
pub fn table(checks: &[Check]) -> String {
    let mut text = String::new();
    for check in checks {
        let word = check.standing.word();
        text += &format!("{word:<7}  {}: {}\n", check.name, check.seen);
        if !check.todo.is_empty() {
            text += &format!("         > {}\n", check.todo);
        }
    }
    let count = |standing| checks.iter().filter(|c| c.standing == standing).count();
    let (problems, advice) = (count(Standing::Problem), count(Standing::Advice));
    let unknown = count(Standing::Unknown);
    text + &format!(
        "\npreflight: {problems} problems, {advice} pieces of advice, {unknown} that could not be seen\n"
    )
}

/// The same with stable fields: `checks` with `name`, `standing`, `seen`, `todo`; `ready`.
#[must_use]
pub fn json(checks: &[Check]) -> Value {
    let one = |c: &Check| json!({"name": c.name, "standing": c.standing.word(), "seen": c.seen, "todo": c.todo});
    let ready = checks.iter().all(|c| c.standing != Standing::Problem);
    json!({"ready": ready, "checks": checks.iter().map(one).collect::<Vec<_>>()})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checks() -> Vec<Check> {
        let check = |name, standing, todo: &str| Check {
            name,
            standing,
            seen: "what was seen".to_owned(),
            todo: todo.to_owned(),
        };
        vec![
            check("extensions", Standing::Good, ""),
            check("node-trunks", Standing::Problem, "what to do"),
        ]
    }

    #[test]
    fn people_read_what_to_do() {
        let text = table(&checks());
        assert!(text.contains("good     extensions: what was seen\nproblem  node-trunks: what was seen\n         > what to do\n"), "{text}");
        assert!(
            text.ends_with("preflight: 1 problems, 0 pieces of advice, 0 that could not be seen\n"),
            "{text}"
        );
    }

    #[test]
    fn programs_read_whether_it_is_ready() {
        assert_eq!(json(&checks())["ready"], false);
        assert_eq!(json(&checks()[..1])["ready"], true);
        assert_eq!(json(&checks())["checks"][1]["todo"], "what to do");
    }
}
