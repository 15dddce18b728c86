//! The report: one page of HTML and a plot per benchmark, each number traceable to the state of the
//! tables it came from.

pub(crate) mod history;
pub(crate) mod page;
pub(crate) mod plot;

use crate::{Answer, Lake, QueryError, SqlError, ask, queries};
use history::{Run, histories, rows};
use page::{Page, Plot};
use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

/// What a report shows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Options {
    /// The run that the summary is of; `None` for the latest.
    pub run: Option<String>,
    /// The metric that is shown, `all` for each of them; `None` for `time`.
    pub metric: Option<String>,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The lake has nothing to report.
    #[error("the lake at {uri} has no measured series at {at}: measure something, or choose a later --at")]
    NoSeries {
        /// Where.
        uri: String,
        /// The state.
        at: String,
    },
    /// The run has no measured series.
    #[error("run {run} has no measured series at this state of the lake; the latest that has is {latest}")]
    NoRun {
        /// What was asked for.
        run: String,
        /// The latest measured run.
        latest: String,
    },
    /// A query failed.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// SQL failed.
    #[error(transparent)]
    Sql(#[from] SqlError),
    /// A file cannot be written.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A plot cannot be drawn.
    #[error("the plot of {benchmark} cannot be drawn: {problem}")]
    Plot {
        /// Of what.
        benchmark: String,
        /// Why.
        problem: String,
    },
}

/// Writes the report of `lake` into the folder `out`, which is created, and returns its files,
/// `index.html` first.
///
/// # Errors
/// [`ReportError`].
pub async fn write(lake: &Lake, out: &Path, options: &Options) -> Result<Vec<PathBuf>, ReportError> {
    let no_series = || ReportError::NoSeries { uri: lake.uri().to_owned(), at: lake.pin().to_string() };
    let metric = options.metric.as_deref().unwrap_or("time");
    let histories = histories(rows(&named(lake, "trend", &[("metric", metric)]).await?)?);
    let latest = histories.iter().flat_map(|history| &history.points).map(|point| &point.run_id).max();
    let latest = latest.ok_or_else(no_series)?;
    let run = options.run.as_ref().unwrap_or(latest);
    let summary = rows(&named(lake, "summary", &[("run", run), ("metric", metric)]).await?)?;
    if summary.is_empty() {
        return Err(ReportError::NoRun { run: run.clone(), latest: latest.clone() });
    }
    let all = ask(&lake.context(), "SELECT * FROM runs ORDER BY started_at DESC, run_id DESC").await?;
    let runs: Vec<Run> = rows(&all)?;

    let folder = out.join("plots");
    fs::create_dir_all(&folder).map_err(|source| ReportError::Io { path: folder.clone(), source })?;
    let mut files = vec![out.join("index.html")];
    let mut plots = Vec::new();
    for history in &histories {
        let failed = |problem| ReportError::Plot { benchmark: history.label.clone(), problem };
        let plot = Plot {
            label: history.label.clone(),
            metric: history.metric.clone(),
            slug: history.slug(),
            svg: plot::svg(history).map_err(failed)?,
        };
        let path = folder.join(format!("{}.svg", plot.slug));
        save(&path, &plot.svg)?;
        files.push(path);
        let path = folder.join(format!("{}.png", plot.slug));
        plot::png(history, &path).map_err(failed)?;
        files.push(path);
        plots.push(plot);
    }
    let html = page::page(&Page {
        pin: &lake.pin().to_string(),
        run,
        summary: &summary,
        missing: &rows(&named(lake, "failures", &[("run", run)]).await?)?,
        repeats: &rows(&named(lake, "reproducibility", &[("run", run), ("metric", metric)]).await?)?,
        runs: &runs,
        settings: &rows(&named(lake, "environment", &[("run", run)]).await?)?,
        plots: &plots,
        queries: &QUERIES.iter().map(|name| queries::find(name)).collect::<Result<Vec<_>, _>>()?,
    });
    save(&files[0], &html)?;
    Ok(files)
}

/// The named queries that a report is made of.
const QUERIES: [&str; 5] = ["summary", "failures", "reproducibility", "trend", "environment"];

async fn named(lake: &Lake, name: &str, given: &[(&str, &str)]) -> Result<Answer, QueryError> {
    let parameters: BTreeMap<_, _> =
        given.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect();
    queries::find(name)?.run(&lake.context(), &parameters).await
}

fn save(path: &Path, text: &str) -> Result<(), ReportError> {
    fs::write(path, text).map_err(|source| ReportError::Io { path: path.to_owned(), source })
}
