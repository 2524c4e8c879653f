//! An embedded cloud: a Kubernetes API, Keystone and Neutron, hypervisors, workers and pods, in one process.

pub mod kubelet;
pub mod run;
pub mod topology;
