//! Which servers are believed: a CA bundle as people have it.
//!
//! OpenStack's own clients hand the bundle to OpenSSL, which takes what rustls does not: a server's self-signed certificate as
//! its own authority, and a bundle in which one certificate can't be used. Both are taken here too, with nothing else relaxed:
//! dates, names and signatures are checked by rustls.

mod pinned;

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use self::pinned::Pinned;

/// The certificates of a bundle that can be used.
#[derive(Clone, Debug)]
pub struct Trust {
    certificates: Vec<CertificateDer<'static>>,
    roots: Arc<RootCertStore>,
}

/// Why a bundle can't be used at all.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// It is not PEM.
    #[error("{0}")]
    Pem(#[from] rustls::pki_types::pem::Error),
    /// There is no certificate in it.
    #[error("there is no certificate in it")]
    Empty,
    /// None of its certificates can be used.
    #[error("none of its {count} certificates can be used; the first: {first}")]
    NoneUsable {
        /// How many there are.
        count: usize,
        /// What is wrong with the first.
        first: rustls::Error,
    },
    /// The TLS library refuses.
    #[error("{0}")]
    Tls(String),
}

impl Trust {
    /// Reads a bundle in PEM. A certificate that can't be used is left out, with a warning.
    ///
    /// # Errors
    /// [`TrustError`], if nothing is left.
    pub fn from_pem(pem: &[u8]) -> Result<Self, TrustError> {
        let certificates = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>()?;
        Self::from_der(certificates)
    }

    /// As [`Self::from_pem`], of certificates in DER.
    ///
    /// # Errors
    /// [`TrustError`], if nothing is left.
    pub fn from_der(all: Vec<CertificateDer<'static>>) -> Result<Self, TrustError> {
        let count = all.len();
        let mut roots = RootCertStore::empty();
        let mut certificates = Vec::new();
        let mut first = None;
        for (at, certificate) in all.into_iter().enumerate() {
            match roots.add(certificate.clone()) {
                Ok(()) => certificates.push(certificate),
                Err(error) => {
                    tracing::warn!(number = at + 1, of = count, %error, "a certificate of the CA bundle can't be used, it is left out");
                    first.get_or_insert(error);
                }
            }
        }
        match first {
            _ if !certificates.is_empty() => Ok(Self {
                certificates,
                roots: Arc::new(roots),
            }),
            Some(first) => Err(TrustError::NoneUsable { count, first }),
            None => Err(TrustError::Empty),
        }
    }

    /// The certificates that can be used, in DER.
    #[must_use]
    pub fn certificates(&self) -> &[CertificateDer<'static>] {
        &self.certificates
    }

    /// Believes servers with a certificate of one of these authorities, or with one of these certificates itself.
    ///
    /// # Errors
    /// [`TrustError::Tls`].
    pub fn verifier(&self) -> Result<Arc<dyn ServerCertVerifier>, TrustError> {
        let by_authority =
            WebPkiServerVerifier::builder_with_provider(self.roots.clone(), provider())
                .build()
                .map_err(|error| TrustError::Tls(error.to_string()))?;
        Ok(Arc::new(Pinned {
            by_authority,
            certificates: self.certificates.clone(),
        }))
    }

    /// For a client that has no certificate of its own.
    ///
    /// # Errors
    /// [`TrustError::Tls`].
    pub fn client_config(&self) -> Result<ClientConfig, TrustError> {
        let mut config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|error| TrustError::Tls(error.to_string()))?
            .with_root_certificates(self.roots.clone())
            .with_no_client_auth();
        config
            .dangerous()
            .set_certificate_verifier(self.verifier()?);
        Ok(config)
    }
}

fn provider() -> Arc<CryptoProvider> {
    CryptoProvider::get_default()
        .cloned()
        .unwrap_or_else(|| Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
}
