//! Metrics and health over HTTP, for as long as the program runs.

use crate::failure::Failure;
use axum::{
    Router,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::get,
};
use benchlake_pipeline::{Health, Metrics};
use std::{
    io,
    net::{SocketAddr, TcpListener},
};
use tokio::runtime::{Builder, Runtime};

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Serves `/metrics` and `/health` at `address` from a thread of its own, so that a lander that
/// hangs is told to hang; returns the address, with the port that port 0 became.
///
/// # Errors
/// The address is in use, is not this machine's, or is not permitted.
pub(crate) fn start(address: SocketAddr, metrics: Metrics, health: Health) -> Result<SocketAddr, Failure> {
    let named = |error: io::Error| {
        Failure::internal(format!(
            "cannot listen on {address}: {error}; name another address with --listen, or port 0 for a free one"
        ))
    };
    let listener = TcpListener::bind(address).map_err(named)?;
    listener.set_nonblocking(true).map_err(named)?;
    let bound = listener.local_addr().map_err(named)?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let routes = Router::new()
        .route("/metrics", get(exposition).with_state(metrics))
        .route("/health", get(both).with_state(health.clone()))
        .route("/health/live", get(live).with_state(health.clone()))
        .route("/health/ready", get(ready).with_state(health));
    std::thread::Builder::new().name("metrics".into()).spawn(move || serve(&runtime, listener, routes))?;
    Ok(bound)
}

fn serve(runtime: &Runtime, listener: TcpListener, routes: Router) {
    let served =
        runtime.block_on(async { axum::serve(tokio::net::TcpListener::from_std(listener)?, routes).await });
    if let Err(error) = served {
        tracing::error!(%error, "metrics and health are served no more; landing goes on");
    }
}

async fn exposition(State(metrics): State<Metrics>) -> Response {
    match metrics.exposition() {
        Ok(text) => ([(CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

async fn live(State(health): State<Health>) -> (StatusCode, String) {
    answer(health.live(), "live")
}

async fn ready(State(health): State<Health>) -> (StatusCode, String) {
    answer(health.ready(), "ready")
}

fn answer(state: Result<(), String>, good: &str) -> (StatusCode, String) {
    match state {
        Ok(()) => (StatusCode::OK, format!("{good}\n")),
        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")),
    }
}

/// `{"live": true, "ready": false, "why": "…"}`; `why` is null when all is well.
async fn both(State(health): State<Health>) -> Response {
    let (live, ready) = (health.live(), health.ready());
    let status = if ready.is_ok() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = serde_json::json!({ "live": live.is_ok(), "ready": ready.is_ok(), "why": ready.err() });
    (status, [(CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}
