//! A server's certificate that is in the bundle itself.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};

#[derive(Debug)]
pub(crate) struct Pinned {
    pub(crate) by_authority: Arc<WebPkiServerVerifier>,
    pub(crate) certificates: Vec<CertificateDer<'static>>,
}

impl ServerCertVerifier for Pinned {
    /// As by authority, except that a certificate of the bundle may say that it is an authority's. That is complained of after
    /// its dates were found good, and before its name is looked at.
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified = self.by_authority.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        );
        let Err(error) = verified else {
            return verified;
        };
        let is_here = self
            .certificates
            .iter()
            .any(|c| c.as_ref() == end_entity.as_ref());
        if !is_here || !says_it_is_an_authoritys(&error) {
            return Err(error);
        }
        verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.by_authority.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.by_authority.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.by_authority.supported_verify_schemes()
    }
}

fn says_it_is_an_authoritys(error: &Error) -> bool {
    let Error::InvalidCertificate(CertificateError::Other(other)) = error else {
        return false;
    };
    matches!(
        other.0.downcast_ref(),
        Some(webpki::Error::CaUsedAsEndEntity)
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::Duration;

    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

    use super::*;
    use crate::{Trust, TrustError};

    fn self_signed(authority: bool, names: &[&str]) -> (CertificateDer<'static>, String) {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(names).unwrap();
        if authority {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        }
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        (certificate.der().clone(), certificate.pem())
    }

    fn believes(
        trust: &Trust,
        certificate: &CertificateDer<'_>,
        name: &str,
        now: UnixTime,
    ) -> Result<(), String> {
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let verifier = trust.verifier().unwrap();
        let verified = verifier.verify_server_cert(certificate, &[], &name, &[], now);
        verified.map(drop).map_err(|e| e.to_string())
    }

    fn now() -> UnixTime {
        UnixTime::now()
    }

    #[test]
    fn a_self_signed_certificate_is_its_own_authority() {
        for authority in [true, false] {
            let (der, pem) = self_signed(authority, &["keystone.example", "127.0.0.1"]);
            let trust = Trust::from_pem(pem.as_bytes()).unwrap();
            believes(&trust, &der, "keystone.example", now()).unwrap();
            believes(&trust, &der, "127.0.0.1", now()).unwrap();
        }
    }

    #[test]
    fn its_name_and_dates_are_looked_at_all_the_same() {
        let (der, pem) = self_signed(true, &["keystone.example"]);
        let trust = Trust::from_pem(pem.as_bytes()).unwrap();
        let said = believes(&trust, &der, "nova.example", now()).unwrap_err();
        assert!(said.contains("nova.example"), "{said}");
        let past = UnixTime::since_unix_epoch(Duration::from_secs(5));
        let said = believes(&trust, &der, "keystone.example", past).unwrap_err();
        assert!(said.contains("not valid yet"), "{said}");
    }

    #[test]
    fn anothers_self_signed_certificate_is_not_believed() {
        let (_, pem) = self_signed(true, &["keystone.example"]);
        let (other, _) = self_signed(true, &["keystone.example"]);
        let trust = Trust::from_pem(pem.as_bytes()).unwrap();
        believes(&trust, &other, "keystone.example", now()).unwrap_err();
    }

    #[test]
    fn an_authority_of_the_bundle_is_no_server_of_another_name() {
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["keystone.example".to_owned()]).unwrap();
        let server = params.signed_by(&key, &issuer).unwrap();
        let trust = Trust::from_pem(issuer.pem().as_bytes()).unwrap();
        believes(&trust, server.der(), "keystone.example", now()).unwrap();
        believes(&trust, issuer.der(), "keystone.example", now()).unwrap_err();
    }

    #[test]
    fn a_certificate_that_can_not_be_used_takes_the_others_not_with_it() {
        let (der, pem) = self_signed(true, &["keystone.example"]);
        let odd = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
        let trust = Trust::from_pem(format!("# a comment\n{odd}{pem}").as_bytes()).unwrap();
        assert_eq!(trust.certificates(), [der]);
        let alone = Trust::from_pem(odd.as_bytes()).unwrap_err();
        assert!(
            matches!(alone, TrustError::NoneUsable { count: 1, .. }),
            "{alone}"
        );
        let none = Trust::from_pem(b"no certificate").unwrap_err();
        assert!(matches!(none, TrustError::Empty), "{none}");
    }
}
