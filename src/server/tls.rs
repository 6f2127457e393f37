//! Certificates: from files, re-read when their content changes, or made up for trying things out.
//!
//! The files are read again every few seconds and compared by content. Watching them for events would miss how Kubernetes
//! updates a mounted Secret: it swaps a symbolic link above them. Connections keep the pair they were opened with.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::telemetry::Metrics;

/// How often the files are read again.
pub const RELOAD_INTERVAL: Duration = Duration::from_secs(5);

/// Why there is no certificate to serve with.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("read `{path}`")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file has no certificate in PEM form.
    #[error("`{path}` holds no certificate in PEM form")]
    NoCertificate {
        /// Which.
        path: PathBuf,
    },
    /// The file has no private key in PEM form.
    #[error("`{path}` holds no private key in PEM form")]
    NoKey {
        /// Which.
        path: PathBuf,
    },
    /// Certificate and key do not belong together, or the key is of an unknown kind.
    #[error("certificate `{certificate}` and key `{key}` cannot be used together")]
    Unusable {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// Why.
        source: rustls::Error,
    },
    /// A certificate of our own could not be made.
    #[error("make a self-signed certificate")]
    SelfSigned(#[from] rcgen::Error),
    /// The TLS library refuses the configuration.
    #[error("set up TLS")]
    Setup(#[from] rustls::Error),
}

/// The pair in use, and where it comes from.
#[derive(Debug)]
pub struct Certificate {
    current: ArcSwap<CertifiedKey>,
    files: Option<Files>,
}

#[derive(Debug)]
struct Files {
    certificate: PathBuf,
    key: PathBuf,
    /// What was read last, whether it could be used or not.
    content: std::sync::Mutex<(Vec<u8>, Vec<u8>)>,
}

/// A certificate of our own and the PEM text that clients must trust.
#[derive(Clone, Debug)]
pub struct SelfSigned {
    /// The certificate, PEM.
    pub certificate: String,
    key: String,
}

impl SelfSigned {
    /// Makes one for the given names and addresses.
    pub fn generate(names: Vec<String>) -> Result<Self, TlsError> {
        let made = rcgen::generate_simple_self_signed(names)?;
        Ok(Self { certificate: made.cert.pem(), key: made.signing_key.serialize_pem() })
    }
}

impl Certificate {
    /// Reads a pair from files.
    pub fn from_files(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let content = (read(certificate)?, read(key)?);
        let pair = certified(&content.0, &content.1, certificate, key)?;
        Ok(Self {
            current: ArcSwap::from_pointee(pair),
            files: Some(Files {
                certificate: certificate.to_owned(),
                key: key.to_owned(),
                content: std::sync::Mutex::new(content),
            }),
        })
    }

    /// Takes a certificate of our own.
    pub fn self_signed(made: &SelfSigned) -> Result<Self, TlsError> {
        let origin = Path::new("self-signed");
        let pair = certified(made.certificate.as_bytes(), made.key.as_bytes(), origin, origin)?;
        Ok(Self { current: ArcSwap::from_pointee(pair), files: None })
    }

    /// Looks at the files again. Gives whether a new pair is in use.
    ///
    /// A pair that cannot be used is an error once; the old pair stays in use. A certificate and key that do not fit
    /// together yet, because only one of the two files has been written, are tried again when the other changes.
    pub fn reload(&self) -> Result<bool, TlsError> {
        let Some(files) = &self.files else {
            return Ok(false);
        };
        let content = (read(&files.certificate)?, read(&files.key)?);
        // Poisoning would mean a panic between two assignments; the content is whole either way.
        let mut last = files.content.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if *last == content {
            return Ok(false);
        }
        let pair = certified(&content.0, &content.1, &files.certificate, &files.key);
        *last = content;
        drop(last);
        self.current.store(Arc::new(pair?));
        Ok(true)
    }

    /// Looks at the files again and again. Never returns.
    pub async fn keep_fresh(&self, metrics: &Metrics, interval: Duration) {
        self.report(metrics);
        loop {
            tokio::time::sleep(interval).await;
            match self.reload() {
                Ok(false) => {}
                Ok(true) => {
                    metrics.certificate_reloads.inc();
                    self.report(metrics);
                    tracing::info!("took a new certificate from changed files");
                }
                Err(error) => {
                    metrics.loop_failed("certificate");
                    let error: &dyn std::error::Error = &error;
                    tracing::error!(
                        error,
                        "the certificate files cannot be used; the last good pair stays in use"
                    );
                }
            }
        }
    }

    fn report(&self, metrics: &Metrics) {
        let current = self.current.load();
        let expiry = current
            .cert
            .first()
            .and_then(|certificate| x509_parser::parse_x509_certificate(certificate).ok())
            .map(|(_, certificate)| certificate.validity().not_after.timestamp());
        if let Some(expiry) = expiry {
            metrics.certificate_expiry.set(expiry);
        }
    }

    /// A TLS configuration that serves whatever pair is in use, over HTTP/2 and HTTP/1.1.
    pub fn server_config(self: &Arc<Self>) -> Result<ServerConfig, TlsError> {
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::<Self>::clone(self));
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.load_full())
    }
}

/// The cryptography in use, passed where it is needed instead of set for the process.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|source| TlsError::Read { path: path.to_owned(), source })
}

fn certified(
    certificate: &[u8],
    key: &[u8],
    certificate_path: &Path,
    key_path: &Path,
) -> Result<CertifiedKey, TlsError> {
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(certificate)
        .collect::<Result<_, _>>()
        .map_err(|_| TlsError::NoCertificate { path: certificate_path.to_owned() })?;
    if chain.is_empty() {
        return Err(TlsError::NoCertificate { path: certificate_path.to_owned() });
    }
    let key = PrivateKeyDer::from_pem_slice(key)
        .map_err(|_| TlsError::NoKey { path: key_path.to_owned() })?;
    CertifiedKey::from_der(chain, key, &provider()).map_err(|source| TlsError::Unusable {
        certificate: certificate_path.to_owned(),
        key: key_path.to_owned(),
        source,
    })
}
