//! Services: load balancers made, kept, repaired and deleted, and what may go wrong there.

mod calls;
mod crash;
mod drift;
mod faults;
mod input;
mod leadership;
mod rolling;
mod sharing;
