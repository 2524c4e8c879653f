//! `kuryr.conf`, the environment and `clouds.yaml` into one typed value.
//!
//! ```text
//!   kuryr.conf files ──► ini ─┐
//!                             ├─► gather ─► substitute ─► read ─► check ─► Config
//!   environment ──────────────┘   (one value an option)  (types)  (options   ▲
//!                                                                 together)  │
//!   clouds.yaml ──► clouds ─────────────────────────────────► auth ──────────┘
//! ```
//!
//! Each option is declared once, in [`options`]: name, type, default, what it
//! does and whether it has an effect here. The parser, the checks, the names of
//! environment variables, the reference page and the help text all come from
//! that declaration.
//!
//! [`Config::load`] reports every error it can find, not only the first, each
//! with its file, line and option, what was found and what is allowed.
//!
//! The INI dialect is oslo.config's, the one that upstream's files are written
//! in. The parser is this crate's own because the published INI crates drop the
//! line numbers that the error messages need, and differ from oslo.config in
//! quoting, continuation lines and repeated names.

mod auth;
mod check;
mod clouds;
mod error;
mod ini;
mod load;
mod macros;
pub mod options;
mod origin;
pub mod reference;
mod report;
mod secret;
mod setting;
mod sources;
mod spec;
mod suggest;
mod warning;

pub use auth::{AuthMethod, Domain, Identity, Interface, OpenStackAuth, Scope};
pub use error::{ConfigError, ConfigErrors, Found, OptionError, OptionName, Problem};
pub use ini::{SyntaxError, SyntaxErrorKind};
pub use load::Loaded;
pub use options::Config;
pub use origin::Origin;
pub use report::{Report, report};
pub use secret::Secret;
pub use sources::{Disk, Memory, ReadFiles, Role, Sources};
pub use spec::{GroupSpec, Kind, OptionSpec, Status};
pub use warning::{Warning, WarningKind};
