//! What each path answers.

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};

use super::readiness::{self, Check};
use crate::Telemetry;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const PLAIN_TEXT_METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";

/// What the routes need to know.
pub(crate) struct Routes {
    pub(crate) telemetry: Telemetry,
    pub(crate) checks: Vec<Check>,
}

impl Routes {
    /// The request's body is of no interest and is never read.
    pub(crate) async fn answer<B>(&self, request: Request<B>) -> Response<Full<Bytes>> {
        let path = request.uri().path();
        if !matches!(path, "/metrics" | "/healthz" | "/readyz") {
            let text = "not found: there are /metrics, /healthz and /readyz\n";
            return response(StatusCode::NOT_FOUND, TEXT, text.to_owned());
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let text = "method not allowed: use GET or HEAD\n";
            let mut refusal = response(StatusCode::METHOD_NOT_ALLOWED, TEXT, text.to_owned());
            refusal.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return refusal;
        }
        match path {
            "/metrics" => self.metrics(request.headers()),
            "/healthz" => response(StatusCode::OK, TEXT, "alive\n".to_owned()),
            _ => self.ready().await,
        }
    }

    fn metrics(&self, headers: &HeaderMap) -> Response<Full<Bytes>> {
        let (encoded, content_type) = if wants_open_metrics(headers) {
            (self.telemetry.encode(), OPEN_METRICS)
        } else {
            (self.telemetry.encode_plain_text(), PLAIN_TEXT_METRICS)
        };
        match encoded {
            Ok(text) => response(StatusCode::OK, content_type, text),
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "metrics cannot be encoded");
                response(StatusCode::INTERNAL_SERVER_ERROR, TEXT, format!("{error}\n"))
            }
        }
    }

    async fn ready(&self) -> Response<Full<Bytes>> {
        let readiness = readiness::ask(&self.checks).await;
        let status = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        match serde_json::to_string(&readiness) {
            Ok(json) => response(status, JSON, json),
            Err(error) => response(StatusCode::INTERNAL_SERVER_ERROR, TEXT, format!("{error}\n")),
        }
    }
}

/// OpenMetrics unless the client names `text/plain` and does not name OpenMetrics. Prometheus names both and gets
/// OpenMetrics; a browser and curl name neither and get it too.
fn wants_open_metrics(headers: &HeaderMap) -> bool {
    let mut plain = false;
    for value in headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()) {
        let value = value.to_ascii_lowercase();
        if value.contains("application/openmetrics-text") {
            return true;
        }
        plain |= value.contains("text/plain");
    }
    !plain
}

fn response(status: StatusCode, content_type: &'static str, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
