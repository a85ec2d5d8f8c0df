//! How texts and numbers are set: cut texts, grouped digits, amounts of money.

use super::language::Language;

/// A text of at most so many characters, the last of them `…` where something was cut off.
#[must_use]
pub fn shortened(text: &str, longest: usize) -> String {
    if text.chars().count() <= longest {
        return text.to_owned();
    }
    text.chars().take(longest.saturating_sub(1)).chain(['…']).collect()
}

/// Digits in groups of three: `45 000`.
#[must_use]
pub fn grouped(digits: &str, between: char) -> String {
    let mut grouped = String::with_capacity(digits.len() + 4);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(between);
        }
        grouped.push(digit);
    }
    grouped
}

/// Millionths as money: `1,25`, or `1.25` in English. The tenant's file says in which currency.
#[must_use]
pub fn money(language: Language, micros: i64) -> String {
    let hundredths = micros.saturating_add(5_000) / 10_000;
    let mark = if language == Language::Fr { ',' } else { '.' };
    format!("{}{mark}{:02}", hundredths / 100, hundredths % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut() {
        for (text, longest, short) in [("été", 3, "été"), ("étés", 3, "ét…"), ("été", 1, "…"), ("a", 0, "…")]
        {
            assert_eq!(shortened(text, longest), short, "{text}");
        }
    }

    #[test]
    fn digits_are_grouped() {
        for (digits, expected) in [("0", "0"), ("999", "999"), ("1000", "1 000"), ("123456789", "123 456 789")] {
            assert_eq!(grouped(digits, ' '), expected);
        }
    }

    #[test]
    fn money_is_rounded_to_hundredths() {
        assert_eq!(money(Language::Fr, 1_254_999), "1,25");
        for (micros, shown) in [(0, "0.00"), (4_999, "0.00"), (5_000, "0.01"), (40_000, "0.04"), (12_345_678, "12.35")]
        {
            assert_eq!(money(Language::En, micros), shown);
        }
    }
}
