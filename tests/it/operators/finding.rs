//! Finding what was said to a person by their number, however it is written.

use super::*;

#[tokio::test]
async fn messages_are_found_by_a_persons_number_and_the_audit_log_says_so() {
    let office = Office::open();
    office.meet(ANNE).await;
    let promised = office.send("whatsapp:+33612345678", "promesse").await;
    office.until_state(&promised, "sent").await;
    // The same person by SMS, and in a spelling of their own.
    let by_sms = office.send("sms:+33612345678", "par texto").await;
    office.until_state(&by_sms, "sent").await;
    office.meet(BOB).await;

    for who in [ANNE, "+33 (0)6 12 34 56 78", "whatsapp:+33612345678", "sms:0033612345678"] {
        let list = office.palabre_ok(&["outbox", "list", "--to", who]);
        assert!(list.contains(&promised) && list.contains(&by_sms), "{who}: {list}");
        assert!(!list.contains(ANNE) && !list.contains("+336…21"), "{who}: {list}");
    }
    let told = office.palabre_ok(&["explain", "--to", "+33 6 12 34 56 78"]);
    assert!(told.contains(&by_sms), "the newest: {told}");
    let of_belle = office.palabre_ok(&["explain", "--to", "+33612345678", "--tenant", "belle", "--language", "fr"]);
    assert!(of_belle.contains(&by_sms) && !of_belle.contains(ANNE), "{of_belle}");

    let national = office.palabre_ok(&["outbox", "list", "--tenant", "belle", "--to", "06 12 34 56 78"]);
    assert!(national.contains(&promised), "of the tenant's country: {national}");

    for (told, code, part) in [
        (&["outbox", "list", "--to", "+33699999999"][..], 1, "nothing was ever written"),
        (&["outbox", "list", "--to", ANNE, "--tenant", "taxi"], 1, "nothing was ever written"),
        (&["outbox", "list", "--to", ANNE, "--tenant", "bele"], 1, "did you mean `belle`?"),
        (&["explain", "--to", "+33699999999"], 1, "nothing was said"),
        (&["outbox", "list", "--to", "0612345678"], 2, "country code"),
        (&["explain", "--to", "0612345678"], 2, "country code"),
        (&["outbox", "list", "--to", ANNE, "--state", "dead"], 2, "cannot be used with"),
        (&["explain"], 2, "<ID>"),
    ] {
        let said = office.palabre(told);
        assert_eq!(said.code, code, "palabre {}: {}{}", told.join(" "), said.out, said.err);
        assert!(said.err.contains(part), "palabre {}: {}", told.join(" "), said.err);
    }
    let audit = office.palabre_ok(&["audit", "list", "--tenant", "belle"]);
    assert!(audit.contains("outbox.find_by_address") && audit.contains("explain.find_by_address"), "{audit}");
    assert!(!audit.contains("612345678"), "{audit}");
}
