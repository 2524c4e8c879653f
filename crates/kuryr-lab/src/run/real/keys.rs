//! Keys and certificates of one run.

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};

use super::RealError;
use crate::run::folder::write_private;

/// Files of the key that signs service accounts' tokens, and of its public half.
pub(super) const ACCOUNTS: (&str, &str) = ("service-accounts.key", "service-accounts.pub");
const NAMES: [&str; 4] = [
    "localhost",
    "127.0.0.1",
    "kubernetes.default",
    "kubernetes.default.svc",
];

/// Files for kube-apiserver, and what a client needs.
#[derive(Debug)]
pub(super) struct Keys {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
    pub(super) tokens: PathBuf,
    pub(super) authority_base64: String,
    pub(super) token: String,
}

impl Keys {
    /// Makes all of them in `folder`.
    pub(super) fn make(folder: &Path) -> Result<Self, RealError> {
        let made = Made::new().map_err(|error| RealError::Keys {
            what: "certificates",
            why: error.to_string(),
        })?;
        let keys = Self::with(&made, folder);
        let write = |file: &Path, content: &str, what| {
            write_private(file, content).map_err(|error| RealError::Keys {
                what,
                why: error.to_string(),
            })
        };
        write(
            &keys.certificate,
            &made.certificate,
            "the server's certificate",
        )?;
        write(&keys.key, &made.key, "the server's key")?;
        let accounts = "the key of service accounts";
        write(&folder.join(ACCOUNTS.0), &made.accounts.0, accounts)?;
        write(&folder.join(ACCOUNTS.1), &made.accounts.1, accounts)?;
        let tokens = format!("{},kuryr-lab,kuryr-lab,\"system:masters\"\n", keys.token);
        write(&keys.tokens, &tokens, "the client's token")?;
        let _ = fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(0o700));
        Ok(keys)
    }

    fn with(made: &Made, folder: &Path) -> Self {
        Self {
            certificate: folder.join("server.crt"),
            key: folder.join("server.key"),
            tokens: folder.join("tokens.csv"),
            authority_base64: STANDARD.encode(&made.authority),
            token: uuid::Uuid::new_v4().simple().to_string(),
        }
    }

    #[cfg(test)]
    #[allow(clippy::unwrap_used)]
    pub(super) fn in_memory() -> Self {
        Self::with(&Made::new().unwrap(), Path::new("/nowhere"))
    }
}

/// As PEM.
struct Made {
    authority: String,
    certificate: String,
    key: String,
    accounts: (String, String),
}

impl Made {
    fn new() -> Result<Self, rcgen::Error> {
        let authority_key = KeyPair::generate()?;
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        authority
            .distinguished_name
            .push(DnType::CommonName, "kuryr-lab-ca");
        let own = authority.self_signed(&authority_key)?;
        let issuer = Issuer::new(authority, authority_key);
        let key = KeyPair::generate()?;
        let mut server = CertificateParams::new(NAMES.map(str::to_owned))?;
        server
            .distinguished_name
            .push(DnType::CommonName, "kube-apiserver");
        let certificate = server.signed_by(&key, &issuer)?;
        let accounts = KeyPair::generate()?;
        Ok(Self {
            authority: own.pem(),
            certificate: certificate.pem(),
            key: key.serialize_pem(),
            accounts: (accounts.serialize_pem(), accounts.public_key_pem()),
        })
    }
}
