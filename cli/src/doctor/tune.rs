//! `benchlake doctor --tune`: what would be set, set it, set it back.

use crate::{args::Doctor, deliver::state_folder, failure::Failure, output};
use benchlake_producers::{
    agent::exit,
    machine::{Outcome, Plan, TuneError, apply, settings, state_file, undo},
};
use serde_json::{Value, json};
use std::path::Path;

/// Shows what can be set, or does it, or undoes it.
pub(super) fn run(args: &Doctor) -> Result<u8, Failure> {
    let root = Path::new("/");
    let note = state_file(root, &state_folder());
    if args.undo {
        let outcomes = undo(root, &note).map_err(failure)?;
        return tell(&outcomes, &[], "set back", args.json);
    }
    let plan = Plan::of(&settings(root));
    if args.apply {
        let outcomes = apply(&plan, &note).map_err(failure)?;
        let code = tell(&outcomes, &plan.refused, "set", args.json)?;
        if !args.json && outcomes.iter().any(|outcome| outcome.problem.is_none()) {
            output::print("→ `benchlake doctor --undo` sets it back; a restart does too");
        }
        return Ok(code);
    }
    show(&plan, args.json)?;
    Ok(exit::OK)
}

fn failure(error: TuneError) -> Failure {
    let code = match error {
        TuneError::NothingToUndo { .. } => exit::NOTHING,
        TuneError::Note { .. } | TuneError::Unreadable { .. } => exit::INTERNAL,
    };
    Failure { code, message: error.to_string() }
}

/// What would be set.
fn show(plan: &Plan, json: bool) -> Result<(), Failure> {
    if json {
        let changes = plan.changes.iter().map(|change| {
            json!({
                "setting": change.setting,
                "file": change.file,
                "from": change.from.trim(),
                "to": change.to,
            })
        });
        return print_json(changes.chain(refusals(&plan.refused)).collect());
    }
    for change in &plan.changes {
        let (from, file) = (change.from.trim(), change.file.display());
        output::print(&format!("would set {:<12} {from} → {}  ({file})", change.setting, change.to));
    }
    print_refusals(&plan.refused);
    match (plan.changes.is_empty(), plan.refused.is_empty()) {
        (true, true) => output::print("nothing to set: what can be set is as measuring wants it"),
        (false, _) => output::print("→ `benchlake doctor --tune --apply` sets it, --undo sets it back"),
        (true, false) => {}
    }
    Ok(())
}

/// What became of each file; part of it failed, or none of it could be done: that is told by the code.
fn tell(outcomes: &[Outcome], refused: &[(String, String)], done: &str, json: bool) -> Result<u8, Failure> {
    let failed = outcomes.iter().any(|outcome| outcome.problem.is_some()) || !refused.is_empty();
    let code = if failed { exit::PARTLY } else { exit::OK };
    if json {
        let told = outcomes.iter().map(|Outcome { change, problem }| {
            json!({
                "setting": change.setting,
                "file": change.file,
                "from": change.from.trim(),
                "to": change.to.trim(),
                "problem": problem,
            })
        });
        print_json(told.chain(refusals(refused)).collect())?;
        return Ok(code);
    }
    for Outcome { change, problem } in outcomes {
        let (to, file) = (change.to.trim(), change.file.display());
        output::print(&match problem {
            None => format!("{done:<9} {:<12} {to}  ({file})", change.setting),
            Some(problem) => format!("{:<9} {:<12} {to}: {problem}  ({file})", "failed", change.setting),
        });
    }
    print_refusals(refused);
    if outcomes.is_empty() && refused.is_empty() {
        output::print("nothing to set: what can be set is as measuring wants it");
    }
    Ok(code)
}

fn print_refusals(refused: &[(String, String)]) {
    for (setting, why) in refused {
        output::print(&format!("{:<9} {setting:<12} {why}", "cannot"));
    }
}

fn refusals(refused: &[(String, String)]) -> impl Iterator<Item = Value> {
    refused.iter().map(|(setting, why)| json!({ "setting": setting, "problem": why }))
}

fn print_json(values: Vec<Value>) -> Result<(), Failure> {
    output::print(&serde_json::to_string_pretty(&values).map_err(Failure::internal)?);
    Ok(())
}
