//! Errors as people read them.

use std::error::Error;

/// An error with its causes in one line, each once: many errors quote their cause already.
#[must_use]
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let said = inner.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("no route")]
    struct Inner;

    #[derive(Debug, thiserror::Error)]
    enum Outer {
        #[error("can't connect")]
        Silent(#[source] Inner),
        #[error("can't connect: {0}")]
        Quoting(#[source] Inner),
    }

    #[test]
    fn each_cause_is_said_once() {
        assert_eq!(chain(&Outer::Silent(Inner)), "can't connect: no route");
        assert_eq!(chain(&Outer::Quoting(Inner)), "can't connect: no route");
    }
}
