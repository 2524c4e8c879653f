//! In which order ports change their groups.
