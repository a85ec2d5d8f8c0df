//! Tests of what `palabre check` shows to operators and scripts.

use std::path::Path;

use super::*;

const TENANT: &str = "replies.fallback = \"ok\"\nid = \"belle\"\nname = \"Belle\"\n[[channels]]\nid = \"belle-wa\"\nprovider = \"twilio-whatsapp\"\n\
                      address = \"whatsapp:+14155238886\"\naccount_sid = \"AC00000000000000000000000000000001\"\n\
                      auth_token = { env = \"TOKEN\" }\n";

fn check(main: &str, tenant: &str, json: bool) -> (u8, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let tenants = folder.path().join("tenants");
    std::fs::create_dir(&tenants).expect("a folder");
    std::fs::write(tenants.join("belle.toml"), tenant).expect("a file");
    let path = folder.path().join("palabre.toml");
    std::fs::write(&path, main).expect("a file");
    let environment = Environment::from_iter([
        ("TOKEN", "s3cret"),
        ("KEY", "s3cret-of-the-crm-0123456789"),
        ("OTHER", "s3cret-of-the-operators-0123456789"),
    ]);
    let mut out = Vec::new();
    let code = run_with(&path, &environment, json, &mut out).expect("a vector takes everything");
    (code, String::from_utf8(out).expect("text").replace(&format!("{}/", folder.path().display()), ""))
}

#[test]
fn a_valid_configuration_is_summed_up() {
    let (code, out) = check("http.public_base_url = \"https://hooks.example.com/\"", TENANT, false);
    assert_eq!(code, exit::OK, "{out}");
    for line in [
        "belle (Belle)",
        "  speaks    fr, in UTC",
        "  numbers   without + are refused: no `country`, and the time zone is nobody's",
        "  limits    10 sent a second, 1000 a day; 5 automatic answers a minute to one contact",
        "  budget    none",
        "  consent   no double opt-in; silence after STOP",
        "  knows     0 questions, 0 sellers, 0 templates",
        "  api       no key",
        "  channel   belle-wa · twilio-whatsapp · whatsapp:+141…86",
        "            https://hooks.example.com/webhooks/twilio-whatsapp/belle-wa#rc=5&rp=all",
        "            free text for 24h after a contact wrote · no other channel takes over",
        "ok: 1 tenant, 1 channel, 0 API keys, 0 warnings",
    ] {
        assert!(out.lines().any(|shown| shown == line), "{line}\n{out}");
    }
    assert!(!out.contains("s3cret") && !out.contains("+14155238886"), "{out}");
}

/// A tenant with everything that delivery can be told.
fn rich() -> String {
    let more = "fallback_channel = \"belle-sms\"\ncost = 0.045\n\
        [[channels]]\nid = \"belle-sms\"\nprovider = \"twilio-sms\"\naddress = \"+33755000000\"\n\
        account_sid = \"AC00000000000000000000000000000001\"\nauth_token = { env = \"TOKEN\" }\n\
        api_base_url = \"http://127.0.0.1:4010\"\nkeep_order = false\n\
        [budget]\nper_day = 12.5\nper_month = 200\nhard_stop = true\n[consent]\ndouble_opt_in = true\n\
        [[templates]]\nname = \"rappel\"\ncontent_sid = \"HX00000000000000000000000000000001\"\n\
        variables = [\"prenom\", \"heure\"]\nchannels = [\"belle-wa\"]\n";
    format!("{TENANT}{more}")
}

const KEYS: &str = "[[api.keys]]\nname = \"crm\"\nkey = { env = \"KEY\" }\ntenants = [\"belle\"]\nscopes = [\"read\", \"send\"]\n\
    [[api.keys]]\nname = \"ops\"\nkey = { env = \"OTHER\" }\ntenants = [\"*\"]\nscopes = [\"operate\"]\n";

#[test]
fn what_delivery_is_told_is_summed_up_without_any_secret() {
    let (code, out) = check(KEYS, &rich(), false);
    assert_eq!(code, exit::OK, "{out}");
    for line in [
        "  budget    12.5 a day, 200 a month, alert from 80 %, then only what is urgent goes",
        "  consent   double opt-in: nothing of its own accord before a contact confirms",
        "  knows     0 questions, 0 sellers, 1 template",
        "  template  rappel (prenom, heure), by belle-wa alone",
        "  api       2 keys: crm (read, send), ops (operate)",
        "            free text for 24h after a contact wrote · belle-sms takes over when it fails · costs 0.045",
        "            free text at any time · no other channel takes over · in any order · sends to http://127.0.0.1:4010",
        "ok: 1 tenant, 2 channels, 2 API keys, 0 warnings",
    ] {
        assert!(out.lines().any(|shown| shown == line), "{line}\n{out}");
    }
    assert!(!out.contains("s3cret"), "{out}");

    let (_, out) = check(KEYS, &rich(), true);
    let told: Value = serde_json::from_str(&out).expect("JSON");
    let tenant = &told["tenants"][0];
    assert_eq!(tenant["budget"]["per_day_micros"], 12_500_000);
    assert_eq!(
        tenant["api_keys"],
        json!([{ "name": "crm", "scopes": ["read", "send"] }, { "name": "ops", "scopes": ["operate"] }])
    );
    assert_eq!((&tenant["double_opt_in"], &tenant["templates"][0]["name"]), (&json!(true), &json!("rappel")));
    assert_eq!(tenant["channels"][0]["fallback_channel"], "belle-sms");
    assert!(!out.contains("s3cret"), "{out}");
}

#[test]
fn mistakes_of_all_files_are_told_at_once() {
    let (code, out) = check("[http]\nlisen = \"x\"\n", &TENANT.replace("channels", "chanels"), false);
    assert_eq!(code, exit::FOUND_WRONG);
    let expected = "\
error: unknown key `lisen`
 --> palabre.toml:2:1
  |
2 | lisen …
  | ^^^^^
  = help: did you mean `listen`?

error: `channels` is missing
 --> tenants/belle.toml
  = help: add a `[[channels]]` table: without one nobody can write

error: unknown key `chanels`
 --> tenants/belle.toml:4:3
  |
4 | [[chanels …
  |   ^^^^^^^
  = help: did you mean `channels`?

the configuration is refused: 3 errors
";
    assert_eq!(out, expected);
}

#[test]
fn scripts_get_json() {
    let (code, out) = check("[logs]\nformat = \"xml\"\n", TENANT, true);
    assert_eq!(code, exit::FOUND_WRONG);
    let told: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(
        told,
        json!({
            "ok": false,
            "errors": [{
                "file": "palabre.toml", "line": 2, "column": 10, "variable": null, "key": "logs.format",
                "reason": "`logs.format` cannot be `xml`", "help": "one of `json`, `text`",
            }],
            "warnings": [],
            "tenants": null,
        })
    );

    let (code, out) = check("", &TENANT.replace("name =", "country = \"fr\"\nname ="), true);
    assert_eq!(code, exit::OK);
    let told: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!((&told["ok"], &told["tenants"][0]["country"]), (&json!(true), &json!("FR")));
    assert_eq!(told["tenants"][0]["channels"][0]["webhook"], "/webhooks/twilio-whatsapp/belle-wa#rc=5&rp=all");
}

#[test]
fn a_file_that_is_not_there_is_said_so() {
    let mut out = Vec::new();
    let code = run_with(Path::new("/nowhere/palabre.toml"), &Environment::default(), false, &mut out).expect("written");
    assert_eq!(code, exit::FOUND_WRONG);
    assert!(String::from_utf8_lossy(&out).contains("/nowhere/palabre.toml"));
}
