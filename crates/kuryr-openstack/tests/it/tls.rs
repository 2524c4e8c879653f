//! Certificates are verified, and a CA of one's own can be trusted.

use std::net::SocketAddr;
use std::path::Path;

use axum::Router;
use axum::http::{HeaderName, StatusCode};
use axum::routing::post;
use axum_server::tls_rustls::RustlsConfig;
use kuryr_openstack::config::{Auth, User};
use kuryr_openstack::{CloudConfig, ErrorKind, config::Scope};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use crate::cloud::*;

/// A Keystone over TLS, and the CA of its certificate in PEM.
async fn keystone() -> (SocketAddr, String) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["localhost".to_owned()])
        .unwrap()
        .signed_by(&key, &ca)
        .unwrap();
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let tls = RustlsConfig::from_pem(
        certificate.pem().into_bytes(),
        key.serialize_pem().into_bytes(),
    )
    .await
    .unwrap();
    let login = || async {
        let token = HeaderName::from_static("x-subject-token");
        (
            StatusCode::CREATED,
            [(token, "t")],
            axum::Json(token_body("https://localhost", 1800)),
        )
    };
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let app = Router::new().route("/v3/auth/tokens", post(login));
    let server = axum_server::from_tcp_rustls(listener, tls).unwrap();
    tokio::spawn(server.serve(app.into_make_service()));
    (address, ca.pem())
}

fn config_for(address: SocketAddr, cafile: Option<&Path>) -> CloudConfig {
    let user = User::Id("u".to_owned());
    let url = format!("https://localhost:{}", address.port());
    let mut config = CloudConfig::new(
        url,
        Auth::Password {
            user,
            password: PASSWORD.into(),
        },
    );
    config.project = Scope::Id(PROJECT.to_owned());
    config.cafile = cafile.map(Path::to_path_buf);
    config.retry.attempts = 1;
    config
}

#[tokio::test]
async fn an_unknown_authority_is_refused() {
    let (address, _) = keystone().await;
    let error = try_connect(config_for(address, None)).await.unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::Connect(m) if m.contains("certificate")),
        "{error}"
    );
}

#[tokio::test]
async fn an_authority_of_ones_own_is_trusted() {
    let (address, ca) = keystone().await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ca.pem");
    std::fs::write(&file, ca).unwrap();
    try_connect(config_for(address, Some(&file))).await.unwrap();
}

#[tokio::test]
async fn verification_can_be_left_out() {
    let (address, _) = keystone().await;
    let config = CloudConfig {
        insecure: true,
        ..config_for(address, None)
    };
    try_connect(config).await.unwrap();
}

#[tokio::test]
async fn an_unusable_ca_file_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], 9));
    let missing = dir.path().join("missing.pem");
    let empty = dir.path().join("empty.pem");
    std::fs::write(&empty, "no certificate").unwrap();
    for file in [missing, empty] {
        let error = try_connect(config_for(address, Some(&file)))
            .await
            .unwrap_err();
        let name = file.file_name().unwrap().to_str().unwrap();
        assert!(
            matches!(error.kind(), ErrorKind::Config(m) if m.contains(name)),
            "{error}"
        );
    }
}
