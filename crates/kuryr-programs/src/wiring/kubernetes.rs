//! The way to the Kubernetes API.

use std::path::Path;

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use kuryr_config::options::Kubernetes;

use super::Stop;
use super::connection::{self, Pulse};

/// By kubeconfig where one is named; else by `[kubernetes]`, as upstream: its URL and files,
/// or the service account of the pod that this runs in.
pub async fn connect(options: &Kubernetes, kubeconfig: Option<&Path>) -> Result<Client, Stop> {
    let mut config = match kubeconfig {
        Some(file) => from_file(file).await?,
        None => from_options(options)?,
    };
    // Watches end by themselves before that.
    config.read_timeout = Some(std::time::Duration::from_secs(295));
    connection::client(config, Pulse::default())
}

async fn from_file(file: &Path) -> Result<Config, Stop> {
    let kubeconfig = Kubeconfig::read_from(file).map_err(Stop::from_error)?;
    Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
        .await
        .map_err(Stop::from_error)
}

fn from_options(options: &Kubernetes) -> Result<Config, Stop> {
    let Some(root) = &options.api_root else {
        return Config::incluster().map_err(Stop::from_error);
    };
    let url = root.as_str().parse().map_err(Stop::from_error)?;
    let mut config = Config::new(url);
    config.accept_invalid_certs = !options.ssl_verify_server_crt;
    if let Some(file) = options.ssl_ca_crt_file.as_ref().filter(|f| f.exists()) {
        config.root_cert = Some(certificates(file)?);
    }
    config.auth_info.client_certificate = options
        .ssl_client_crt_file
        .as_ref()
        .map(|f| f.display().to_string());
    config.auth_info.client_key = options
        .ssl_client_key_file
        .as_ref()
        .map(|f| f.display().to_string());
    // Read again before it expires, which upstream did not.
    config.auth_info.token_file = options
        .token_file
        .as_ref()
        .filter(|f| f.exists() && options.ssl_client_crt_file.is_none())
        .map(|f| f.display().to_string());
    Ok(config)
}

fn certificates(file: &Path) -> Result<Vec<Vec<u8>>, Stop> {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;
    CertificateDer::pem_file_iter(file)
        .and_then(|certs| certs.map(|c| c.map(|c| c.to_vec())).collect())
        .map_err(|error| {
            Stop(format!(
                "[kubernetes] ssl_ca_crt_file {}: {error}",
                file.display()
            ))
        })
}
