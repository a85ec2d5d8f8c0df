//! Wrong command lines: the error says what would be right.

use super::*;

#[tokio::test]
async fn wrong_usage_is_answered_with_what_would_be_right() {
    let office = Office::open();
    let nobody = "019c1a2b-3c4d-7e5f-8a9b-0c1d2e3f4a5b";
    let mut complaints = Vec::new();
    for (told, code, parts) in [
        (&["outbox"][..], 2, &["list", "replay", "pause"][..]),
        (&["outbox", "replay"], 2, &["--all", "list --by-reason"]),
        (&["outbox", "replay", "--all"], 1, &["nothing fits"]),
        (&["outbox", "replay", "--all", nobody], 2, &["cannot be used with"]),
        (&["outbox", "replay", nobody], 1, &["no message of the outbox", "outbox list"]),
        (&["outbox", "show", "4711"], 2, &["4711", "019c1a2b-"]),
        (&["outbox", "show", nobody], 1, &["no message of the outbox", "explain"]),
        (&["outbox", "show", "SM0123456789abcdef0123456789abcdef"], 1, &["no message of the outbox", "SM0123"]),
        (&["outbox", "replay", "SM0123456789abcdef0123456789abcdef"], 1, &["no message of the outbox"]),
        (&["outbox", "list", "--language", "fr", "--reason", "21408"], 1, &["rien ne convient", "21408"]),
        (&["outbox", "list", "--state", "gone"], 2, &["gone", "dead", "deferred"]),
        (&["outbox", "list", "--kind", "gone"], 2, &["gone", "manual", "reply"]),
        (&["outbox", "list", "--reason", "windw_closed"], 1, &["nothing fits", "did you mean `window_closed`?"]),
        (&["outbox", "replay", "--reason", "quota", "--yes"], 1, &["no reason is called quota", "list --by-reason"]),
        (&["outbox", "list", "--state", "ded"], 2, &["similar value exists: 'dead'"]),
        (&["outbox", "list", "--tenant", "bele"], 1, &["no tenant is called bele", "did you mean `belle`?"]),
        (
            &["outbox", "list", "--channel", "bele-sms"],
            1,
            &["no channel is called bele-sms", "did you mean `belle-sms`?"],
        ),
        (&["outbox", "list", "--since", "yesterday"], 2, &["yesterday", "2h"]),
        (&["outbox", "list", "--before", "yesterday"], 2, &["yesterday", "019c1a2b-"]),
        (&["outbox", "replay", "--all", "--per-second", "0"], 2, &["1..=1000"]),
        (&["outbox", "replay", nobody, "--note", "asked by +33612345678"], 2, &["personal data"]),
        (&["outbox", "cancel"], 2, &["<ID>"]),
        (&["outbox", "pause", "bele"], 1, &["no channel is called bele", "did you mean `belle`?"]),
        (&["outbox", "pause", "belle", "--for", "soon"], 2, &["soon", "2h"]),
        (&["outbox", "resume", "belle"], 1, &["was not paused"]),
        (&["optout", "add", "whatsapp:+33612345678"], 2, &["--tenant"]),
        (&["optout", "add", "--tenant", "belle", "+33612345678"], 2, &["whatsapp:", "nothing was changed"]),
        (&["optout", "add", "--tenant", "bele", "sms:+33612345678"], 1, &["did you mean `belle`?"]),
        (&["optout", "remove", "--tenant", "belle", "sms:+33612345678"], 2, &["--evidence"]),
        (&["optout", "remove", "--tenant", "belle", "sms:+33612345678", "--evidence", "x"], 1, &["not on the list"]),
        (&["consents", "export", "--tenant", "bele"], 1, &["did you mean `belle`?"]),
        (&["consents", "export", "--address", "+33612345678"], 1, &["no such row"]),
        (&["explain", nobody], 1, &["no message"]),
    ] {
        let said = office.palabre(told);
        let shown = format!("palabre {}: {}\n{}{}", told.join(" "), said.code, said.out, said.err);
        if said.code != code {
            complaints.push(format!("not {code}: {shown}"));
        }
        complaints
            .extend(parts.iter().filter(|part| !said.err.contains(**part)).map(|part| format!("no {part:?}: {shown}")));
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
    let elsewhere = palabre(&["outbox", "list", "--config", "nowhere.toml"], &[]);
    assert!(elsewhere.code != 0 && elsewhere.err.contains("nowhere.toml"), "{}", elsewhere.err);
    assert_eq!(office.world.value::<i64>("SELECT count(*) FROM opt_outs").await, 0);
}

#[test]
fn before_the_first_start_there_is_no_database_and_commands_say_so() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("tenants")).expect("a folder");
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/config/tenants/institut-belle.toml");
    std::fs::copy(sample, folder.path().join("tenants/institut-belle.toml")).expect("a copy");
    let config = folder.path().join("palabre.toml");
    std::fs::write(&config, "").expect("a file");
    let config = config.display().to_string();
    let nobody = "019c1a2b-3c4d-7e5f-8a9b-0c1d2e3f4a5b";
    for told in [&["outbox", "list"][..], &["outbox", "show", nobody], &["optout", "list"], &["explain", nobody]] {
        let said = palabre(told, &[("PALABRE_CONFIG", &config)]);
        assert!(
            said.code == 70 && said.err.contains("no database yet") && said.err.contains("palabre serve"),
            "{}",
            said.err
        );
    }
    assert!(!folder.path().join("palabre.db").exists(), "none of them makes one");
}
