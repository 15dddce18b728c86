//! Promises of the wire: what is encoded is decoded unchanged, and nothing else is accepted.

use arrow::{
    array::{ArrayRef, Int64Array, RecordBatch, StringArray},
    datatypes::{DataType, Field, Schema},
};
use benchlake_schemas::*;
use proptest::prelude::*;
use std::{collections::HashMap, error::Error, fs, path::PathBuf, sync::Arc};

type TestResult = Result<(), Box<dyn Error>>;

fn arbitrary_series() -> impl Strategy<Value = Series> {
    (
        ".{1,20}",
        proptest::collection::btree_map(".{0,8}", ".{0,8}", 0..4),
        proptest::collection::vec(
            (any::<f64>().prop_filter("comparable", |x| !x.is_nan()), 1..1_000_000i64),
            0..40,
        ),
        any::<Option<i64>>(),
        proptest::collection::vec(prop::sample::select(Flag::ALL), 0..3),
        proptest::option::of(prop::sample::select(StopReason::ALL)),
    )
        .prop_map(|(name, parameters, timed, flops, flags, stop_reason)| {
            let (samples, iterations): (Vec<f64>, Vec<i64>) = timed.into_iter().unzip();
            let work = Work { flops, work_model: flops.map(|_| "a/1".into()), ..Work::default() };
            Series {
                iterations,
                work,
                flags,
                stop_reason,
                ..sample_series(Benchmark { name, parameters }, &samples)
            }
        })
}

fn sealed(rows: &[Series]) -> Result<Envelope, RecordError> {
    Ok(Envelope::seal(&Record::encode(Table::Series, ProducerId::new(), 7, rows)?))
}

fn refusal(envelope: &Envelope) -> Option<Reason> {
    envelope.open(Table::Series).err().map(|error| error.reason())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, max_shrink_iters: 200, ..ProptestConfig::default() })]

    /// Every series comes back from its envelope unchanged, numbered as it was told.
    #[test]
    fn series_round_trip(rows in proptest::collection::vec(arbitrary_series(), 1..5)) {
        let (batch, range) = sealed(&rows)?.open(Table::Series)?;
        prop_assert_eq!(range.first, 7);
        prop_assert_eq!(range.last, 6 + rows.len() as i64);
        prop_assert_eq!(from_batch::<Series>(&batch)?, rows);
    }

    /// A chunked series holds every sample once, in order, and each chunk says which it is, of how many.
    #[test]
    fn chunks_hold_every_sample(series in arbitrary_series(), size in 1..20usize) {
        let chunks = series.clone().chunked(size);
        let samples: Vec<f64> = chunks.iter().flat_map(|chunk| chunk.samples.clone()).collect();
        prop_assert_eq!(samples, series.samples);
        let count = Some(chunks.len() as i64);
        prop_assert!(chunks.iter().all(|chunk| chunk.chunks == count));
        prop_assert!(chunks.iter().zip(0..).all(|(chunk, number)| chunk.chunk == number && chunk.samples.len() <= size));
    }

    /// A record cut short anywhere is refused with a typed error.
    #[test]
    fn truncation_is_refused(rows in proptest::collection::vec(arbitrary_series(), 1..3), cut in 0.0..1.0f64) {
        let mut envelope = sealed(&rows)?;
        let keep = (envelope.payload.len() as f64 * cut) as usize;
        envelope.payload.truncate(keep);
        prop_assert_eq!(refusal(&envelope), Some(Reason::Checksum));
        envelope.headers.clear();
        prop_assert_eq!(refusal(&envelope), Some(Reason::Malformed));
    }

    /// An altered byte is found by the checksum; without a checksum it is at worst a typed error.
    #[test]
    fn alteration_is_refused(row in arbitrary_series(), at in any::<prop::sample::Index>(), flip in 1..=255u8) {
        let mut envelope = sealed(&[row])?;
        let at = at.index(envelope.payload.len());
        envelope.payload[at] ^= flip;
        prop_assert_eq!(refusal(&envelope), Some(Reason::Checksum));
        envelope.headers.clear();
        drop(envelope.open(Table::Series));
    }

    /// Bytes that were never a record are refused.
    #[test]
    fn garbage_is_refused(payload in proptest::collection::vec(any::<u8>(), 0..400), ended: bool) {
        let mut payload = payload;
        if ended { payload.extend([0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]); }
        let envelope = Envelope { headers: Vec::new(), payload };
        prop_assert!(refusal(&envelope).is_some());
    }
}

fn altered(
    change: impl Fn(&mut Vec<Field>, &mut Vec<ArrayRef>, &mut HashMap<String, String>),
) -> Result<(RecordBatch, SeqRange), RecordError> {
    let row = sample_series(Benchmark::new("w"), &[1.0]);
    let record = Record::encode(Table::Series, ProducerId::new(), 1, &[row])?;
    let batch = decode_ipc(&record.payload)?;
    let schema = batch.schema();
    let mut fields: Vec<Field> = schema.fields().iter().map(|field| field.as_ref().clone()).collect();
    let mut columns = batch.columns().to_vec();
    let mut metadata = schema.metadata().clone();
    change(&mut fields, &mut columns, &mut metadata);
    let schema = Arc::new(Schema::new_with_metadata(fields, metadata));
    let batch =
        RecordBatch::try_new(schema, columns).map_err(|error| RecordError::Malformed(error.to_string()))?;
    conform(
        Table::Series,
        &decode_ipc(&encode_ipc(&batch).map_err(|e| RecordError::Malformed(e.to_string()))?)?,
    )
}

/// A newer minor version is read, its new columns kept; a newer major version is refused by name.
#[test]
fn version_rules() -> TestResult {
    let (batch, _) = altered(|fields, columns, metadata| {
        fields.push(Field::new("novelty", DataType::Int64, true));
        columns.push(Arc::new(Int64Array::from(vec![42])));
        metadata.insert(SCHEMA_KEY.into(), "1.9".into());
    })?;
    assert!(batch.column_by_name("novelty").is_some());
    let newer = altered(|_, _, metadata| drop(metadata.insert(SCHEMA_KEY.into(), "2.0".into())));
    assert!(
        matches!(&newer, Err(error @ RecordError::NewerMajor { .. }) if error.to_string().contains("2.0"))
    );
    Ok(())
}

/// A column that no newer version brought, or of a type that the lake lacks, makes a dead letter and
/// cannot widen the table.
#[test]
fn strange_columns_are_refused() {
    let strange = |version: &'static str, field: Field, column: ArrayRef| {
        altered(move |fields, columns, metadata| {
            fields.push(field.clone());
            columns.push(column.clone());
            metadata.insert(SCHEMA_KEY.into(), version.into());
        })
    };
    let number: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    let same = strange("1.2", Field::new("novelty", DataType::Int64, true), number.clone());
    assert!(same.expect_err("not of this version").to_string().contains("no column of version 1.2"));
    let case = strange("1.9", Field::new("SEQ", DataType::Int64, true), number);
    assert!(case.expect_err("ambiguous").to_string().contains("in case alone"));
    let small: ArrayRef = Arc::new(arrow::array::Time64MicrosecondArray::from(vec![1]));
    let odd = strange("1.9", Field::new("novelty", small.data_type().clone(), true), small);
    assert!(odd.expect_err("Delta has no such type").to_string().contains("a lake does not have"));
}

/// An absent nullable column becomes nulls; an absent required one, or one of a wrong type, is named.
#[test]
fn column_rules() -> TestResult {
    let without = |name: &'static str| {
        altered(move |fields, columns, _| {
            let at = fields.iter().position(|field| field.name() == name).expect("the column exists");
            fields.remove(at);
            columns.remove(at);
        })
    };
    let (batch, _) = without("device")?;
    assert_eq!(batch.column_by_name("device").map(|column| column.null_count()), Some(1));
    let missing = without("samples").expect_err("samples are required").to_string();
    assert!(missing.contains("`samples`") && missing.contains("missing"), "{missing}");
    let wrong = altered(|fields, columns, _| {
        fields[1] = Field::new("seq", DataType::Utf8, false);
        columns[1] = Arc::new(StringArray::from(vec!["1"]));
    });
    assert!(wrong.expect_err("seq is an Int64").to_string().contains("`seq` of `series` has type Utf8"));
    Ok(())
}

/// A sequence with a hole is refused before it can hide a lost row.
#[test]
fn sequence_rules() {
    let zero = altered(|_, columns, _| columns[1] = Arc::new(Int64Array::from(vec![0])));
    assert!(matches!(zero, Err(RecordError::Invalid(_))));
}

fn golden_path(table: Table) -> PathBuf {
    golden_of(table, table.version().minor)
}

fn golden_of(table: Table, minor: u16) -> PathBuf {
    let version = SchemaVersion { minor, ..table.version() };
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("golden/{table}-{version}.arrows"))
}

fn golden_rows() -> (ProducerId, Session, Series) {
    let id = |n: u8| format!("01890000-0000-7000-8000-0000000000{n:02x}");
    let run: RunId = id(1).parse().expect("a UUID");
    let session: SessionId = id(2).parse().expect("a UUID");
    let at = 1_700_000_000_000_000;
    let benchmark = Benchmark::new("cpu.triad").with("n", 1024).with("dtype", "f64");
    let series = Series {
        run_id: run,
        session_id: session,
        started_at: at,
        work: Work {
            flops: Some(2048),
            bytes: Some(24576),
            items: Some(1024),
            work_model: Some("triad-3ns/1".into()),
        },
        flags: vec![Flag::CoarseTimer],
        check: Check {
            check: Some("f64 reference".into()),
            check_error: Some(1e-16),
            check_tolerance: Some(1e-15),
        },
        iterations: vec![10, 10, 10],
        error: Some("no reason".into()),
        ..sample_series(benchmark, &[1.25e-6, 1.5e-6, 1.75e-6])
    };
    let session = Session { started_at: at, ended_at: Some(at + 5), ..sample_session(run, session) };
    (id(3).parse().expect("a UUID"), session, series)
}

/// Files of every published schema version stay readable and mean the same. `BLESS=1 cargo test -p
/// benchlake-schemas golden` writes the file of a version that is not published yet.
#[test]
fn golden_files_stay_readable() -> TestResult {
    let (producer, session, series) = golden_rows();
    if std::env::var_os("BLESS").is_some() {
        fs::write(
            golden_path(Table::Sessions),
            Record::encode(Table::Sessions, producer, 1, std::slice::from_ref(&session))?.payload,
        )?;
        fs::write(
            golden_path(Table::Series),
            Record::encode(Table::Series, producer, 1, std::slice::from_ref(&series))?.payload,
        )?;
        for table in [Table::DeadLetters, Table::Verdicts, Table::Baselines] {
            fs::write(golden_path(table), encode_ipc(&RecordBatch::new_empty(table.schema()))?)?;
        }
    }
    for minor in 0..=Table::Sessions.version().minor {
        let golden = decode_ipc(&fs::read(golden_of(Table::Sessions, minor))?)?;
        assert_eq!(
            from_batch::<Session>(&conform(Table::Sessions, &golden)?.0)?,
            std::slice::from_ref(&session)
        );
    }
    for minor in 0..=Table::Series.version().minor {
        let golden = decode_ipc(&fs::read(golden_of(Table::Series, minor))?)?;
        let (rows, range) = conform(Table::Series, &golden)?;
        let error = series.error.clone().filter(|_| minor >= 1);
        let chunks = series.chunks.filter(|_| minor >= 2);
        assert_eq!(from_batch::<Series>(&rows)?, [Series { error, chunks, ..series.clone() }]);
        assert_eq!((range.producer, range.first, range.last), (producer, 1, 1));
    }
    for table in Table::ALL {
        let golden = decode_ipc(&fs::read(golden_path(*table))?)?;
        assert_eq!(golden.schema(), table.schema(), "columns of `{table}` changed without a new version");
    }
    Ok(())
}

/// A dead letter keeps its bytes and headers as they came.
#[test]
fn dead_letters_round_trip() -> TestResult {
    let letter = DeadLetter {
        received_at: 1,
        table: Table::Series,
        topic: Table::Series.topic(),
        partition: 3,
        offset: 9,
        headers: vec![Header { key: "k".into(), value: vec![0xff, 0] }],
        payload: vec![1, 2, 255],
        reason: Reason::Malformed,
        error: "not Arrow".into(),
    };
    let batch = to_batch(Table::DeadLetters, std::slice::from_ref(&letter))?;
    assert_eq!(from_batch::<DeadLetter>(&batch)?, [letter]);
    Ok(())
}
