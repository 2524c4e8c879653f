//! The client against a cloud of canned answers: one scenario a test.
#![allow(clippy::unwrap_used, unreachable_pub)]

mod answers;
mod cloud;
mod floating_ips;
mod lists;
mod login;
mod octavia;
mod retries;
mod tags;
mod tls;
mod trunks;
