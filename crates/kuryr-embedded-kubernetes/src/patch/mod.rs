//! The four ways to patch an object, as functions from an object to an object.

pub(crate) mod apply;
mod fieldset;
pub(crate) mod json;
pub(crate) mod lists;
pub(crate) mod strategic;

pub(crate) use json_patch::merge as json_merge;

#[cfg(test)]
mod tests;
