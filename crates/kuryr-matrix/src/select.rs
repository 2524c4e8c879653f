//! Which cells are wanted.

use kuryr_load::{Load, LoadError, Pattern};

use crate::cell::{Backend, Placement, SIZES, Target};
use crate::{Cell, MatrixError};

/// A choice of cells: of each dimension the values that are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    pub backends: Vec<Backend>,
    pub targets: Vec<Target>,
    pub placements: Vec<Placement>,
    pub patterns: Vec<Pattern>,
    /// Bytes.
    pub sizes: Vec<usize>,
}

impl Default for Selection {
    fn default() -> Self {
        Self {
            backends: Backend::ALL.to_vec(),
            targets: Target::ALL.to_vec(),
            placements: Placement::ALL.to_vec(),
            patterns: Pattern::ALL.to_vec(),
            sizes: SIZES.to_vec(),
        }
    }
}

impl Selection {
    /// Keeps only what words name: words of one dimension add up, words of two narrow each other down.
    ///
    /// # Errors
    /// [`MatrixError::Options`] for a word that names nothing, with those that do.
    pub fn only(mut self, words: &[String]) -> Result<Self, MatrixError> {
        let mut left: Vec<&str> = words.iter().map(String::as_str).collect();
        narrow(&mut self.backends, &mut left, Backend::name);
        narrow(&mut self.targets, &mut left, Target::name);
        narrow(&mut self.placements, &mut left, Placement::name);
        narrow(&mut self.patterns, &mut left, Pattern::name);
        match left.first() {
            None => Ok(self),
            Some(word) => Err(MatrixError::Options(format!(
                "--only {word}: there are {}",
                known().join(", ")
            ))),
        }
    }

    /// Takes other sizes than the paper's, each once, in order.
    ///
    /// # Errors
    /// [`MatrixError::Options`] for a size that no pattern can have.
    pub fn sizes(mut self, sizes: &[usize]) -> Result<Self, MatrixError> {
        self.sizes = sizes.to_vec();
        self.sizes.sort_unstable();
        self.sizes.dedup();
        for size in &self.sizes {
            for pattern in &self.patterns {
                let load = Load::new(*pattern, *size, std::time::Duration::from_secs(1));
                load.validate()
                    .map_err(|error: LoadError| options(format!("--sizes: {error} ({pattern})")))?;
            }
        }
        Ok(self)
    }

    /// The cells, in the order in which they are run.
    #[must_use]
    pub fn cells(&self) -> Vec<Cell> {
        let mut cells = Vec::new();
        for &backend in &self.backends {
            for &target in &self.targets {
                for &placement in &self.placements {
                    for &pattern in &self.patterns {
                        cells.extend(self.sizes.iter().map(|&size| Cell {
                            backend,
                            target,
                            placement,
                            pattern,
                            size,
                        }));
                    }
                }
            }
        }
        cells.retain(Cell::exists);
        cells
    }
}

fn options(said: String) -> MatrixError {
    MatrixError::Options(said)
}

/// Takes the words of one dimension out of those that are left, and keeps the values that they name.
fn narrow<T: Copy>(values: &mut Vec<T>, left: &mut Vec<&str>, name: fn(T) -> &'static str) {
    let named: Vec<T> = values
        .iter()
        .copied()
        .filter(|value| left.contains(&name(*value)))
        .collect();
    left.retain(|word| !values.iter().any(|value| name(*value) == *word));
    if !named.is_empty() {
        *values = named;
    }
}

/// All words that name something.
fn known() -> Vec<&'static str> {
    let backends = Backend::ALL.iter().map(|b| b.name());
    let targets = Target::ALL.iter().map(|t| t.name());
    let placements = Placement::ALL.iter().map(|p| p.name());
    let patterns = Pattern::ALL.iter().map(|p| p.name());
    backends
        .chain(targets)
        .chain(placements)
        .chain(patterns)
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn only(words: &[&str]) -> Result<Selection, MatrixError> {
        let words: Vec<String> = words.iter().map(|w| (*w).to_owned()).collect();
        Selection::default().only(&words)
    }

    #[test]
    fn the_whole_matrix_is_the_papers_and_what_is_switched_on_the_worker() {
        let papers = 5 * 2 * 3 * 5 * 2;
        assert_eq!(Selection::default().cells().len(), papers + 5 * 5 * 2);
    }

    #[test]
    fn words_of_one_dimension_add_up_and_of_two_narrow_down() {
        let chosen = only(&["tcp-rr", "udp-rr", "ovn"]).unwrap();
        assert_eq!(chosen.patterns, [Pattern::TcpRr, Pattern::UdpRr]);
        assert_eq!(chosen.cells().len(), 2 * (4 + 3) * 5);
    }

    #[test]
    fn a_word_and_a_size_that_mean_nothing_are_refused() {
        let said = only(&["tcp"]).unwrap_err().to_string();
        assert!(
            said.starts_with("--only tcp: there are ovs, ovn, pod"),
            "{said}"
        );
        let said = Selection::default()
            .sizes(&[64, 0])
            .unwrap_err()
            .to_string();
        assert!(
            said.contains("size 0: it must be 1 to 65507 bytes"),
            "{said}"
        );
        assert!(
            Selection::default().sizes(&[8]).is_err(),
            "too small for a datagram's number"
        );
        let sizes = Selection::default().sizes(&[1024, 64, 64]).unwrap().sizes;
        assert_eq!(sizes, [64, 1024]);
    }
}
