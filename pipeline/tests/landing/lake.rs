//! Commits: rows and positions together, at the position they fit, or not at all.

use super::*;
use arrow::{
    array::{Array, Int64Array, RecordBatch},
    datatypes::{DataType, Field, Schema},
};
use benchlake_pipeline::{LakeTable, Outcome, Progress, Span};
use benchlake_schemas::{Envelope, ProducerId, Record};
use std::sync::Arc;

fn batch(first: i64, rows: u32) -> Result<RecordBatch, Box<dyn Error>> {
    let record = Record::encode(Table::Series, ProducerId::new(), first, &some_series(rows))?;
    Ok(Envelope::seal(&record).open(Table::Series)?.0)
}

fn step(start: Option<i64>, end: i64) -> Progress {
    Progress { app_id: "partition-0".into(), span: Span { start, end }, expires: false }
}

/// A rival that was paused while another landed the same positions writes nothing: whether it would
/// end where the table stands (landed already) or elsewhere (fenced).
#[test]
fn a_zombie_lander_writes_nothing() -> TestResult {
    let dir = tempfile::tempdir()?;
    let lake = dir.path().to_string_lossy().into_owned();
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let mut one = LakeTable::open_or_create(&lake, Table::Series).await?;
        let mut zombie = LakeTable::open_or_create(&lake, Table::Series).await?;
        let landed = one.land(&[batch(1, 5)?], &[step(None, 5)]).await?;
        assert_eq!(landed, Outcome::Landed { version: 1 });
        assert_eq!(zombie.land(&[batch(1, 5)?], &[step(None, 5)]).await?, Outcome::Landed { version: 1 });
        assert_eq!(zombie.land(&[batch(1, 7)?], &[step(None, 7)]).await?, Outcome::Fenced);
        assert_eq!(zombie.land(&[batch(6, 2)?], &[step(Some(5), 7)]).await?, Outcome::Landed { version: 2 });
        assert_eq!(one.position("partition-0").await?, Some(7));
        Ok::<_, Box<dyn Error>>(())
    })?;
    assert_eq!(series(dir.path())?.len(), 7);
    Ok(())
}

/// Landers of different partitions that commit at once both land, each once.
#[test]
fn rivals_of_other_partitions_both_land() -> TestResult {
    let dir = tempfile::tempdir()?;
    let lake = dir.path().to_string_lossy().into_owned();
    let threads: Vec<_> = (0..3)
        .map(|rival| {
            let lake = lake.clone();
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Runtime::new().expect("a runtime");
                runtime.block_on(async {
                    let mut table =
                        LakeTable::open_or_create(&lake, Table::Series).await.expect("the lake opens");
                    for n in 0..5 {
                        let step = Progress {
                            app_id: format!("partition-{rival}"),
                            span: Span { start: (n > 0).then_some(n), end: n + 1 },
                            expires: false,
                        };
                        let landed =
                            table.land(&[batch(1, 1).expect("a batch")], &[step]).await.expect("it lands");
                        assert!(matches!(landed, Outcome::Landed { .. }));
                    }
                });
            })
        })
        .collect();
    for thread in threads {
        thread.join().map_err(|_| "a rival panicked")?;
    }
    assert_eq!(series(dir.path())?.len(), 15);
    Ok(())
}

/// A column of a newer minor version is added to the table, null in older rows.
#[test]
fn newer_columns_are_kept() -> TestResult {
    #[derive(Deserialize)]
    struct Novel {
        novelty: Option<i64>,
    }
    let dir = tempfile::tempdir()?;
    let lake = dir.path().to_string_lossy().into_owned();
    let old = batch(1, 1)?;
    let mut fields: Vec<_> = old.schema().fields().iter().cloned().collect();
    fields.push(Arc::new(Field::new("novelty", DataType::Int64, true)));
    let mut columns = old.columns().to_vec();
    columns.push(Arc::new(Int64Array::from(vec![42])) as Arc<dyn Array>);
    let new = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?;
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let mut table = LakeTable::open_or_create(&lake, Table::Series).await?;
        table.land(&[new, old.clone()], &[step(None, 2)]).await?;
        table.land(&[old], &[step(Some(2), 3)]).await
    })?;
    let novelties: Vec<_> = rows::<Novel>(dir.path(), Table::Series)?.iter().map(|row| row.novelty).collect();
    assert_eq!(novelties.iter().flatten().collect::<Vec<_>>(), [&42]);
    assert_eq!(novelties.len(), 3);
    Ok(())
}
