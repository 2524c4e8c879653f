//! A Kubernetes API in memory: the part of it that the product and `kubectl` call.
//!
//! ```text
//!   http/         requests, answers, watches, discovery, faults
//!     |
//!   api/          the verbs on objects: create, update, delete, list
//!     |      \
//!   kinds/    patch/, schema/     what a kind is; pure functions on JSON
//!     |
//!   store/        all objects, one version number, recent history
//!     |
//!   controllers/  what a cluster does by itself, fed by the store's changes
//! ```
//!
//! Answers follow kube-apiserver, whose codes, reasons and wording clients match on; they
//! were compared request by request with version 1.20.2. Differences that are known:
//!
//! - Field owners are recorded for server-side apply only, and lists of custom resources
//!   merge as their schema says.
//! - A pod gets no volume with a service account token, a new node no taint.
//! - Services have the fields of 1.33 (`ipFamilies`, `internalTrafficPolicy`), and paths of
//!   refused array items have an index, also as in 1.33.
//! - A CRD is established at once. Its CEL rules are not evaluated.
//! - A request that cannot be read is always answered with 400, where 1.20 has some 500.
//! - Optional times of built-in kinds are absent, not null.
//! - OpenAPI documents carry no schemas, so there is no `kubectl explain`; bodies in
//!   protobuf are read for the kinds that `kubectl create` makes by itself.
//! - There are no access control, quotas, or controllers for workloads and endpoints;
//!   Events do not expire.

pub mod api;
mod bootstrap;
mod controllers;
mod http;
mod kinds;
mod model;
mod patch;
mod schema;
mod server;
pub mod store;

pub use http::authorize::{Attributes, Authorizer};
pub use http::faults::{Fault, FaultRule, Faults};
pub use kinds::{Kind, ServiceRange};
pub use model::error::ApiError;
pub use server::{KubeApi, KubeOptions, StartError};
