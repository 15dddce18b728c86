//! From a spool to the lake.

use super::*;
use benchlake_schemas::{DeadLetter, Reason};
use std::fs;

/// Everything that was spooled is in the lake, unchanged; landing again adds nothing.
#[test]
fn a_spool_lands_whole_and_once() -> TestResult {
    let dir = tempfile::tempdir()?;
    let (spool, lake) = (dir.path().join("spool"), dir.path().join("lake"));
    let (spooled, sessions) = (some_series(40), some_sessions(3));
    spool_rows(&spool, &spooled)?;
    spool_rows(&spool, &sessions)?;
    let report = land_spool(&spool, &lake)?;
    assert_eq!((report.counts.rows, report.counts.duplicates, report.counts.missing), (43, 0, 0));
    assert_eq!(series(&lake)?, spooled);
    assert_eq!(rows::<Session>(&lake, Table::Sessions)?, sessions);
    let again = land_spool(&spool, &lake)?;
    assert_eq!((again.counts.records, again.commits), (0, 0));
    Ok(())
}

/// A lander that died between its commit and its note to the spool lands nothing twice.
#[test]
fn a_lost_note_lands_nothing_twice() -> TestResult {
    let dir = tempfile::tempdir()?;
    let (spool, lake) = (dir.path().join("spool"), dir.path().join("lake"));
    let spooled = some_series(5);
    spool_rows(&spool, &spooled[..3])?;
    land_spool(&spool, &lake)?;
    for producer in fs::read_dir(&spool)? {
        fs::remove_file(producer?.path().join("series/drained"))?;
    }
    // The numbers go on too: they are read from the records that are still there.
    spool_rows(&spool, &spooled[3..])?;
    land_spool(&spool, &lake)?;
    assert_eq!(series(&lake)?, spooled);
    let seqs: Vec<i64> = rows::<Keyed>(&lake, Table::Series)?.iter().map(|row| row.seq).collect();
    assert_eq!(seqs, [1, 2, 3, 4, 5]);
    Ok(())
}

/// A record that rotted on the disk becomes one dead letter with its bytes, however often it is
/// read; the records around it land.
#[test]
fn damage_becomes_a_dead_letter() -> TestResult {
    let dir = tempfile::tempdir()?;
    let (spool, lake) = (dir.path().join("spool"), dir.path().join("lake"));
    let spooled = some_series(3);
    for row in &spooled {
        spool_rows(&spool, std::slice::from_ref(row))?;
    }
    let producer = fs::read_dir(&spool)?.next().ok_or("a producer")??.path();
    let log = producer.join("series/00000000000000000000.log");
    let mut bytes = fs::read(&log)?;
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    fs::write(&log, &bytes)?;
    let report = land_spool(&spool, &lake)?;
    assert_eq!((report.counts.rows, report.counts.dead_letters, report.counts.missing), (2, 1, 1));
    fs::remove_file(producer.join("series/drained"))?;
    land_spool(&spool, &lake)?;
    assert_eq!(series(&lake)?, [spooled[0].clone(), spooled[2].clone()]);
    let letters = rows::<DeadLetter>(&lake, Table::DeadLetters)?;
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].reason, Reason::Malformed);
    assert!(bytes.windows(letters[0].payload.len()).any(|window| window == letters[0].payload));
    Ok(())
}

/// A lake path that is a file, or below one, is named before anything is written.
#[test]
fn a_file_is_no_lake() -> TestResult {
    let dir = tempfile::tempdir()?;
    let file = dir.path().join("file");
    fs::write(&file, "x")?;
    for lake in [file.clone(), file.join("deeper")] {
        let error = land_spool(dir.path(), &lake).expect_err("a file is no lake").to_string();
        assert!(error.contains("is a file; name a folder with --lake"), "{error}");
    }
    assert_eq!(fs::read_to_string(&file)?, "x");
    Ok(())
}
