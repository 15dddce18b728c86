//! Standard output is for data; remarks, progress and errors go to standard error.

use crate::{
    args::{Global, LogFormat},
    failure::Failure,
};
use benchlake_analytics::decide::Screen;
use benchlake_producers::{
    agent::{config_text, exit},
    emit::ClientConfig,
};
use clap::ColorChoice;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::{
    io::{IsTerminal, Write, stderr, stdout},
    time::Duration,
};
use tracing_subscriber::{EnvFilter, filter::LevelFilter};

/// What remarks and errors are logged as, where they are log lines.
const REMARK: &str = "benchlake::remark";

pub(crate) fn start_logging(global: &Global) {
    let level = match (global.quiet, global.verbose) {
        (true, _) => "error",
        (false, 0) => "warn",
        (false, 1) => "warn,benchlake=info,benchlake_pipeline=info,benchlake_producers=info",
        (false, _) => "info,benchlake=debug,benchlake_pipeline=debug,benchlake_producers=debug",
    };
    // What the Kafka client has to say is told once, in our words; twice --verbose shows its own.
    let client = if global.verbose > 1 { "info" } else { "off" };
    // The library warns of each commit that another writer came before; the lander decides on those.
    let remarks = if global.quiet { "" } else { ",benchlake::remark=info" };
    let filter = EnvFilter::builder()
        .with_default_directive(LevelFilter::WARN.into())
        .parse_lossy(format!("{level},deltalake_core=error,rdkafka=off,librdkafka={client}{remarks}"));
    let logging = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr).with_target(false);
    let _ = if is_json(global) {
        // Every line is an object, also a program's last.
        std::panic::set_hook(Box::new(|panic| tracing::error!(target: REMARK, "{panic}")));
        logging.json().try_init()
    } else {
        logging.with_ansi(colored(global)).try_init()
    };
}

fn is_json(global: &Global) -> bool {
    global.log_format == LogFormat::Json
}

pub(crate) fn colored(global: &Global) -> bool {
    is_colored(global, &stderr())
}

/// Whether a terminal is shown colours.
fn is_colored(global: &Global, stream: &impl IsTerminal) -> bool {
    match global.color {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => {
            stream.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        }
    }
}

/// What standard output can show; a file or a pipe gets as much as a wide terminal.
pub(crate) fn screen(global: &Global) -> Screen {
    let width = terminal_size::terminal_size_of(stdout()).map(|(width, _)| width.0.into());
    Screen { width: width.unwrap_or(Screen::default().width), colour: is_colored(global, &stdout()) }
}

pub(crate) fn error(global: &Global, message: &str) {
    if is_json(global) {
        tracing::error!(target: REMARK, "{message}");
        return;
    }
    let label = if colored(global) { "\x1b[1;31merror:\x1b[0m" } else { "error:" };
    let _ = writeln!(stderr(), "{label} {message}");
}

/// A remark on standard error, unless `--quiet`.
pub(crate) fn remark(global: &Global, message: &str) {
    if is_json(global) {
        tracing::info!(target: REMARK, "{message}");
    } else if !global.quiet {
        let _ = writeln!(stderr(), "{message}");
    }
}

/// Adds to `text` what there was any of.
pub(crate) fn add_counts(text: &mut String, counts: &[(u64, &str)]) {
    for (count, what) in counts.iter().filter(|(count, _)| *count > 0) {
        text.push_str(&format!(", {count} {what}"));
    }
}

/// Text on standard output; a closed pipe is nobody's error.
pub(crate) fn print(text: &str) {
    let _ = writeln!(stdout(), "{text}");
}

/// What `--show-config` prints: a line per option and per property of the Kafka client; ends the command.
pub(crate) fn config(options: &[(&str, String)], kafka: Option<&ClientConfig>) -> Result<u8, Failure> {
    print(config_text(options, kafka)?.trim_end());
    Ok(exit::OK)
}

/// A bar on standard error that appears when there is a terminal to see it.
pub(crate) fn bar(global: &Global, length: u64) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(length), target(global));
    let style = ProgressStyle::with_template("{bar:24} {pos}/{len} {elapsed} eta {eta}  {wide_msg}");
    if let Ok(style) = style {
        bar.set_style(style);
    }
    bar
}

/// One live line on standard error, never wider than the terminal.
pub(crate) fn spinner(global: &Global) -> ProgressBar {
    let spinner = ProgressBar::with_draw_target(None, target(global));
    // Wide: cut where the terminal ends.
    if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
        spinner.set_style(style);
    }
    spinner.enable_steady_tick(Duration::from_millis(200));
    spinner
}

fn target(global: &Global) -> ProgressDrawTarget {
    if global.quiet || is_json(global) {
        ProgressDrawTarget::hidden()
    } else {
        ProgressDrawTarget::stderr_with_hz(5)
    }
}
