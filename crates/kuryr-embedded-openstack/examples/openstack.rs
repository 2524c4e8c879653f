//! Runs the embedded Keystone, Neutron and Octavia by themselves until Ctrl-C, and prints where they listen.
//!
//! `cargo run -p kuryr-embedded-openstack --example openstack [ovs] [real]`: ML2/OVS instead of ML2/OVN; delays as measured on a real one.

use kuryr_embedded_openstack::{Backend, Latency, OpenStack, Settings};

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let mut settings = Settings::default();
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "ovs" => settings.backend = Backend::Ovs,
            "real" => settings.latency = Latency::real(),
            other => {
                eprintln!("unknown argument {other}: ovs, real");
                std::process::exit(2);
            }
        }
    }
    let openstack = OpenStack::start(settings).await?;
    println!("OS_AUTH_URL={}", openstack.auth_url());
    println!("NEUTRON={}", openstack.network_url());
    println!("OCTAVIA={}", openstack.load_balancer_url());
    println!("{}", openstack.clouds_yaml());
    tokio::signal::ctrl_c().await
}
