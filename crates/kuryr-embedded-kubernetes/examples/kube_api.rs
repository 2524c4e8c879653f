//! Runs the embedded Kubernetes API alone: `cargo run -p kuryr-embedded-kubernetes --example kube_api -- FILE`
//! writes a kubeconfig to FILE and serves until Ctrl-C.

use kuryr_embedded_kubernetes::{KubeApi, KubeOptions};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "kubeconfig".to_owned());
    let api = KubeApi::start(KubeOptions::default()).await?;
    std::fs::write(&file, api.kubeconfig())?;
    println!("{} (export KUBECONFIG={file})", api.url());
    tokio::signal::ctrl_c().await?;
    api.shutdown().await;
    Ok(())
}
