//! Phone numbers without `+`: national numbers of a country that is known, or nothing.

use std::fmt;

use super::identity::{renumbered, strip_trunk};
use super::plans::{PLANS, Plan};

/// A country whose numbering plan is known: what a phone number without `+` means.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct HomeCountry(&'static str);

impl HomeCountry {
    /// The country of an ISO 3166 code of two letters, in either case.
    #[must_use]
    pub fn of_code(code: &str) -> Option<Self> {
        PLANS.iter().find(|plan| plan.country.eq_ignore_ascii_case(code)).map(|plan| Self(plan.country))
    }

    /// Its ISO 3166 code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for HomeCountry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl fmt::Debug for HomeCountry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// The international form (`+33612345678`) of digits that somebody in a country wrote. `None`: they are no number of its plan.
/// What can be read in two ways is refused: a message to the wrong person cannot be taken back.
pub(super) fn international(digits: &str, country: HomeCountry) -> Option<String> {
    PLANS.iter().filter(|plan| plan.country == country.0).find_map(|plan| plan.read(digits))
}

impl Plan {
    fn read(&self, digits: &str) -> Option<String> {
        self.trunk_prefixes.iter().filter_map(|prefix| digits.strip_prefix(prefix)).find_map(|rest| self.number(rest))
    }

    /// The number as it is today: people write down what a number was before its country renumbered.
    fn number(&self, national: &str) -> Option<String> {
        let digits = format!("{}{national}", self.code);
        let today = match self.country {
            // Behind +54 a mobile number has a 9, and at home a 15: without it, nothing is delivered.
            "AR" => strip_trunk(&digits),
            _ => renumbered(&digits),
        };
        today.or_else(|| self.has(national).then_some(digits)).map(|digits| format!("+{digits}"))
    }

    fn has(&self, national: &str) -> bool {
        let begins = match self.beginnings.contains('|') {
            true => self.beginnings.split('|').any(|beginning| national.starts_with(beginning)),
            false => national.starts_with(|first| self.beginnings.contains(first)),
        };
        begins && self.lengths.contains(&national.len())
    }
}

#[cfg(test)]
mod tests {
    use super::super::identity::identity;
    use super::*;

    fn read(country: &str, digits: &str) -> Option<String> {
        international(digits, HomeCountry::of_code(country).unwrap())
    }

    /// Country, what was written, its international form; `None`: refused.
    const TABLE: &[(&str, &str, Option<&str>)] = &[
        ("FR", "0612345678", Some("+33612345678")),
        ("FR", "612345678", Some("+33612345678")),
        ("FR", "0142345678", Some("+33142345678")),
        ("FR", "0692123456", Some("+262692123456")),
        ("FR", "061234567", None),
        ("FR", "06123456789", None),
        ("FR", "2025550123", None),
        ("FR", "33612345678", None),
        ("FR", "0033", None),
        ("US", "2025550123", Some("+12025550123")),
        ("US", "12025550123", Some("+12025550123")),
        ("US", "5550123", None),
        ("US", "1025550123", None),
        ("EG", "2025550123", None),
        ("EG", "01001234567", Some("+201001234567")),
        ("GB", "07911123456", Some("+447911123456")),
        ("GB", "7911123456", None),
        ("GB", "02079460018", Some("+442079460018")),
        ("DE", "015112345678", Some("+4915112345678")),
        ("DE", "4915112345678", None),
        ("DE", "33612345678", None),
        ("CH", "0791234567", Some("+41791234567")),
        ("BE", "0470123456", Some("+32470123456")),
        ("BE", "470123456", None),
        ("IT", "3312345678", Some("+393312345678")),
        ("IT", "0669812345", Some("+390669812345")),
        ("IT", "33612345678", None),
        ("ES", "612345678", Some("+34612345678")),
        ("CI", "0708091011", Some("+2250708091011")),
        ("CI", "08091011", Some("+2250708091011")),
        ("CI", "2025550123", None),
        ("BJ", "0197123456", Some("+2290197123456")),
        ("BJ", "97123456", Some("+2290197123456")),
        ("GN", "620123456", Some("+224620123456")),
        ("GN", "0620123456", None),
        ("SN", "771234567", Some("+221771234567")),
        ("CM", "677123456", Some("+237677123456")),
        ("CM", "77123456", Some("+237677123456")),
        ("ML", "65123456", Some("+22365123456")),
        ("GA", "062123456", Some("+24162123456")),
        ("GA", "06123456", Some("+24166123456")),
        ("CO", "6012345678", Some("+576012345678")),
        ("PF", "87712345", Some("+68987712345")),
        ("MA", "0612345678", Some("+212612345678")),
        ("DZ", "0551234567", Some("+213551234567")),
        ("TN", "20123456", Some("+21620123456")),
        ("ZA", "0821234567", Some("+27821234567")),
        ("NG", "08012345678", Some("+2348012345678")),
        ("KE", "0712345678", Some("+254712345678")),
        ("HU", "06201234567", Some("+36201234567")),
        ("RU", "89161234567", Some("+79161234567")),
        ("RU", "9161234567", Some("+79161234567")),
        ("BY", "80291234567", Some("+375291234567")),
        ("BR", "11987654321", Some("+5511987654321")),
        ("BR", "01187654321", Some("+5511987654321")),
        ("BR", "1133334444", Some("+551133334444")),
        ("MX", "5512345678", Some("+525512345678")),
        ("MX", "0445512345678", Some("+525512345678")),
        ("AR", "01123456789", Some("+541123456789")),
        ("AR", "0111523456789", Some("+5491123456789")),
        ("VN", "01203123456", Some("+84703123456")),
        ("LU", "621123456", Some("+352621123456")),
        ("LU", "33612345678", None),
        ("IN", "9876543210", Some("+919876543210")),
        ("AU", "0412345678", Some("+61412345678")),
        ("JP", "09012345678", Some("+819012345678")),
    ];

    #[test]
    fn a_number_without_a_plus_is_read_by_the_plan_of_its_country_or_refused() {
        for (country, digits, expected) in TABLE {
            assert_eq!(read(country, digits).as_deref(), *expected, "{country} {digits}");
        }
    }

    #[test]
    fn countries_have_codes_of_two_letters() {
        for (code, known) in [("FR", true), ("fr", true), ("CI", true), ("XX", false), ("", false), ("FRANCE", false)] {
            assert_eq!(HomeCountry::of_code(code).is_some(), known, "{code}");
        }
        assert_eq!(HomeCountry::of_code("gn").map(HomeCountry::code), Some("GN"));
    }

    /// The example numbers of the published plans are read as they are, with every prefix of their country.
    #[test]
    fn published_examples_are_read_as_what_they_are() {
        let database = &*phonenumber::metadata::DATABASE;
        let mut wrong = Vec::new();
        for plan in PLANS {
            let Some(region) = database.by_id(plan.country) else { continue };
            assert_eq!(region.country_code().to_string(), plan.code, "{}", plan.country);
            let examples = [region.descriptors().fixed_line(), region.descriptors().mobile()];
            for example in examples.into_iter().flatten().filter_map(|descriptor| descriptor.example()) {
                for prefix in plan.trunk_prefixes {
                    let read = read(plan.country, &format!("{prefix}{example}"));
                    let expected = format!("+{}{example}", plan.code);
                    let today = identity(&expected);
                    if read.is_none_or(|read| read != expected && read != *today) {
                        wrong.push(format!("{} {prefix}{example}", plan.country));
                    }
                }
            }
        }
        assert_eq!(wrong, Vec::<String>::new());
    }
}
