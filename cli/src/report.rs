//! `benchlake report`: a page and plots.

use crate::{
    args::{Global, Report},
    failure::Failure,
    output,
};
use benchlake_analytics::{At, Lake, report};
use benchlake_producers::agent::exit;
use std::path::{Path, PathBuf};
use tokio::runtime::Runtime;

pub(crate) fn run(args: &Report, global: &Global) -> Result<u8, Failure> {
    let Some(lake) = &args.lake.lake else {
        return Err(Failure::usage("which lake? name it with --lake DIR or BENCHLAKE_LAKE"));
    };
    let line = output::spinner(global);
    line.set_message("drawing");
    let page = write(
        lake,
        &args.lake.at,
        &args.out,
        report::Options { run: args.run.clone(), metric: Some(args.metric.clone()) },
    );
    line.finish_and_clear();
    output::print(&page?.display().to_string());
    Ok(exit::OK)
}

/// Writes the report and returns its page.
pub(crate) fn write(lake: &str, at: &At, out: &Path, options: report::Options) -> Result<PathBuf, Failure> {
    let files = Runtime::new()?.block_on(async {
        let lake = Lake::open(lake, at).await?;
        Ok::<_, Failure>(report::write(&lake, out, &options).await?)
    })?;
    Ok(files.into_iter().next().unwrap_or_else(|| out.to_owned()))
}
