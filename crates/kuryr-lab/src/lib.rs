//! An embedded cloud: a Kubernetes API, Keystone and Neutron, hypervisors, workers and pods, in one process.

pub mod checkpoint;
pub mod kube;
pub mod kubelet;
pub mod openstack;
pub mod run;
pub mod topology;
