//! Certificates made on the spot: an authority, and one certificate for each host that a client asks for.

use std::{
    collections::BTreeMap,
    fmt, io,
    sync::{Arc, Mutex, PoisonError},
};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use rustls::{
    ServerConfig,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};

use crate::{clouds, route::host_matches};

/// Names in the certificate for clients that ask for no host, as those who connect by address do.
const LOCAL_NAMES: &[&str] = &["localhost", "127.0.0.1", "::1"];

/// A certificate authority of its own, and certificates for the host names of all clouds.
///
/// Certificates are signed when a client first asks for a host, so that names with a region in them
/// (`ec2.eu-west-1.amazonaws.com`) are covered, which no wildcard certificate does.
#[derive(Clone, Debug)]
pub struct TlsIdentity {
    ca_pem: String,
    resolver: Arc<Resolver>,
}

impl TlsIdentity {
    /// Makes a new authority. It is never stored; a program trusts it through [`ca_pem`](Self::ca_pem).
    ///
    /// # Errors
    /// When no key can be made.
    pub fn generate() -> io::Result<Self> {
        let mut params = CertificateParams::default();
        params
            .distinguished_name
            .push(DnType::CommonName, "provision simulator CA");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let authority = CertifiedIssuer::self_signed(params, key).map_err(io::Error::other)?;
        let ca_pem = authority.pem();
        let leaf = KeyPair::generate().map_err(io::Error::other)?;
        let hosts = clouds::all()
            .iter()
            .flat_map(|slot| slot.info().hosts)
            .copied()
            .collect();
        let resolver = Resolver {
            authority,
            leaf,
            hosts,
            issued: Mutex::default(),
        };
        // Signing works or fails the same way for every name.
        resolver.certificate("localhost", LOCAL_NAMES)?;
        Ok(Self {
            ca_pem,
            resolver: Arc::new(resolver),
        })
    }

    /// The authority's certificate, PEM: what clients have to trust.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    pub(crate) fn server_config(&self) -> Arc<ServerConfig> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let resolver = Arc::clone(&self.resolver) as Arc<dyn ResolvesServerCert>;
        let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        #[expect(
            clippy::expect_used,
            reason = "fails only if the provider lacks a cipher for TLS 1.2 or 1.3; ring has"
        )]
        let mut config = builder
            .expect("ring supports the default versions")
            .with_no_client_auth()
            .with_cert_resolver(resolver);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Arc::new(config)
    }
}

struct Resolver {
    authority: CertifiedIssuer<'static, KeyPair>,
    leaf: KeyPair,
    hosts: Vec<&'static str>,
    issued: Mutex<BTreeMap<String, Arc<CertifiedKey>>>,
}

impl fmt::Debug for Resolver {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Resolver").finish_non_exhaustive()
    }
}

impl Resolver {
    fn certificate(&self, name: &str, subjects: &[&str]) -> io::Result<Arc<CertifiedKey>> {
        let mut issued = self.issued.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = issued.get(name) {
            return Ok(Arc::clone(known));
        }
        let subjects: Vec<String> = subjects.iter().map(|subject| (*subject).to_owned()).collect();
        let mut params = CertificateParams::new(subjects).map_err(io::Error::other)?;
        params
            .distinguished_name
            .push(DnType::CommonName, "provision simulator");
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let certificate = params
            .signed_by(&self.leaf, &self.authority)
            .map_err(io::Error::other)?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.leaf.serialize_der()));
        let key = rustls::crypto::ring::sign::any_supported_type(&key).map_err(io::Error::other)?;
        let chain = vec![certificate.der().clone(), self.authority.der().clone()];
        let certified = Arc::new(CertifiedKey::new(chain, key));
        issued.insert(name.to_owned(), Arc::clone(&certified));
        Ok(certified)
    }
}

impl ResolvesServerCert for Resolver {
    /// A host of a cloud gets its own certificate, `localhost` and clients without a name the local one, and any other
    /// host none, so that names cannot fill the memory.
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        match hello.server_name() {
            None | Some("localhost") => self.certificate("localhost", LOCAL_NAMES).ok(),
            Some(name) => {
                let name = name.to_ascii_lowercase();
                let known = self.hosts.iter().any(|pattern| host_matches(pattern, &name));
                known.then(|| self.certificate(&name, &[&name]).ok()).flatten()
            }
        }
    }
}
