//! The pure parts of the API: objects, selectors, names and error answers.

pub(crate) mod duration;
pub(crate) mod error;
pub(crate) mod jsonpath;
pub(crate) mod names;
pub(crate) mod object;
pub(crate) mod path;
pub(crate) mod selector;
