//! One connection: one request, one answer, then it is closed.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;

use super::routes::Routes;

/// A scraper sends its few header lines at once. Whoever drips them is cut off.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);

/// From accept to the last byte of the answer. It bounds what a client can hold that reads slowly, or that
/// announces a body and never sends it; Prometheus itself gives up after 10 s by default.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(10);

/// All header lines and the request line together, the least that hyper allows. A scrape has a few hundred bytes.
const HEADER_BYTES: usize = 8 * 1024;

/// A browser sends about twenty.
const HEADERS: usize = 64;

/// Without keep-alive an idle client holds nothing, and a handshake every ten seconds costs nothing.
pub(crate) async fn serve(stream: TcpStream, routes: Arc<Routes>) {
    let service = service_fn(move |request| {
        let routes = Arc::clone(&routes);
        async move { Ok::<_, Infallible>(routes.answer(request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .keep_alive(false)
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(HEADER_BYTES)
        .max_headers(HEADERS)
        .serve_connection(TokioIo::new(stream), service);
    match tokio::time::timeout(CONNECTION_TIMEOUT, connection).await {
        Ok(Ok(())) => {}
        // Anybody can cause this, so it must not fill the log.
        Ok(Err(error)) => tracing::debug!(%error, "connection ended badly"),
        Err(_) => tracing::debug!("connection took too long"),
    }
}
