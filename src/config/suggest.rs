//! Suggestions for mistyped names: "did you mean …?"

use super::masking::masked;

/// How alike two words must be, from 0 to 1, before one is offered for the other. Below this, suggestions puzzle more
/// than they help.
const ALIKE: f64 = 0.6;

/// The candidate that was probably meant, if any is near enough.
pub(crate) fn closest<'a>(wanted: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Comparing costs the product of the lengths, and no name of ours is this long.
    if wanted.len() > 100 {
        return None;
    }
    let wanted = wanted.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (likeness(&wanted, &candidate.to_lowercase()), candidate))
        .filter(|(score, _)| *score >= ALIKE)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, candidate)| candidate)
}

/// `did you mean …?` for the nearest candidate, else the list of all, so that there is always a way on.
pub(crate) fn help(wanted: &str, candidates: &[&str]) -> String {
    closest(wanted, candidates.iter().copied()).map_or_else(
        || format!("one of {}", list(candidates)),
        |candidate| format!("did you mean `{}`?", masked(candidate)),
    )
}

/// `a`, `b`, `c`, each in backticks.
pub(super) fn list(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{}`", masked(word))).collect::<Vec<_>>().join(", ")
}

/// Spelling distance, or near certainty when one name is a whole part of the other (`Paris` in `Europe/Paris`).
fn likeness(wanted: &str, candidate: &str) -> f64 {
    let spelling = strsim::normalized_damerau_levenshtein(wanted, candidate);
    let part = candidate.split(['/', '-', '_']).any(|part| part.len() > 2 && part == wanted);
    let last = candidate.rsplit('/').next().unwrap_or(candidate);
    let city = strsim::normalized_damerau_levenshtein(wanted.rsplit('/').next().unwrap_or(wanted), last);
    // A misspelt city under the right continent beats a city that happens to be spelt alike elsewhere.
    let near = if last.len() > 3 && city >= 0.75 { 0.3 * city + 0.7 * spelling.max(0.8) } else { 0.0 };
    if part { spelling.max(0.9) } else { spelling.max(near) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offers_what_was_meant() {
        let zones: Vec<&str> = chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name()).collect();
        for (wanted, meant) in [
            ("Europe/Pariss", Some("Europe/Paris")),
            ("europe/paris", Some("Europe/Paris")),
            ("Paris", Some("Europe/Paris")),
            ("Europe/Bruxelles", Some("Europe/Brussels")),
            ("New_York", Some("America/New_York")),
            ("UTC+1", None),
            ("zzzz", None),
        ] {
            assert_eq!(closest(wanted, zones.iter().copied()).filter(|_| meant.is_some()), meant, "{wanted}");
        }
        let providers = ["courier-whatsapp", "courier-sms"];
        assert_eq!(closest("whatsapp", providers), Some("courier-whatsapp"));
        assert_eq!(closest("courrier-sms", providers), Some("courier-sms"));
        assert_eq!(closest("pigeon", providers), None);
        assert_eq!(closest(&"x".repeat(1_000_000), providers), None);
    }
}
