//! FAQ entries of the table: imported, tried out, answered within seconds; the menu of the closest; what nobody could answer.

use crate::console::{Ran, palabre};
use crate::daemon::{BELLE, Setup, Waiting, World};

const ANNE: &str = "+33612345678";

fn ran(world: &World, told: &[&str], input: &str) -> String {
    let Ran { code, out, err } = palabre(world, told, input);
    assert_eq!(code, 0, "{told:?}: {out}{err}");
    out
}

/// Writes until the entry that came into the table answers: it counts within seconds.
async fn answered(world: &World, question: &str, answer: &str) {
    let mut waiting = Waiting::begin();
    for written in 1.. {
        // Each time somebody else: whoever repeats the same words at once is taken for a robot.
        let customer = format!("+336123{written:05}");
        world.write(BELLE, &customer, question).await;
        world.until("SELECT count(*) FROM messages_in WHERE state <> 'processed'", 0).await;
        world.until("SELECT count(*) FROM messages_out WHERE state = 'pending' OR state = 'sending'", 0).await;
        if world.received(&customer).last().is_some_and(|last| last == answer) {
            return;
        }
        assert!(waiting.goes_on(), "{question} was not answered in {written} tries: {:?}", world.received(&customer));
    }
}

#[tokio::test]
async fn entries_are_imported_and_answer_within_seconds() {
    let world = World::start();
    let template = ran(&world, &["faq", "template", "beauty"], "");
    let import = ["faq", "import", "--tenant", "belle", "-"];
    let would = ran(&world, &["faq", "import", "--tenant", "belle", "--dry-run", "-"], &template);
    assert!(would.contains("10 added"), "{would}");
    assert_eq!(world.value::<i64>("SELECT count(*) FROM faq_entries").await, 0, "a dry run writes nothing");
    assert!(ran(&world, &import, &template).contains("10 added, 0 changed, 0 as before, 0 deleted"));
    assert!(ran(&world, &import, &template).contains("0 added, 0 changed, 10 as before, 0 deleted"));
    let tried = ran(&world, &["faq", "try", "--tenant", "belle", "où on peut se garer svp"], "");
    assert!(tried.contains("answers: Où se garer ?") && tried.contains("première heure"), "{tried}");
    answered(&world, "où on peut se garer svp", "Le parking de la place est gratuit la première heure.").await;

    // By hand, and changed by hand to something as long.
    world
        .execute(
            "INSERT INTO faq_entries (tenant_id, question, keywords, answer) \
             VALUES ('belle', 'Faites-vous le henné ?', 'henné', 'Oui, le lundi.')",
        )
        .await;
    answered(&world, "vous faites le henné ?", "Oui, le lundi.").await;
    world.execute("UPDATE faq_entries SET answer = 'Oui, le jeudi.' WHERE keywords = 'henné'").await;
    answered(&world, "et le henné", "Oui, le jeudi.").await;
    let routed: i64 = world
        .value("SELECT count(*) FROM event_log WHERE event_type = 'message_routed' AND payload->>'outcome' IS NULL")
        .await;
    assert_eq!(routed, 0, "whatever id a row has, its message tells what came of it");
    // One that does not hold answers nothing, and spoils no other.
    world
        .execute(
            "INSERT INTO faq_entries (tenant_id, question, keywords, answer) \
             VALUES ('belle', 'Et le bug ?', 'bug', '{{ broken')",
        )
        .await;
    answered(&world, "henné svp", "Oui, le jeudi.").await;
    world.execute("UPDATE faq_entries SET enabled = false WHERE keywords = 'henné'").await;
    answered(&world, "du henné ?", "Vous avez écrit : du henné ?").await;

    let exported = ran(&world, &["faq", "export", "--tenant", "belle"], "");
    assert!(exported.contains("Faites-vous le henné ?,henné,,\"Oui, le jeudi.\",,no"), "{exported}");
    let replaced = ran(
        &world,
        &["faq", "import", "--tenant", "belle", "--replace", "-"],
        "question;answer\nOù se garer ?;Derrière.\n",
    );
    assert!(replaced.contains("0 added, 1 changed, 0 as before, 11 deleted"), "{replaced}");
    assert_eq!(world.value::<i64>("SELECT count(*) FROM faq_entries").await, 1);
    answered(&world, "où est-ce qu'on se gare", "Derrière.").await;
}

#[tokio::test]
async fn a_table_that_does_not_hold_is_not_taken_over() {
    let world = World::start();
    let table =
        "question,answer,keywords,about\nUn ?,Un.,un,\nDeux ?,,deux,\nTrois ?,{{ trois,,\nQuatre ?,4,,nonsense\n";
    let Ran { code, err, .. } = palabre(&world, &["faq", "import", "--tenant", "belle", "-"], table);
    assert_eq!(code, 1, "{err}");
    for told in ["line 3: answer is empty", "line 4: answer", "line 5: about", "nothing was taken over"] {
        assert!(err.contains(told), "{told}: {err}");
    }
    assert_eq!(world.value::<i64>("SELECT count(*) FROM faq_entries").await, 0);
    let Ran { code, err, .. } = palabre(&world, &["faq", "export", "--tenant", "bele"], "");
    assert!(code == 1 && err.contains("belle"), "{err}");
}

#[tokio::test]
async fn who_is_not_clear_gets_a_menu_and_picks_by_number_or_by_words() {
    let tenant = "[[faq]]\nquestion = \"Le massage duo ?\"\nkeywords = [\"massage\"]\nanswer = \"Duo : 120 €.\"\n\
        [[faq]]\nquestion = \"Le massage tonique ?\"\nkeywords = [\"massage\"]\nanswer = \"Tonique : 75 €.\"\n";
    let world = World::start_on(&Setup { tenant: tenant.to_owned(), ..Setup::default() });
    let menu = "Vous vouliez dire :\n1 Le massage duo ?\n2 Le massage tonique ?";
    for (said, answer) in [
        ("massage", menu),
        ("2", "Tonique : 75 €."),
        ("2", "Vous avez écrit : 2"),
        ("massage", menu),
        ("le duo", "Duo : 120 €."),
        ("massage", menu),
        ("vos horaires ?", "Du mardi au samedi, de 9 h à 19 h."),
    ] {
        world.write(BELLE, ANNE, said).await;
        let written: i64 = world.value("SELECT count(*) FROM messages_in").await;
        world.until("SELECT count(*) FROM messages_out WHERE state = 'sent'", written).await;
        assert_eq!(world.received(ANNE).last().map(String::as_str), Some(answer), "{said}");
    }
    let picked: i64 = world
        .value("SELECT count(*) FROM event_log WHERE event_type = 'message_routed' AND payload->>'rule' = 'menu' AND payload->>'entry' IS NOT NULL")
        .await;
    assert_eq!(picked, 2, "the history names the entry that was picked");
}

#[tokio::test]
async fn what_nobody_could_answer_is_grouped_until_an_entry_answers_it() {
    let world = World::start();
    for (from, body) in [
        ("+33612345601", "Vous faites le henné ?"),
        ("+33612345602", "le henné svp"),
        ("+33612345602", "alors, le henné ?"),
        ("+33612345603", "avez-vous des crèmes ?"),
    ] {
        world.write(BELLE, from, body).await;
    }
    world.until("SELECT count(*) FROM messages_in WHERE reason = 'answered_fallback'", 4).await;
    let told = ["faq", "unanswered", "--tenant", "belle"];
    let groups = ran(&world, &told, "");
    assert!(groups.contains("3 of 2 customers") && !groups.contains("henné"), "texts are left out: {groups}");
    let groups = ran(&world, &[&told[..], &["--reveal"]].concat(), "");
    assert!(groups.contains("le henné svp") && groups.contains("avez-vous des crèmes ?"), "{groups}");
    ran(&world, &["faq", "import", "--tenant", "belle", "-"], "question,keywords,answer\nLe henné ?,henné,Oui.\n");
    let groups = ran(&world, &[&told[..], &["--reveal"]].concat(), "");
    assert!(!groups.contains("henné") && groups.contains("crèmes"), "{groups}");
}
