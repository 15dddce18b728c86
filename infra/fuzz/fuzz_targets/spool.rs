//! A log after torn, doubled and altered writes: it opens, goes on, and hands out every byte once, as
//! a record or as damage; what is appended afterwards is read back.
#![no_main]

use benchlake_producers::emit::{Drain, Entry, Spool, SpoolOptions, drains};
use benchlake_schemas::{Benchmark, Table, sample_series};
use libfuzzer_sys::fuzz_target;
use std::{fs, path::Path, sync::LazyLock};

/// A log of three records, as it was written.
static WHOLE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let dir = folder("whole");
    let mut spool = Spool::open(&dir, 1, SpoolOptions::default()).unwrap();
    for n in 0..3u32 {
        spool.append(&[sample_series(Benchmark::new("w").with("n", n), &[f64::from(n)])]).unwrap();
    }
    fs::read(segment(&dir, spool.producer())).unwrap()
});

fn folder(name: &str) -> std::path::PathBuf {
    let memory = Path::new("/dev/shm");
    let root = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    let dir = root.join(format!("benchlake-fuzz-{}-{name}", std::process::id()));
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).unwrap();
    dir
}

fn segment(dir: &Path, producer: impl std::fmt::Display) -> std::path::PathBuf {
    dir.join(producer.to_string()).join("series/00000000000000000000.log")
}

fuzz_target!(|bytes: &[u8]| {
    let Some((mode, rest)) = bytes.split_first() else { return };
    let mut log = WHOLE.clone();
    match mode % 4 {
        // Anything at all.
        0 => log = rest.to_vec(),
        // Cut at a place, then anything.
        1 if rest.len() >= 2 => {
            log.truncate(usize::from(u16::from_le_bytes([rest[0], rest[1]])) % (log.len() + 1));
            log.extend(&rest[2..]);
        }
        // Bytes altered in place.
        2 => {
            for change in rest.chunks_exact(3) {
                let at = usize::from(u16::from_le_bytes([change[0], change[1]])) % log.len();
                log[at] ^= change[2];
            }
        }
        // Anything between two whole records.
        _ => log.extend(rest.iter().chain(WHOLE.iter()).copied().collect::<Vec<_>>()),
    }
    let dir = folder("case");
    let producer = Spool::open(&dir, 1, SpoolOptions::default()).unwrap().producer();
    fs::write(segment(&dir, producer), &log).unwrap();
    let mut spool = Spool::open(&dir, 1, SpoolOptions::default()).unwrap();
    assert_eq!(spool.producer(), producer);
    spool.append(&[sample_series(Benchmark::new("after"), &[7.0])]).unwrap();
    let drain: Drain =
        drains(&dir, None).unwrap().into_iter().find(|drain| drain.table == Table::Series).unwrap();
    let mut reader = drain.reader().unwrap();
    let (mut position, mut last) = (0, None);
    while let Some(entry) = reader.next_entry().unwrap() {
        let (start, end) = match &entry {
            Entry::Record { start, end, .. } | Entry::Damaged { start, end, .. } => (*start, *end),
        };
        assert!(start == position && end > start, "{start}..{end} after {position}");
        position = end;
        last = Some(entry);
    }
    let Some(Entry::Record { envelope, .. }) = last else { panic!("the record written last is not the last read") };
    let (rows, _) = envelope.open(Table::Series).unwrap();
    assert_eq!(rows.num_rows(), 1);
    drop((spool, drain));
    let _ = fs::remove_dir_all(&dir);
});
