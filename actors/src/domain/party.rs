//! How many people come to a booking, and which places of its resource they take.

use serde::{Deserialize, Serialize};

/// The most people that a resource takes at once: each has a bit of [`Places`].
pub const MOST_PLACES: u32 = 60;

/// Places of a resource at one time, numbered from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Places(u64);

impl Default for Places {
    /// The one place of a resource that takes one at a time.
    fn default() -> Self {
        Self::first(1)
    }
}

impl Places {
    /// Nothing is taken of a resource.
    pub(in crate::domain) const NONE: Self = Self(0);

    /// The first so many.
    #[must_use]
    pub(in crate::domain) const fn first(count: u32) -> Self {
        Self(if count >= u64::BITS { u64::MAX } else { (1 << count) - 1 })
    }

    /// As the database keeps them.
    #[must_use]
    pub const fn bits(self) -> i64 {
        self.0.cast_signed()
    }

    /// As the database kept them.
    #[must_use]
    pub const fn from_bits(bits: i64) -> Self {
        Self(bits.cast_unsigned())
    }

    pub(in crate::domain) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Those among the first `of` that are not taken.
    const fn free(self, of: u32) -> Self {
        Self(Self::first(of).0 & !self.0)
    }

    /// Their numbers, the lowest first.
    pub(in crate::domain) fn numbers(self) -> impl Iterator<Item = u32> {
        (0..u64::BITS).filter(move |place| (self.0 >> place) & 1 == 1)
    }

    /// How many of the first `of` are not taken.
    pub(in crate::domain) const fn left(self, of: u32) -> u32 {
        self.free(of).0.count_ones()
    }

    /// The lowest places among the first `of` that are not taken, for so many people. The lowest: whoever begins another use of
    /// the resource wants the same ones, and the claims let one of the two have them (I12).
    pub(in crate::domain) fn lowest_free(self, of: u32, people: u32) -> Option<Self> {
        if people == 0 || self.left(of) < people {
            return None;
        }
        let wanted = usize::try_from(people).unwrap_or(usize::MAX);
        Some(Self(self.free(of).numbers().take(wanted).fold(0, |bits, place| bits | (1 << place))))
    }
}

/// Who comes to a booking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Party {
    /// At least one.
    pub people: u32,
    /// The places that they take. One that has a resource for itself takes all of them.
    pub places: Places,
}

impl Default for Party {
    fn default() -> Self {
        Self { people: 1, places: Places::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_places_are_taken_first() {
        let taken = Places::first(2).and(Places(0b1000));
        assert_eq!(taken.left(5), 2);
        assert_eq!(taken.lowest_free(5, 2), Some(Places(0b1_0100)));
        assert_eq!(taken.lowest_free(5, 3), None);
        assert_eq!(taken.lowest_free(5, 0), None);
        assert_eq!(Places::NONE.lowest_free(MOST_PLACES, MOST_PLACES), Some(Places::first(MOST_PLACES)));
        assert_eq!(Places::from_bits(taken.bits()), taken);
        assert_eq!(taken.numbers().collect::<Vec<_>>(), [0, 1, 3]);
    }
}
