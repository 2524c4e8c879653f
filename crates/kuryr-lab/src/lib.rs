//! An embedded cloud: a Kubernetes API, Keystone and Neutron, hypervisors, workers and pods, in one process.

pub mod kube;
pub mod openstack;
pub mod topology;
