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
//! Answers follow kube-apiserver, whose wording clients match on. Differences that are
//! known: field owners are recorded for server-side apply only; a pod gets no volume
//! with a service account token; OpenAPI documents carry no schemas; CEL rules of CRDs
//! are not evaluated; access is not checked.

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

pub use http::faults::{Fault, FaultRule, Faults};
pub use kinds::{Kind, ServiceRange};
pub use model::error::ApiError;
pub use server::{KubeApi, KubeOptions, StartError};
