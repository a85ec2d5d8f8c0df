//! Cards that were read from files, for pages that are drawn again and again.
//!
//! The bytes of a file never change, so what was read holds for as long as the row says that the file is there. It is forgotten
//! after ten minutes all the same, which is as long as browsers keep a file: an erased person stays nowhere (I16).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use palabre_actors::domain::message::ContactCard;
use uuid::Uuid;

const LASTS: Duration = Duration::from_mins(10);
/// Files whose cards are remembered: 4 MiB of cards at most.
const MOST_FILES: usize = 1_024;
/// Cards that are longer together are read again each time.
const MOST_BYTES: usize = 4 * 1024;

/// By the file's id, until when and what.
#[derive(Default)]
pub(super) struct CardCache(Mutex<HashMap<Uuid, (Instant, Vec<ContactCard>)>>);

impl CardCache {
    /// The cards in a file, if it was read not long ago.
    pub(super) fn get(&self, media: Uuid, now: Instant) -> Option<Vec<ContactCard>> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, (until, _)| *until > now);
        known.get(&media).map(|(_, cards)| cards.clone())
    }

    /// Remembers the cards in a file.
    pub(super) fn put(&self, media: Uuid, cards: &[ContactCard], now: Instant) {
        let texts = cards.iter().flat_map(|card| std::iter::once(&card.name).chain(&card.phones));
        if texts.map(String::len).sum::<usize>() > MOST_BYTES {
            return;
        }
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST_FILES {
            let oldest = known.iter().min_by_key(|(_, (until, _))| *until).map(|(media, _)| *media);
            if let Some(oldest) = oldest {
                known.remove(&oldest);
            }
        }
        known.insert(media, (now + LASTS, cards.to_vec()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cards(name: &str) -> Vec<ContactCard> {
        vec![ContactCard { name: name.to_owned(), phones: vec!["+33612345678".to_owned()] }]
    }

    #[test]
    fn i16_cards_are_known_for_a_while_and_forgotten_then() {
        let (cache, now, file) = (CardCache::default(), Instant::now(), Uuid::from_u128(1));
        assert_eq!(cache.get(file, now), None);
        cache.put(file, &cards("Awa"), now);
        assert_eq!(cache.get(file, now + LASTS / 2), Some(cards("Awa")));
        // Whatever is asked for, what is too old goes.
        assert_eq!(cache.get(Uuid::from_u128(2), now + LASTS), None);
        assert!(cache.0.lock().unwrap().is_empty());
    }

    #[test]
    fn memory_is_bounded() {
        let (cache, now) = (CardCache::default(), Instant::now());
        for n in 0..=MOST_FILES as u64 {
            cache.put(Uuid::from_u128(n.into()), &cards("Awa"), now + Duration::from_millis(n));
        }
        assert_eq!(cache.0.lock().unwrap().len(), MOST_FILES);
        assert_eq!(cache.get(Uuid::from_u128(0), now), None, "the oldest went");
        cache.put(Uuid::from_u128(0), &cards(&"a".repeat(MOST_BYTES)), now);
        assert_eq!(cache.get(Uuid::from_u128(0), now), None, "it is too large");
    }
}
