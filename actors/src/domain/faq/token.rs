//! A word of a message, as patterns see it.

use super::vocabulary::Word;

/// One word of a message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    /// Its meaning, when it is known.
    pub(super) word: Option<Word>,
    /// It may stand anywhere without changing what is asked.
    pub(super) filler: bool,
    /// A number.
    pub(super) number: bool,
    /// A time of day.
    pub(super) time: bool,
    /// It ends like a French past participle.
    pub(super) participle: bool,
}

/// A part of a message that may ask something of its own.
pub(super) type Segment = Vec<Token>;
