//! The part of the terminal that is drawn again when something changes.

use console::Term;

/// Where the lab is shown as it changes.
#[derive(Debug)]
pub(super) struct Screen {
    terminal: Term,
    /// What was shown last.
    shown: String,
}

impl Screen {
    pub(super) fn new() -> Self {
        Self {
            terminal: Term::stdout(),
            shown: String::new(),
        }
    }

    /// Columns, where it is a terminal.
    pub(super) fn width(&self) -> Option<u16> {
        self.size().map(|(_, columns)| columns)
    }

    /// Lines that fit, where it is a terminal.
    pub(super) fn height(&self) -> Option<u16> {
        self.size().map(|(rows, _)| rows)
    }

    fn size(&self) -> Option<(u16, u16)> {
        self.terminal.is_term().then(|| self.terminal.size())
    }

    /// Shows a text in place of the last one; where it is no terminal, after it.
    pub(super) fn draw(&mut self, text: String) {
        if text == self.shown {
            return;
        }
        // Whoever looks at it may have closed it; the lab goes on.
        if self.terminal.is_term() {
            let _ = self.terminal.clear_last_lines(self.shown.lines().count());
        }
        let _ = self.terminal.write_line(&text);
        self.shown = text;
    }
}
