//! Messages that the load test's provider took, for a daemon that asks after a kill.
//!
//! It shares two cores with what is measured, so taking a message costs a hash, a copy and no allocation: entries stand in a
//! ring, each knows the one before it in its bucket, and the texts stand in a ring of bytes. What is overwritten is found out
//! when somebody looks.

use std::hash::{BuildHasher, RandomState};

/// Messages that are remembered: 44 s of 6,000 a second, 20 minutes of 200.
const MOST: usize = 1 << 18;

/// Bytes of text that are remembered.
const TEXT_BYTES: usize = 32 << 20;

/// For how long a daemon may ask about a message: a lease, a restart, and some more. While younger messages were forgotten,
/// the answer is never that there are no more.
const ASKED_ABOUT_SECONDS: i64 = 300;

/// A list with bounds: the last 262,144 messages and the last 32 MiB of their texts, which is 44 MiB at most.
pub(super) struct Taken {
    /// By their number, around and around.
    entries: Vec<TakenSend>,
    /// The number of the newest in each bucket, from 1; 0 is none.
    newest: Vec<u64>,
    /// How many were taken.
    count: u64,
    texts: Vec<u8>,
    /// How many bytes were written, gaps at the end of the ring among them.
    written: u64,
    /// When the youngest of the forgotten was taken.
    forgot: Option<i64>,
    hasher: RandomState,
}

#[derive(Clone, Copy)]
struct TakenSend {
    /// The account, and who wrote to whom.
    pair: u64,
    /// The number of the one before it in its bucket.
    before: u64,
    /// When it was taken, in seconds since 1970.
    at: i64,
    /// Where its text begins in all that was written.
    text: u64,
    bytes: u32,
}

/// One message that was taken.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found<'t> {
    /// From 0, in the order of taking.
    pub(super) number: u64,
    /// Seconds since 1970.
    pub(super) at: i64,
    pub(super) body: &'t str,
}

impl Taken {
    pub(super) fn new() -> Self {
        Self::holding(MOST, TEXT_BYTES)
    }

    fn holding(messages: usize, text_bytes: usize) -> Self {
        Self {
            entries: Vec::with_capacity(messages),
            newest: vec![0; messages],
            count: 0,
            texts: vec![0; text_bytes],
            written: 0,
            forgot: None,
            hasher: RandomState::new(),
        }
    }

    /// Remembers one. Its number is how many were there before.
    pub(super) fn put(&mut self, account: &str, (from, to): (&str, &str), body: &str, at: i64) -> u64 {
        let (pair, number) = (self.pair(account, (from, to)), self.count);
        let text = self.write(body.as_bytes());
        let bucket = self.place(pair);
        let before =
            self.newest.get_mut(bucket).map(|newest| std::mem::replace(newest, number + 1)).unwrap_or_default();
        let bytes = u32::try_from(body.len()).unwrap_or(u32::MAX);
        let entry = TakenSend { pair, before, at, text, bytes };
        let slot = self.place(number);
        match self.entries.get_mut(slot) {
            Some(place) => self.forgot = Some(std::mem::replace(place, entry).at),
            None => self.entries.push(entry),
        }
        self.count += 1;
        number
    }

    /// What `from` sent to `to`, the newest first, at most so many; and whether there may be more, also because it is
    /// forgotten.
    pub(super) fn list(&self, account: &str, from_to: (&str, &str), most: usize, now: i64) -> (Vec<Found<'_>>, bool) {
        let pair = self.pair(account, from_to);
        let mut found = Vec::new();
        let mut next = self.newest.get(self.place(pair)).copied().unwrap_or_default();
        let mut more = self.forgot.is_some_and(|at| now - at < ASKED_ABOUT_SECONDS);
        while let Some((number, entry)) = self.kept(next) {
            next = entry.before;
            if entry.pair != pair {
                continue;
            }
            let Some(body) = self.text(entry) else {
                more |= now - entry.at < ASKED_ABOUT_SECONDS;
                break;
            };
            if found.len() == most {
                more = true;
                break;
            }
            found.push(Found { number, at: entry.at, body });
        }
        (found, more)
    }

    /// An entry by its number from 1, while nothing stands in its place.
    fn kept(&self, next: u64) -> Option<(u64, &TakenSend)> {
        let number = next.checked_sub(1)?;
        let overwritten = self.count - number > self.newest.len() as u64;
        if overwritten { None } else { self.entries.get(self.place(number)).map(|entry| (number, entry)) }
    }

    fn text(&self, entry: &TakenSend) -> Option<&str> {
        let size = self.texts.len() as u64;
        if self.written - entry.text > size {
            return None;
        }
        let begin = (entry.text % size) as usize;
        std::str::from_utf8(self.texts.get(begin..begin + entry.bytes as usize)?).ok()
    }

    /// Writes a text in one piece. A text that would not fit at all is left out, and is never found.
    fn write(&mut self, text: &[u8]) -> u64 {
        let size = self.texts.len() as u64;
        let (length, left) = (text.len() as u64, size - self.written % size);
        if length > left {
            self.written += left;
        }
        let begin = self.written;
        let place = (begin % size) as usize;
        if let Some(room) = self.texts.get_mut(place..place + text.len()) {
            room.copy_from_slice(text);
        }
        self.written += length;
        begin
    }

    fn pair(&self, account: &str, from_to: (&str, &str)) -> u64 {
        self.hasher.hash_one((account, from_to))
    }

    /// A bucket by its pair, or a slot of the ring by its number: there are as many of either.
    fn place(&self, of: u64) -> usize {
        (of % self.newest.len().max(1) as u64) as usize
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LATE: i64 = 10 * ASKED_ABOUT_SECONDS;

    fn bodies(taken: &Taken, account: &str, from_to: (&str, &str), now: i64) -> (Vec<String>, bool) {
        let (found, more) = taken.list(account, from_to, 3, now);
        (found.into_iter().map(|found| found.body.to_owned()).collect(), more)
    }

    #[test]
    fn what_went_to_somebody_is_listed_newest_first() {
        let mut taken = Taken::holding(64, 1_024);
        for (account, from, to, body) in [
            ("AC1", "+1", "+33", "un"),
            ("AC2", "+1", "+33", "of another account"),
            ("AC1", "+1", "+34", "to somebody else"),
            ("AC1", "+2", "+33", "from another number"),
            ("AC1", "+1", "+33", "deux"),
        ] {
            taken.put(account, (from, to), body, 7);
        }
        assert_eq!(bodies(&taken, "AC1", ("+1", "+33"), 7), (vec!["deux".to_owned(), "un".to_owned()], false));
        assert_eq!(bodies(&taken, "AC3", ("+1", "+33"), 7), (Vec::new(), false));
        taken.put("AC1", ("+1", "+33"), "trois", 8);
        taken.put("AC1", ("+1", "+33"), "quatre", 8);
        assert_eq!(bodies(&taken, "AC1", ("+1", "+33"), 8).0.len(), 3);
        assert!(bodies(&taken, "AC1", ("+1", "+33"), 8).1, "there is a next page");
        let found = taken.list("AC1", ("+1", "+34"), 3, 8).0;
        assert_eq!(found, [Found { number: 2, at: 7, body: "to somebody else" }]);
    }

    #[test]
    fn what_was_forgotten_lately_is_not_denied() {
        let mut taken = Taken::holding(2, 1_024);
        for body in ["un", "deux", "trois"] {
            taken.put("AC1", ("+1", body), body, 7);
        }
        assert_eq!(bodies(&taken, "AC1", ("+1", "un"), 8), (Vec::new(), true));
        assert_eq!(bodies(&taken, "AC1", ("+1", "un"), LATE), (Vec::new(), false), "nobody asks about that any more");
        assert_eq!(bodies(&taken, "AC1", ("+1", "trois"), LATE), (vec!["trois".to_owned()], false));
        let mut taken = Taken::holding(64, 8);
        for body in ["12345", "67890"] {
            taken.put("AC1", ("+1", body), body, 7);
        }
        assert_eq!(bodies(&taken, "AC1", ("+1", "12345"), 8), (Vec::new(), true), "its text is overwritten");
        assert_eq!(bodies(&taken, "AC1", ("+1", "67890"), 8), (vec!["67890".to_owned()], false));
        taken.put("AC1", ("+1", "long"), "longer than all of it", 7);
        assert_eq!(bodies(&taken, "AC1", ("+1", "long"), 8), (Vec::new(), true));
    }

    proptest! {
        /// Nothing is listed that was not taken, in another order, or with another text; what is missing is said to be.
        #[test]
        fn i5_a_bounded_list_tells_the_truth(
            texts in proptest::collection::vec((0_usize..4, "[a-zé]{0,6}"), 0..60),
            messages in 1_usize..20,
            text_bytes in 1_usize..64,
        ) {
            let whom = ["+33", "+34", "+35", "+36"];
            let mut taken = Taken::holding(messages, text_bytes);
            for (to, text) in &texts {
                taken.put("AC1", ("+1", whom[*to]), text, 7);
            }
            for (at, to) in whom.iter().enumerate() {
                let sent: Vec<_> = texts.iter().rev().filter(|(to, _)| *to == at).map(|(_, text)| text.as_str()).collect();
                let (found, more) = taken.list("AC1", ("+1", to), 100, 8);
                let found: Vec<_> = found.iter().map(|found| found.body).collect();
                prop_assert!(sent.starts_with(&found), "{found:?} of {sent:?}");
                prop_assert!(more || found.len() == sent.len(), "{found:?} of {sent:?}");
            }
        }
    }
}
