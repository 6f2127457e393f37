//! Sockets: accepting, TLS, HTTP/1.1 and HTTP/2, and ending without dropping what was accepted.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;

/// How long a client may take for its handshake, and for the head of a request.
const CLIENT_PATIENCE: Duration = Duration::from_secs(10);

/// How many connections are open at once; further ones wait to be accepted. API servers keep a handful.
const MAX_CONNECTIONS: usize = 1024;

/// How long accepted requests may take once the server is told to stop.
const DRAIN_LIMIT: Duration = Duration::from_secs(30);

/// Streams that one HTTP/2 connection may have open.
const MAX_STREAMS: u32 = 250;

/// Binds an address.
pub async fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address).await
}

/// Serves until `stop` resolves, then finishes what was accepted and returns.
///
/// With an acceptor every connection is TLS.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    acceptor: Option<TlsAcceptor>,
    stop: impl Future<Output = ()>,
) {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(CLIENT_PATIENCE);
    builder.http2().timer(TokioTimer::new()).max_concurrent_streams(MAX_STREAMS);
    let builder = Arc::new(builder);
    let graceful = Arc::new(GracefulShutdown::new());
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = tokio::task::JoinSet::new();
    tokio::pin!(stop);
    loop {
        let accepted = tokio::select! {
            () = &mut stop => break,
            accepted = accept(&listener, &places) => accepted,
            // Tasks that have ended are taken out as they end.
            Some(_) = connections.join_next() => continue,
        };
        let Some((stream, place)) = accepted else {
            continue;
        };
        let (builder, router, acceptor) = (Arc::clone(&builder), router.clone(), acceptor.clone());
        let watcher = graceful.watcher();
        connections.spawn(async move {
            let _place = place;
            match acceptor {
                None => converse(&builder, stream, router, watcher).await,
                Some(acceptor) => {
                    match tokio::time::timeout(CLIENT_PATIENCE, acceptor.accept(stream)).await {
                        Ok(Ok(stream)) => converse(&builder, stream, router, watcher).await,
                        Ok(Err(error)) => tracing::debug!(%error, "TLS handshake failed"),
                        Err(_) => tracing::debug!("TLS handshake took too long"),
                    }
                }
            }
        });
    }
    drop(listener);
    let Some(graceful) = Arc::into_inner(graceful) else {
        return;
    };
    let drained = async {
        graceful.shutdown().await;
        while connections.join_next().await.is_some() {}
    };
    if tokio::time::timeout(DRAIN_LIMIT, drained).await.is_err() {
        tracing::warn!(
            seconds = DRAIN_LIMIT.as_secs(),
            "some requests did not end in time and were dropped"
        );
    }
}

/// Waits for a free place and then for a connection.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => {
            // Answers are small; waiting to fill a packet would only add delay.
            let _ = stream.set_nodelay(true);
            Some((stream, place))
        }
        Err(error) => {
            // Out of file descriptors, most likely: a busy loop would make it worse.
            tracing::warn!(%error, "accepting a connection failed");
            tokio::time::sleep(Duration::from_millis(100)).await;
            None
        }
    }
}

async fn converse<S>(
    builder: &Builder<TokioExecutor>,
    stream: S,
    router: Router,
    watcher: hyper_util::server::graceful::Watcher,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let connection =
        builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(error = error.to_string(), "connection ended with an error");
    }
}
