//! The part of the terminal that is drawn again when something changes.

use console::Term;

/// Where the lab is shown as it changes.
#[derive(Debug)]
pub(super) struct Screen<S> {
    terminal: Term,
    /// Lines that were shown last.
    lines: usize,
    /// What of it is worth another line in a file.
    shape: Option<S>,
}

impl<S: PartialEq> Screen<S> {
    pub(super) fn new() -> Self {
        Self {
            terminal: Term::stdout(),
            lines: 0,
            shape: None,
        }
    }

    /// Shows a text in place of the last one. Where it is no terminal, it is shown after the
    /// last one if its shape is another.
    pub(super) fn draw(&mut self, text: &str, shape: S) {
        // Whoever looked at it may have closed it; the lab goes on.
        if self.terminal.is_term() {
            let _ = self.terminal.clear_last_lines(self.lines);
        } else if self.shape.as_ref() == Some(&shape) {
            return;
        }
        let _ = self.terminal.write_line(text);
        self.lines = text.lines().count();
        self.shape = Some(shape);
    }
}

/// Rows and columns of the terminal, where standard output is one.
pub(super) fn size() -> Option<(u16, u16)> {
    let terminal = Term::stdout();
    terminal.is_term().then(|| terminal.size())
}
