//! Signatures and events of Stripe.

use secrecy::SecretString;

use super::*;

fn secrets(texts: &[&str]) -> Vec<SecretString> {
    texts.iter().map(|text| SecretString::from(*text)).collect()
}

#[test]
fn a_signature_holds_for_its_body_its_secret_and_its_time() {
    let (body, now) = (br#"{"id":"evt_1"}"#.as_slice(), 1_780_000_000);
    let header = sign(body, &SecretString::from("whsec_new"), now);
    let both = secrets(&["whsec_old", "whsec_new"]);
    assert_eq!(verify(&header, body, &both, now), Ok(()));
    assert_eq!(verify(&header, body, &both, now + 300), Ok(()));
    assert_eq!(verify(&header, body, &both, now - 300), Ok(()));
    assert_eq!(verify(&header, body, &both, now + 301), Err(SignatureError::Stale));
    assert_eq!(verify(&header, br#"{"id":"evt_2"}"#, &both, now), Err(SignatureError::Wrong));
    assert_eq!(verify(&header, body, &secrets(&["whsec_old"]), now), Err(SignatureError::Wrong));
    let moved = header.replace("t=1780000000", "t=1780000001");
    assert_eq!(verify(&moved, body, &both, now), Err(SignatureError::Wrong));
    // While a secret is replaced, Stripe signs with both.
    let (time, new) = header.split_once(',').unwrap();
    let old = sign(body, &SecretString::from("whsec_older"), now);
    let rolled = format!("{time},{},{new},v0=6ffbb59b", old.split_once(',').unwrap().1);
    assert_eq!(verify(&rolled, body, &secrets(&["whsec_new"]), now), Ok(()));
    for malformed in ["", "t=1", "v1=00", "t=x,v1=00", "t=1,v1=zz", &format!("t=1780000000,v1={}", "é".repeat(32))] {
        assert_eq!(verify(malformed, body, &both, now), Err(SignatureError::Malformed), "{malformed}");
    }
}

#[test]
fn an_event_says_where_to_look_and_nothing_else_is_read() {
    let cases = [
        ("checkout.session.completed", r#"{"id":"cs_1"}"#, Subject::CheckoutSession("cs_1".to_owned())),
        ("customer.subscription.deleted", r#"{"id":"sub_1","status":7}"#, Subject::Subscription("sub_1".to_owned())),
        ("invoice.paid", r#"{"id":"in_1"}"#, Subject::Invoice("in_1".to_owned())),
        ("charge.refunded", r#"{"id":"ch_1"}"#, Subject::Charge("ch_1".to_owned())),
        ("charge.refund.updated", r#"{"id":"re_1","charge":"ch_1"}"#, Subject::Charge("ch_1".to_owned())),
        ("charge.dispute.created", r#"{"id":"dp_1","charge":"ch_1"}"#, Subject::Charge("ch_1".to_owned())),
        ("refund.created", r#"{"id":"re_1","charge":"ch_1"}"#, Subject::Charge("ch_1".to_owned())),
        ("account.updated", r#"{"id":"acct_1"}"#, Subject::Account),
        ("balance.available", r#"{"object":"balance"}"#, Subject::Other),
        ("invoice.upcoming", r#"{"object":"invoice"}"#, Subject::Other),
    ];
    for (kind, object, subject) in cases {
        let body = format!(
            r#"{{"id":"evt_1","type":"{kind}","account":"acct_1","livemode":true,"new":[],"data":{{"object":{object}}}}}"#
        );
        let event = Event::read(body.as_bytes()).unwrap();
        assert_eq!((event.subject.clone(), event.is_live, event.account.as_deref()), (subject, true, Some("acct_1")));
        let (word, id) = event.subject.stored();
        assert_eq!(Subject::from_stored(word, id), event.subject);
    }
    for malformed in ["", "{}", "[]", r#"{"id":1,"type":"x","data":{"object":{}}}"#, "\0"] {
        assert!(Event::read(malformed.as_bytes()).is_err(), "{malformed}");
    }
}

proptest::proptest! {
    #[test]
    fn any_header_and_any_body_are_refused_without_a_panic(header in ".*", body in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
        proptest::prop_assert!(verify(&header, &body, &secrets(&["whsec_x"]), 1).is_err());
        let _ = Event::read(&body);
    }
}
