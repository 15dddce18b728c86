//! `benchlake baseline`: sessions that others are compared with, kept in the lake under a name.

mod declare;

pub(crate) use declare::move_to;

use crate::{
    args::{BaselineCommand, FormatArgs, Global, LakeArgs},
    failure::Failure,
    output, sql,
};
use benchlake_analytics::{Answer, At, Lake, baselines, format::Format, queries};
use benchlake_producers::agent::exit;
use benchlake_schemas::MovedBy;
use declare::{Declaration, declare, remove};
use std::collections::BTreeMap;
use tokio::runtime::Runtime;

pub(crate) fn run(command: &BaselineCommand, global: &Global) -> Result<u8, Failure> {
    Runtime::new()?.block_on(async {
        match command {
            BaselineCommand::Set { name, selector, platform, reason, place } => {
                let lake = Lake::open(&place.lake, &At::Latest).await?;
                let declaration = Declaration {
                    name,
                    platforms: platform.as_deref(),
                    moved_by: MovedBy::Person,
                    reason: reason.as_deref(),
                };
                let selected = benchlake_analytics::selection::select(&lake, selector).await?;
                selected.notes.iter().for_each(|note| output::remark(global, note));
                declare(&lake, &selected, &declaration, global).await?;
                Ok(exit::OK)
            }
            BaselineCommand::Ls { lake, format } => list(lake, format, global).await,
            BaselineCommand::Show { name, history: true, lake, format } => history(name, lake, format).await,
            BaselineCommand::Show { name, history: false, lake, format } => {
                show(name, lake, format, global).await
            }
            BaselineCommand::Rm { name, platform, reason, place } => {
                let lake = Lake::open(&place.lake, &At::Latest).await?;
                remove(&lake, name, platform.as_deref(), reason.as_deref(), global).await?;
                Ok(exit::OK)
            }
        }
    })
}

async fn open(args: &LakeArgs) -> Result<Lake, Failure> {
    let uri = args.lake.as_ref();
    let uri = uri.ok_or_else(|| Failure::usage("which lake? name it with --lake DIR or BENCHLAKE_LAKE"))?;
    Ok(Lake::open(uri, &args.at).await?)
}

/// The answer of a named query about `name`, or about all; nothing is printed of an empty table.
async fn print(query: &str, lake: &Lake, name: Option<&str>, form: Format) -> Result<Answer, Failure> {
    let query = queries::find(query)?;
    let name = name.map(|name| ("name".to_owned(), name.to_owned()));
    let answer = query.run(&lake.context(), &BTreeMap::from_iter(name)).await?;
    if answer.rows() > 0 || form != Format::Table {
        sql::to_stdout(|out| query.write(&answer, form, out))?;
    }
    Ok(answer)
}

async fn list(lake: &LakeArgs, format: &FormatArgs, global: &Global) -> Result<u8, Failure> {
    let lake = open(lake).await?;
    if print("baselines", &lake, None, format.get()).await?.rows() > 0 {
        return Ok(exit::OK);
    }
    let how = "`benchlake baseline set NAME SELECTOR` declares one";
    output::remark(global, &format!("no baseline in {}: {how}", lake.uri()));
    Ok(exit::NOTHING)
}

async fn show(name: &str, lake: &LakeArgs, format: &FormatArgs, global: &Global) -> Result<u8, Failure> {
    let lake = open(lake).await?;
    let found = baselines::find(&lake, name).await?;
    print("baselines", &lake, Some(name), format.get()).await?;
    for baseline in &found {
        let (there, all) = (baselines::present(&lake, baseline).await?, baseline.sessions.len());
        if there < all {
            let platform = &baseline.platform;
            output::remark(
                global,
                &format!("{platform}: {there} of its {all} sessions are still in the lake"),
            );
        }
    }
    Ok(exit::OK)
}

async fn history(name: &str, lake: &LakeArgs, format: &FormatArgs) -> Result<u8, Failure> {
    let lake = open(lake).await?;
    if baselines::last_revision(&lake, name).await? == 0 {
        return Err(baselines::unknown(&lake, name).await?.into());
    }
    print("baseline_history", &lake, Some(name), format.get()).await?;
    Ok(exit::OK)
}
