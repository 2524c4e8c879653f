//! The contract suite: the same calls sent to the embedded and to the real services, and the answers compared.
//!
//! ```text
//!   cases/SERVICE/*.yaml      what is sent: scripts of raw HTTP calls
//!        |
//!      run  --- target        embedded, or real          normalise      ids, times, addresses -> names
//!        |                                                  |
//!        +------> transcript of answers  <------------------+
//!                      |
//!                  compare --- golden/FLAVOUR/*.json      recorded from the real services
//! ```
//!
//! - [`case`]: the form of a case.
//! - [`run`]: carries a case out and gives its [`transcript`].
//! - [`normalise`]: what differs from run to run becomes a name; the same value always the same name, so that
//!   references are compared.
//! - [`compare`]: golden and answer, field by field; [`reads`] says which fields the product looks at, [`accepted`]
//!   which differences are known and why they are.
//! - [`target`]: where the calls go.
//!
//! `docs/contract.md` says how to run and how to record.

pub mod accepted;
pub mod case;
pub mod compare;
mod exchange;
pub mod normalise;
pub mod reads;
pub mod run;
pub mod suite;
pub mod target;
pub mod transcript;
