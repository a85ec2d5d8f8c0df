//! Tests of addresses.

use proptest::prelude::*;

use super::AddressError::*;
use super::Scheme::*;
use super::*;

#[test]
fn spellings_of_one_address_are_equal() {
    let table: &[(Scheme, &str, Option<&str>, &str)] = &[
        (Whatsapp, "whatsapp:+33612345678", None, "whatsapp:+33612345678"),
        (Whatsapp, "+33612345678", None, "whatsapp:+33612345678"),
        (Whatsapp, "WhatsApp:+33 6 12 34 56 78", None, "whatsapp:+33612345678"),
        (Whatsapp, " whatsapp: +33.6.12.34.56.78 ", None, "whatsapp:+33612345678"),
        (Whatsapp, "(202) 555-0123", Some("US"), "whatsapp:+12025550123"),
        (Sms, "sms:2025550123", Some("US"), "sms:+12025550123"),
        (Whatsapp, "0033 6 12 34 56 78", None, "whatsapp:+33612345678"),
        (Whatsapp, "06 12 34 56 78", Some("FR"), "whatsapp:+33612345678"),
        (Whatsapp, "06-12-34-56-78", Some("fr"), "whatsapp:+33612345678"),
        (Whatsapp, "0033612345678", Some("FR"), "whatsapp:+33612345678"),
        (Whatsapp, "+33612345678", Some("US"), "whatsapp:+33612345678"),
        (Whatsapp, "+33 (0)6 12 34 56 78", None, "whatsapp:+33612345678"),
        (Whatsapp, "+33 06 12 34 56 78", None, "whatsapp:+33612345678"),
        (Whatsapp, "+44 (0)20 7946 0018", None, "whatsapp:+442079460018"),
        (Sms, "+27 (0)82 123 4567", None, "sms:+27821234567"),
        (Sms, "+234 (0)801 234 5678", None, "sms:+2348012345678"),
        (Sms, "+254 0712 345678", None, "sms:+254712345678"),
        (Sms, "+7 (8) 916 123-45-67", None, "sms:+79161234567"),
        (Sms, "+36 (06) 20 123 4567", None, "sms:+36201234567"),
        (Sms, "+52 (044) 55 1234 5678", None, "sms:+525512345678"),
        (Whatsapp, "+5215512345678", None, "whatsapp:+5215512345678"),
        (Sms, "+54 (0)11 15-2345-6789", None, "sms:+5491123456789"),
        (Whatsapp, "+0033 6 12 34 56 78", None, "whatsapp:+33612345678"),
        (Whatsapp, "+٢٠ ١٠٠ ١٢٣ ٤٥٦٧", None, "whatsapp:+201001234567"),
        (Whatsapp, "\u{202a}+33\u{a0}6\u{202f}12\u{a0}34\u{a0}56\u{a0}78\u{202c}", None, "whatsapp:+33612345678"),
        (Whatsapp, "＋３３６１２３４５６７８", None, "whatsapp:+33612345678"),
        (Whatsapp, "(415) 523-8886", Some("US"), "whatsapp:+14155238886"),
        (Whatsapp, "+1 (415) 523‑8886", None, "whatsapp:+14155238886"),
        (Whatsapp, "+39 06 698 1234", None, "whatsapp:+39066981234"),
        (Whatsapp, "+225 07 07 12 34 56", None, "whatsapp:+2250707123456"),
        (Whatsapp, "whatsapp:US.1234", None, "whatsapp:US.1234"),
        (Whatsapp, "us.AbC-9_x", None, "whatsapp:US.AbC-9_x"),
        (Whatsapp, "123456789012345@lid", None, "whatsapp:123456789012345@lid"),
        (Whatsapp, "whatsapp:120363043968066561@G.US", None, "whatsapp:120363043968066561@g.us"),
        (Sms, "+33612345678", None, "sms:+33612345678"),
        (Sms, "sms:0612345678", Some("FR"), "sms:+33612345678"),
        (Sms, "tel:+33-6-12-34-56-78", None, "sms:+33612345678"),
        (Sms, "whatsapp:+33612345678", None, "whatsapp:+33612345678"),
        (Sms, "38080", Some("FR"), "sms:38080"),
        (Sms, "sms:PALABRE", None, "sms:PALABRE"),
        (Sms, "Chez Jo", None, "sms:Chez Jo"),
        (Sms, "Jo's Cafe", None, "sms:Jo's Cafe"),
        (Sms, "ÖBB", None, "sms:ÖBB"),
        (Sms, "INFO!", None, "sms:INFO!"),
        (Sms, "Café (24/7)", None, "sms:Café (24/7)"),
        (Telegram, "123456789", None, "telegram:123456789"),
        (Telegram, "telegram:-1001234567890", None, "telegram:-1001234567890"),
        (Telegram, "+0042", None, "telegram:42"),
        (Telegram, "-9223372036854775808", None, "telegram:-9223372036854775808"),
        (Mailto, "Anne.Martin+x@Example.FR", None, "mailto:anne.martin+x@example.fr"),
        (Mailto, "mailto:a@b.fr", None, "mailto:a@b.fr"),
        (Sandbox, "Belle", None, "sandbox:belle"),
        (Whatsapp, "sandbox:belle/Anna.2", None, "sandbox:belle/anna.2"),
    ];
    for (hint, text, region, normalised) in table {
        let address = Address::parse(*hint, text, region.and_then(HomeCountry::of_code))
            .unwrap_or_else(|e| panic!("{text:?}: {e}"));
        assert_eq!(address.as_str(), *normalised, "{text:?}");
    }
}

#[test]
fn what_people_write_names_one_person_or_is_refused_with_what_to_write() {
    use super::Unnamed::{Only, Phone, Refused};
    type Row = (&'static str, Unnamed, Option<&'static str>, Result<&'static str, AddressError>);
    let table: &[Row] = &[
        ("whatsapp:06 12 34 56 78", Refused, Some("FR"), Ok("whatsapp:+33612345678")),
        ("\u{202a}SMS:+33612345678\u{202c}", Refused, None, Ok("sms:+33612345678")),
        ("06 12 34 56 78", Refused, Some("FR"), Err(NoScheme)),
        ("", Refused, None, Err(Empty)),
        ("fax:+33612345678", Refused, None, Err(UnknownScheme)),
        ("whatsapp:06 12 34 56 78", Refused, None, Err(CountryUnknown)),
        ("sms:2025550123", Refused, Some("FR"), Err(NotNational)),
        ("06 12 34 56 78", Phone(Sms), Some("FR"), Ok("sms:+33612345678")),
        ("06 12 34 56 78", Phone(Whatsapp), Some("FR"), Ok("whatsapp:+33612345678")),
        ("tel:+33-6-12-34-56-78", Phone(Sms), None, Ok("sms:+33612345678")),
        ("620 12 34 56", Phone(Sms), Some("GN"), Ok("sms:+224620123456")),
        ("06 12 34 56 78", Phone(Sms), Some("GN"), Err(NotNational)),
        ("06 12 34 56 78", Phone(Sms), None, Err(CountryUnknown)),
        ("33612345678", Phone(Sms), Some("FR"), Err(NotNational)),
        ("telegram:123", Phone(Sms), None, Ok("telegram:123")),
        ("sms:38080", Phone(Sms), None, Ok("sms:38080")),
        ("38080", Phone(Sms), Some("FR"), Err(NoScheme)),
        ("PALABRE", Phone(Sms), Some("FR"), Err(NoScheme)),
        ("Awa", Phone(Whatsapp), Some("FR"), Err(NoScheme)),
        ("anna@belle.example", Phone(Sms), Some("FR"), Err(NoScheme)),
        ("123456789", Only(Telegram), None, Ok("telegram:123456789")),
        ("telegram:123456789", Only(Telegram), None, Ok("telegram:123456789")),
        ("whatsapp:+33612345678", Only(Telegram), None, Err(OtherScheme)),
        ("06 12 34 56 78", Only(Whatsapp), Some("FR"), Ok("whatsapp:+33612345678")),
        ("a@b.fr", Only(Mailto), None, Ok("mailto:a@b.fr")),
    ];
    for (text, unnamed, home, expected) in table {
        let read = Address::written(text, *unnamed, home.and_then(HomeCountry::of_code));
        let read = read.as_ref().map(Address::as_str).map_err(|error| *error);
        assert_eq!(read, *expected, "{text:?} as {unnamed:?} in {home:?}");
        if let Err(error) = read {
            let told = format!("{error}: {}", error.help());
            assert!(!told.contains(text) || text.is_empty(), "i10: {told}");
        }
    }
}

#[test]
fn what_is_no_address_is_refused() {
    let long = "1".repeat(600);
    let table: &[(Scheme, &str, Option<&str>, AddressError)] = &[
        (Whatsapp, "", None, Empty),
        (Whatsapp, "whatsapp:  ", None, Empty),
        (Whatsapp, &long, None, TooLong),
        (Whatsapp, "bonjour", None, BadPhone),
        (Sandbox, "a/b/c", None, BadSandboxName),
        (Sandbox, "a/", None, BadSandboxName),
        (Sandbox, "anna martin", None, BadSandboxName),
        (Whatsapp, "+1234567", None, BadPhone),
        (Whatsapp, "+1234567890123456", None, BadPhone),
        (Whatsapp, "+0612345678", None, BadPhone),
        (Whatsapp, "+336+12345678", None, BadPhone),
        (Whatsapp, "0612345678", None, CountryUnknown),
        (Whatsapp, "12", Some("FR"), NotNational),
        (Sms, "sms:2025550123", Some("FR"), NotNational),
        (Sms, "sms:2025550123", Some("EG"), NotNational),
        (Whatsapp, "33612345678", Some("FR"), NotNational),
        (Whatsapp, "USA.1234", None, BadPhone),
        (Whatsapp, "12@lid", None, BadPhone),
        (Whatsapp, "33612345678@c.us", None, BadPhone),
        (Whatsapp, "a@lid", None, BadPhone),
        (Whatsapp, "US.", None, BadPhone),
        (Sms, "12", None, CountryUnknown),
        (Sms, "sms:2025550123", None, CountryUnknown),
        (Whatsapp, "33612345678", None, CountryUnknown),
        (Sms, "MUCH TOO LONG", None, BadPhone),
        (Telegram, "0", None, BadTelegramId),
        (Telegram, "@palabre", None, BadTelegramId),
        (Telegram, "9223372036854775808", None, BadTelegramId),
        (Mailto, "a.b.fr", None, BadMail),
        (Mailto, "a@b@c.fr", None, BadMail),
        (Mailto, "a@", None, BadMail),
        (Mailto, "@b.fr", None, BadMail),
        (Mailto, "a@b..fr", None, BadMail),
        (Mailto, "Anne <a@b.fr>", None, BadMail),
        (Mailto, "a b@c.fr", None, BadMail),
    ];
    for (hint, text, region, error) in table {
        assert_eq!(Address::parse(*hint, text, region.and_then(HomeCountry::of_code)), Err(*error), "{text:?}");
    }
}

#[test]
fn it_knows_what_it_is() {
    for (text, scheme, path, phone) in [
        ("whatsapp:+33612345678", Whatsapp, "+33612345678", true),
        ("whatsapp:US.1234", Whatsapp, "US.1234", false),
        ("sms:+33612345678", Sms, "+33612345678", true),
        ("sms:38080", Sms, "38080", false),
        ("telegram:-100", Telegram, "-100", false),
        ("mailto:a@b.fr", Mailto, "a@b.fr", false),
    ] {
        let address = Address::from_normalised(text);
        assert_eq!((address.scheme(), address.path(), address.is_phone()), (scheme, path, phone), "{text}");
    }
}

#[test]
fn i10_it_shows_itself_masked() {
    for (text, shown) in [
        ("whatsapp:+33612345678", "whatsapp:+336…78"),
        ("whatsapp:US.1234", "whatsapp:U…"),
        ("sms:38080", "sms:3…"),
        ("telegram:123456789", "telegram:1…"),
        ("mailto:anne.martin@example.fr", "mailto:a…"),
        ("nonsense", "whatsapp:n…"),
        ("", "whatsapp:…"),
    ] {
        let address = Address::from_normalised(text);
        assert_eq!(format!("{address}"), shown);
        assert_eq!(format!("{address:?}"), shown);
    }
}

fn scheme() -> impl Strategy<Value = Scheme> {
    proptest::sample::select(Scheme::ALL)
}

fn region() -> impl Strategy<Value = Option<&'static str>> {
    proptest::sample::select(vec![None, Some("FR"), Some("US"), Some("IT"), Some("CI"), Some("XX"), Some("")])
}

proptest! {
    #[test]
    fn parsing_never_panics(scheme in scheme(), text in any::<String>(), region in region()) {
        let _ = Address::parse(scheme, &text, region.and_then(HomeCountry::of_code));
    }

    #[test]
    fn normalising_twice_changes_nothing(
        scheme in scheme(),
        text in "(whatsapp:|sms:|tel:|telegram:|mailto:)?[+0(]{0,3}[-+()./ 0-9a-zA-Z@]{0,24}",
        region in region(),
    ) {
        if let Ok(once) = Address::parse(scheme, &text, region.and_then(HomeCountry::of_code)) {
            let twice = Address::parse(scheme, once.as_str(), region.and_then(HomeCountry::of_code));
            prop_assert_eq!(twice.as_ref().map(Address::as_str), Ok(once.as_str()));
            prop_assert_eq!(Address::parse(scheme, once.as_str(), None), Ok(once));
        }
    }

    #[test]
    fn formatting_does_not_matter(
        country in proptest::sample::select(vec!["33", "1", "44", "225", "49"]),
        digits in "[1-9][0-9]{8}",
        seps in proptest::collection::vec(proptest::sample::select(vec!["", " ", ".", "-", "\u{a0}"]), 9),
    ) {
        let clean = Address::parse(Whatsapp, &format!("+{country}{digits}"), None).unwrap();
        let spaced: String = digits.chars().zip(&seps).map(|(d, sep)| format!("{sep}{d}")).collect();
        for text in [format!("+{country}{spaced}"), format!("00{country} {spaced}")] {
            prop_assert_eq!(&Address::parse(Whatsapp, &text, None).unwrap(), &clean);
        }
    }

    #[test]
    fn i10_the_mask_hides_the_middle(digits in "[1-9][0-9]{9,14}") {
        let address = Address::parse(Whatsapp, &format!("+{digits}"), None).unwrap();
        let shown = address.to_string();
        prop_assert!(!shown.contains(&digits[3..digits.len() - 2]));
        prop_assert!(shown.chars().count() <= "whatsapp:".len() + 7);
    }
}

#[test]
fn a_phone_number_is_the_same_person_on_every_channel_that_knows_numbers() {
    let table = [
        ("whatsapp:+33612345678", Scheme::Sms, Some("sms:+33612345678")),
        ("sms:+33612345678", Scheme::Whatsapp, Some("whatsapp:+33612345678")),
        ("sms:+33612345678", Scheme::Sms, Some("sms:+33612345678")),
        ("whatsapp:US.1234", Scheme::Sms, None),
        ("sms:38080", Scheme::Whatsapp, None),
        ("telegram:123", Scheme::Sms, None),
        ("whatsapp:+33612345678", Scheme::Telegram, None),
        ("telegram:123", Scheme::Telegram, Some("telegram:123")),
    ];
    for (to, scheme, expected) in table {
        let address = Address::from_normalised(to).on(scheme);
        assert_eq!(address.as_ref().map(Address::as_str), expected, "{to} on {scheme}");
    }
}

#[test]
fn a_person_is_a_phone_number_everywhere_or_one_whole_address() {
    for (address, person) in [
        ("whatsapp:+33612345678", "+33612345678"),
        ("sms:+33612345678", "+33612345678"),
        ("whatsapp:US.1234", "whatsapp:US.1234"),
        ("sms:38080", "sms:38080"),
        ("telegram:123", "telegram:123"),
        ("mailto:a@b.fr", "mailto:a@b.fr"),
        ("sandbox:anna", "sandbox:anna"),
        ("sms:+22997123456", "+2290197123456"),
        ("whatsapp:+5511987654321", "+5511987654321"),
        ("sms:+551187654321", "+5511987654321"),
    ] {
        let address = Address::from_normalised(address);
        assert_eq!(address.identity().as_str(), person);
        assert!(
            address.aliases().iter().all(|alias| alias.identity().as_str() == person),
            "the same person on every account"
        );
    }
}

#[test]
fn an_unusual_sender_is_kept_as_it_is_shown() {
    let table = [
        (Sms, "Institut Belle Paris", Some("sms:Institut Belle Paris")),
        (Sms, " \u{202a}+33 6 \u{0}12?\u{202c} ", Some("sms:+33 6 12?")),
        (Whatsapp, "group:120363", Some("whatsapp:group:120363")),
        (Sms, "\u{200b} \u{202e}", None),
        (Sms, "", None),
    ];
    for (scheme, text, expected) in table {
        assert_eq!(Address::unusual(scheme, text).as_ref().map(Address::as_str), expected, "{text:?}");
    }
    assert_eq!(Address::unusual(Sms, &"x".repeat(500)).unwrap().path().len(), 128);
    assert_eq!(Address::tidied("\u{202a}\u{a0}+33 6\u{202c}\n"), "+33 6");
}
