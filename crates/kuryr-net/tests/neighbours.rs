//! Neighbours are found by asking, and forgotten. Needs root.

#![allow(clippy::unwrap_used)]

mod cloud;

use cloud::{Cloud, root, v4};
use kuryr_net::plug;

#[test]
fn neighbours_that_were_found_are_forgotten() {
    if !root() {
        return;
    }
    let cloud = Cloud::new(1);
    let (a, a_spec) = cloud.pod(0, 101, 1);
    let (b, b_spec) = cloud.pod(0, 102, 2);
    plug(&cloud.workers[0].node(), &a_spec).unwrap();
    plug(&cloud.workers[0].node(), &b_spec).unwrap();
    a.run(&format!(
        "ip neigh add 10.1.0.77 lladdr {} dev eth0 nud permanent",
        b_spec.mac
    ));
    assert!(a.pings(&v4(&b_spec)));
    assert!(a.run("ip neigh").contains(&v4(&b_spec)));
    for pod in [&a, &b] {
        pod.links().forget_neighbours().unwrap();
        pod.links().forget_neighbours().unwrap();
    }
    let left = a.run("ip neigh");
    assert!(!left.contains(&v4(&b_spec)), "{left}");
    assert!(left.contains("10.1.0.77"), "set by hand: {left}");
    assert!(!b.run("ip neigh").contains(&v4(&a_spec)));
    assert!(a.pings(&v4(&b_spec)), "found again");
}
