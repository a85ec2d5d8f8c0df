//! What a pass over a phrase collects.

use chrono::{NaiveDateTime, Weekday};

/// Everything that was found; [`super::days`] and [`super::times`] make a day and a time of it.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) weekday: Option<Weekday>,
    pub(super) shift: Shift,
    /// A day of a month, with the month and the year where they were said.
    pub(super) date: Option<(u32, Option<u32>, Option<i32>)>,
    /// A numeric date that English readers may take for the other one.
    pub(super) either_way: bool,
    /// Days from today; negative ones are over.
    pub(super) days: Option<i64>,
    /// A moment that was counted from now.
    pub(super) instant: Option<NaiveDateTime>,
    pub(super) span: Option<Span>,
    pub(super) any: bool,
    pub(super) is_now: bool,
    pub(super) clock: Option<Clock>,
    /// The end of a range of times.
    pub(super) until: Option<Clock>,
    pub(super) bound: Bound,
    pub(super) part: Option<Part>,
    pub(super) same_time: bool,
}

/// What was said beside a weekday.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Shift {
    #[default]
    None,
    This,
    Next,
    Last,
    Weeks(u8),
}

/// Days that were named together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Span {
    Week(u8),
    WeekStart(u8),
    WeekEnd(u8),
    Weekend(bool),
    Month { ahead: u32, part: Third },
    Named { month: u32, part: Third },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Third {
    Whole,
    Beginning,
    Middle,
    End,
}

/// A time as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Clock {
    pub(super) hour: u32,
    pub(super) minute: u32,
    pub(super) half: Half,
}

/// How a written hour counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Half {
    /// Nobody said; as French writes it, with an `h`.
    Hour,
    /// Nobody said; a bare number.
    Bare,
    Am,
    Pm,
    /// Of twenty-four hours.
    Full,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Bound {
    #[default]
    Exact,
    About,
    From,
    Until,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    EarlyMorning,
    Morning,
    LateMorning,
    Noon,
    EarlyAfternoon,
    Afternoon,
    LateAfternoon,
    Evening,
    Night,
}
