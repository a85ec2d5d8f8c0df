//! Masks of contacts' addresses, for operators.

use palabre_actors::domain::address::Address;

/// Digits of an id that stand behind a mask.
const TAG: usize = 4;

/// A contact's address, masked, and the end of their conversation's id: `whatsapp:+336…78#3f9a`. Two contacts may have one
/// mask; their tags differ (but once in 65,536). The end of an id is drawn at random, so the tag tells nothing of the
/// address (I10).
pub(super) fn contact(address: &Address, conversation: &str) -> String {
    let from = conversation.len().saturating_sub(TAG);
    match conversation.get(from..).filter(|tag| !tag.is_empty()) {
        Some(tag) => format!("{address}#{tag}"),
        None => address.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i10_people_with_one_mask_are_told_apart_by_ids_alone() {
        let [anne, bob] = ["whatsapp:+33612345678", "whatsapp:+33619876578"].map(Address::from_normalised);
        let [first, second] = ["019c1a2b-0000-7000-8000-00000000a1c3", "019c1a2b-0000-7000-8000-00000000f00d"];
        assert_eq!(contact(&anne, first), "whatsapp:+336…78#a1c3");
        assert_ne!(contact(&anne, first), contact(&bob, second));
        // Whoever stands behind an id, the tag is the same: it says nothing of the address.
        assert_eq!(contact(&anne, first), contact(&bob, first));
        assert_eq!(contact(&anne, ""), anne.to_string());
    }
}
