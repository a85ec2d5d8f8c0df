//! Spellings of numbers that lead to one subscriber, and those that do not.

use proptest::prelude::*;

use super::*;

/// Spellings of one subscriber, today's first.
const SAME: &[&[&str]] = &[
    &["+27821234567", "+270821234567"],
    &["+33612345678", "+330612345678"],
    &["+447911123456", "+4407911123456"],
    &["+4915112345678", "+49015112345678"],
    &["+2348012345678", "+23408012345678"],
    &["+79161234567", "+789161234567"],
    &["+36201234567", "+3606201234567"],
    &["+12025550123", "+112025550123"],
    &["+375291234567", "+37580291234567", "+3758291234567", "+3750291234567"],
    &["+37061234567", "+370861234567", "+370061234567"],
    &["+99365123456", "+993865123456"],
    &["+998901234567", "+9988901234567"],
    &["+48601234567", "+480601234567"],
    &["+420602123456", "+4200602123456"],
    &["+56987654321", "+560987654321"],
    &["+302101234567", "+3002101234567"],
    &["+24162123456", "+241062123456"],
    &["+3780549886377", "+378886377", "+390549886377"],
    &["+576012345678", "+5712345678"],
    &["+593991234567", "+59391234567", "+5930991234567"],
    &["+68987712345", "+689712345"],
    &["+68940412345", "+689412345"],
    &["+970599123456", "+972599123456", "+9700599123456"],
    &["+5215512345678", "+525512345678"],
    &["+525512345678", "+520445512345678", "+52015512345678"],
    &["+5491123456789", "+541123456789", "+54111523456789"],
    &["+543512345678", "+5493512345678", "+54351152345678"],
    &["+542966123456", "+5492966123456", "+54296615123456"],
    &["+5511987654321", "+551187654321"],
    &["+5521971234567", "+552171234567"],
    &["+2250708091011", "+22508091011"],
    &["+2250102030405", "+22502030405"],
    &["+2250544556677", "+22544556677"],
    &["+2250140123456", "+22540123456"],
    &["+2252720304050", "+22520304050"],
    &["+2252120804050", "+22520804050"],
    &["+2252520004050", "+22520004050"],
    &["+2290197123456", "+22997123456"],
    &["+2290121300000", "+22921300000"],
    &["+237677123456", "+23777123456"],
    &["+237222123456", "+23722123456"],
    &["+24174123456", "+2414123456", "+24104123456"],
    &["+24162123456", "+24102123456"],
    &["+24111123456", "+24101123456"],
    &["+23057123456", "+2307123456"],
    &["+84703123456", "+841203123456"],
    &["+84387654321", "+841687654321"],
    &["+262692123456", "+33692123456"],
    &["+590690123456", "+33690123456", "+330690123456"],
    &["+262709201234", "+33709201234"],
    &["+594709311234", "+330709311234"],
];

/// Numbers that look alike and are different subscribers.
const DIFFERENT: &[(&str, &str)] = &[
    ("+33612345678", "+33712345678"),
    ("+39061234567", "+3961234567"),
    ("+2250708091011", "+2250508091011"),
    ("+2250102030405", "+225102030405"),
    ("+551133334444", "+5511933334444"),
    ("+525512345678", "+525512345679"),
    ("+5491123456789", "+5491123456780"),
    ("+242061234567", "+24261234567"),
    ("+22602345678", "+2262345678"),
    ("+61491570156", "+6191570156"),
    ("+79161234567", "+78161234567"),
    ("+37061234567", "+37161234567"),
    ("+972501234567", "+970501234567"),
    ("+59322345678", "+593922345678"),
    ("+573011234567", "+5760011234567"),
    ("+2290197123456", "+2290297123456"),
    ("+12025550123", "+2025550123"),
];

#[test]
fn spellings_of_one_subscriber_have_one_identity() {
    for spellings in SAME {
        for other in &spellings[1..] {
            assert_eq!(identity(other), identity(spellings[0]), "{spellings:?}");
        }
    }
}

#[test]
fn different_subscribers_have_different_identities() {
    for (one, other) in DIFFERENT {
        assert_ne!(identity(one), identity(other));
    }
}

#[test]
fn what_is_no_number_is_its_own_identity() {
    for text in ["", "+", "38080", "PALABRE", "US.1234", "+33x", "a@b.fr"] {
        assert_eq!(identity(text), text);
    }
}

/// What the published plans say is dialled at home before a number is no part of it, unless their numbers begin so.
#[test]
fn trunk_prefixes_are_those_of_the_published_plans() {
    let database = &*phonenumber::metadata::DATABASE;
    let mut wrong = Vec::new();
    for country in 1..1000_u16 {
        for plan in database.region(&country).into_iter().flatten().filter_map(|region| database.by_id(region)) {
            let examples = [plan.descriptors().fixed_line(), plan.descriptors().mobile()];
            let examples: Vec<_> = examples.into_iter().flatten().filter_map(|kind| kind.example()).collect();
            let Some(prefix) = plan.national_prefix() else { continue };
            if prefix == "0" && examples.iter().any(|example| example.starts_with('0')) {
                continue;
            }
            for example in examples {
                let (kept, number) = (format!("+{country}{prefix}{example}"), format!("+{country}{example}"));
                if identity(&kept) != identity(&number) {
                    wrong.push(kept);
                }
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new(), "these keep their trunk prefix");
}

/// Today's numbers of the published plans are their own identity: nothing is stripped or put before what is whole.
#[test]
fn published_numbers_are_their_own_identity() {
    let database = &*phonenumber::metadata::DATABASE;
    // Argentina's mobile digit is no part of the identity; the metadata has Gabon's numbers as they were before 2019.
    let other = ["54", "241"];
    for country in 1..1000_u16 {
        for plan in database.region(&country).into_iter().flatten().filter_map(|region| database.by_id(region)) {
            let kinds = [plan.descriptors().fixed_line(), plan.descriptors().mobile()];
            for example in kinds.into_iter().flatten().filter_map(|kind| kind.example()) {
                let number = format!("+{country}{example}");
                let is_other = other.iter().any(|code| number[1..].starts_with(code));
                assert!(is_other || identity(&number) == number, "{number} is {}", identity(&number));
            }
        }
    }
}

proptest! {
    #[test]
    fn an_identity_is_its_own(digits in "[1-9][0-9]{7,14}") {
        let phone = format!("+{digits}");
        let once = identity(&phone).into_owned();
        prop_assert_eq!(identity(&once).into_owned(), once.clone());
    }

    #[test]
    fn reading_never_panics(text in any::<String>()) {
        let _ = identity(&text);
    }
}
