//! Tests of the spool's files.

use std::collections::VecDeque;
use std::os::unix::fs::PermissionsExt;

use proptest::collection::vec;
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

const MUCH: u64 = 1 << 30;

fn entry(number: u64) -> RawEntry {
    // Of different lengths, and now and then longer than a small segment.
    let length = if number.is_multiple_of(7) { 3_000 } else { usize::try_from(number % 50).unwrap() };
    RawEntry { at_ms: i64::try_from(number).unwrap(), payload: format!("{number}{}", "x".repeat(length)).into_bytes() }
}

fn append(files: &mut SpoolFiles, numbers: impl IntoIterator<Item = u64>) -> Result<(), AppendError> {
    let (mut bytes, mut records) = (Vec::new(), 0);
    for number in numbers {
        let entry = entry(number);
        codec::encode(&entry.payload, entry.at_ms, &mut bytes);
        records += 1;
    }
    files.append(&bytes, records)
}

/// Takes what is there, so many at a time.
fn take_all(files: &mut SpoolFiles, most: usize) -> Vec<RawEntry> {
    let mut all = Vec::new();
    while files.records() > 0 {
        let page = files.peek(most).unwrap();
        let records = page.entries.len() as u64;
        files.advance(page.upto, records).unwrap();
        all.extend(page.entries);
    }
    all
}

fn segments(folder: &TempDir) -> Vec<PathBuf> {
    let files = fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().path());
    let mut segments: Vec<_> = files.filter(|path| path.extension().is_some_and(|end| end == "spool")).collect();
    segments.sort();
    segments
}

fn damage(folder: &TempDir) -> usize {
    let files = fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name());
    files.filter(|name| name.to_str().unwrap().starts_with("damaged-")).count()
}

#[test]
fn i3_what_was_appended_comes_back_in_order_and_its_room_is_given_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = SpoolFiles::open(folder.path(), 160 * 1024).unwrap();
    append(&mut files, 0..100).unwrap();
    append(&mut files, 100..200).unwrap();
    assert!(segments(&folder).len() > 1, "a segment is a quarter of it all at most");
    let first = files.peek(1).unwrap();
    assert_eq!(first.entries, [entry(0)]);
    assert_eq!(files.peek(1).unwrap(), first, "looking takes nothing");
    assert_eq!(take_all(&mut files, 30), (0..200).map(entry).collect::<Vec<_>>());
    assert_eq!((files.records(), files.bytes(), segments(&folder).len()), (0, 0, 0));
    append(&mut files, [200]).unwrap();
    assert_eq!(take_all(&mut files, 30), [entry(200)]);
}

#[test]
fn what_is_in_it_is_its_owners_alone() {
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("spool");
    let mut files = SpoolFiles::open(&folder, MUCH).unwrap();
    append(&mut files, [1]).unwrap();
    files.set_aside(&[entry(2)]).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), PRIVATE_FOLDER);
    for file in fs::read_dir(&folder).unwrap() {
        assert_eq!(mode(&file.unwrap().path()), PRIVATE);
    }
}

#[test]
fn i5_two_daemons_do_not_share_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let first = SpoolFiles::open(folder.path(), MUCH).unwrap();
    assert!(matches!(SpoolFiles::open(folder.path(), MUCH), Err(SpoolError::InUse { .. })));
    drop(first);
    SpoolFiles::open(folder.path(), MUCH).unwrap();
}

#[test]
fn i1_what_does_not_fit_is_refused_and_takes_nothing_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = SpoolFiles::open(folder.path(), 4_000).unwrap();
    append(&mut files, 1..7).unwrap();
    assert!(matches!(append(&mut files, [7, 14]), Err(AppendError::Full)));
    append(&mut files, [8]).unwrap();
    assert_eq!(take_all(&mut files, 100), [1, 2, 3, 4, 5, 6, 8].map(entry));
    append(&mut files, [9]).unwrap();
    assert_eq!(files.records(), 1, "there is room again");
}

#[test]
fn i1_a_damaged_record_is_set_aside_and_costs_no_other() {
    for at_run_time in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let mut files = SpoolFiles::open(folder.path(), MUCH).unwrap();
        append(&mut files, 0..20).unwrap();
        let path = &segments(&folder)[0];
        let mut bytes = fs::read(path).unwrap();
        // In the fourth record: the first is a long one.
        let at = bytes.windows(4).enumerate().filter(|(_, found)| *found == b"PLB\x01").nth(3).unwrap().0;
        bytes[at + 4] ^= 0x80;
        fs::write(path, bytes).unwrap();
        if !at_run_time {
            drop(files);
            files = SpoolFiles::open(folder.path(), MUCH).unwrap();
            assert_eq!((files.records(), damage(&folder)), (19, 1));
        }
        let rest: Vec<_> = (0..20).filter(|number| *number != 3).map(entry).collect();
        assert_eq!(take_all(&mut files, 100), rest);
        assert_eq!((files.records(), damage(&folder)), (0, 1), "and it is not waited for");
    }
}

#[test]
fn what_a_newer_version_wrote_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = SpoolFiles::open(folder.path(), MUCH).unwrap();
    append(&mut files, [1]).unwrap();
    drop(files);
    let path = &segments(&folder)[0];
    let mut bytes = fs::read(path).unwrap();
    bytes[3] = codec::CALLBACKS + 1;
    let sum = codec::checksum(&bytes[..codec::HEADER - 4]);
    bytes[codec::HEADER - 4..codec::HEADER].copy_from_slice(&sum.to_le_bytes());
    fs::write(path, &bytes).unwrap();
    assert!(matches!(SpoolFiles::open(folder.path(), MUCH), Err(SpoolError::Newer { .. })));
    assert_eq!(fs::read(path).unwrap(), bytes);
}

#[test]
fn a_long_message_is_read_whole() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = SpoolFiles::open(folder.path(), MUCH).unwrap();
    let long = RawEntry { at_ms: 1, payload: vec![b'x'; 3 * WINDOW] };
    let mut bytes = Vec::new();
    codec::encode(&long.payload, 1, &mut bytes);
    append(&mut files, [1]).unwrap();
    files.append(&bytes, 1).unwrap();
    append(&mut files, [2]).unwrap();
    assert_eq!(take_all(&mut files, 100), [entry(1), long, entry(2)]);
}

#[derive(Clone, Debug)]
enum Step {
    Append(u64),
    Take(usize),
    /// Taken up and handed over, and then the process was killed before it was noted.
    TakeUnnoted(usize),
    /// Killed in the middle of a write: so much of a record is there.
    Kill(usize),
    /// Nothing of the last positions reached the disk.
    LosePosition,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..20_u64).prop_map(Step::Append),
        3 => (1..30_usize).prop_map(Step::Take),
        1 => (1..30_usize).prop_map(Step::TakeUnnoted),
        2 => (0..40_usize).prop_map(Step::Kill),
        1 => Just(Step::LosePosition),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever happens, what was kept is handed over in its order; the same again after a kill, never out of order.
    #[test]
    fn i1_i3_kills_lose_nothing_and_change_no_order(steps in vec(step(), 1..40)) {
        let folder = tempfile::tempdir().unwrap();
        let mut files = SpoolFiles::open(folder.path(), 40_000).unwrap();
        // What is kept, and what was handed over.
        let (mut kept, mut next, mut done) = (VecDeque::new(), 0, Vec::new());
        for step in steps {
            match step {
                Step::Append(count) => {
                    let numbers = next..next + count;
                    next += count;
                    if append(&mut files, numbers.clone()).is_ok() {
                        kept.extend(numbers);
                    }
                }
                Step::Take(most) => {
                    let page = files.peek(most).unwrap();
                    let records = page.entries.len() as u64;
                    done.extend(kept.drain(..page.entries.len()));
                    prop_assert!(page.entries.iter().map(|entry| entry.at_ms).eq(
                        done[done.len() - page.entries.len()..].iter().map(|number| i64::try_from(*number).unwrap())));
                    files.advance(page.upto, records).unwrap();
                }
                Step::TakeUnnoted(most) => {
                    let page = files.peek(most).unwrap();
                    let numbers: Vec<_> = page.entries.iter().map(|entry| u64::try_from(entry.at_ms).unwrap()).collect();
                    prop_assert!(numbers.iter().eq(kept.iter().take(numbers.len())));
                }
                Step::Kill(torn) => {
                    drop(files);
                    if let Some(last) = segments(&folder).last() {
                        let mut bytes = Vec::new();
                        codec::encode(&entry(7).payload, 7, &mut bytes);
                        let mut file = OpenOptions::new().append(true).open(last).unwrap();
                        file.write_all(&bytes[..torn]).unwrap();
                    }
                    files = SpoolFiles::open(folder.path(), 40_000).unwrap();
                }
                Step::LosePosition => {
                    drop(files);
                    fs::write(folder.path().join("position"), b"no position").unwrap();
                    files = SpoolFiles::open(folder.path(), 40_000).unwrap();
                    // What was handed over comes again, as far as its segment is still there.
                    let again = usize::try_from(files.records()).unwrap() - kept.len();
                    done.split_off(done.len() - again).into_iter().rev().for_each(|number| kept.push_front(number));
                }
            }
            prop_assert_eq!(files.records(), kept.len() as u64);
            prop_assert_eq!(damage(&folder), 0);
        }
        let rest: Vec<_> = take_all(&mut files, 13).into_iter().map(|entry| u64::try_from(entry.at_ms).unwrap()).collect();
        prop_assert!(rest.iter().eq(kept.iter()));
    }
}

#[test]
fn what_lies_behind_a_link_is_neither_read_nor_written() {
    let elsewhere = tempfile::tempdir().unwrap();
    let precious = elsewhere.path().join("precious");
    for name in ["lock", "position"] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(&precious, "another's file").unwrap();
        std::os::unix::fs::symlink(&precious, folder.path().join(name)).unwrap();
        let error = SpoolFiles::open(folder.path(), MUCH).unwrap_err();
        assert!(matches!(&error, SpoolError::Link { path } if path.ends_with(name)), "{name}: {error}");
    }
    // A segment that is a link, even to a real one, brings no messages in, and its target is not cut.
    let folder = tempfile::tempdir().unwrap();
    let mut other = SpoolFiles::open(&elsewhere.path().join("other"), MUCH).unwrap();
    append(&mut other, 0..10).unwrap();
    let name = format!("{:020}.spool", 1);
    std::os::unix::fs::symlink(elsewhere.path().join("other").join(&name), folder.path().join(&name)).unwrap();
    std::os::unix::fs::symlink(&precious, folder.path().join(format!("{:020}.spool", 2))).unwrap();
    let mut files = SpoolFiles::open(folder.path(), MUCH).unwrap();
    assert_eq!(files.records(), 0);
    std::os::unix::fs::symlink(&precious, folder.path().join("refused.spool")).unwrap();
    assert!(files.set_aside(&[entry(1)]).is_err());
    assert_eq!(fs::read_to_string(&precious).unwrap(), "another's file");
    // New messages go past the names that are taken.
    append(&mut files, 0..3).unwrap();
    assert_eq!(take_all(&mut files, 10).len(), 3);
    assert_eq!(take_all(&mut other, 100).len(), 10);
}
