//! The FAQ's page: entries of the file and of the table, trying out, what nobody could answer, CSV, templates, roles.

use super::*;
use crate::daemon::{BELLE, TAXI, Waiting};

const AWA: &str = "awa@belle.example";
const CUSTOMER: &str = "+33612345678";

async fn awa(world: &World, role: &str) -> Visitor {
    add_user(world, AWA, "Awa", ("belle", role));
    signed_in(world, AWA).await
}

#[tokio::test]
async fn an_entry_is_added_tried_answered_changed_and_deleted() {
    let world = World::start();
    let mut awa = awa(&world, "owner").await;
    let page = awa.get("/console/faq").await;
    assert_eq!(page.status, 200, "{}", page.body);
    for told in ["Quels sont vos horaires ?", "du fichier", "belle.toml, ligne ", "Aucune réponse en 30 jours"] {
        assert!(page.body.contains(told), "{told}: {}", page.body);
    }
    let tried = awa.get("/console/faq?try=vous+faites+le+henn%C3%A9").await.body;
    assert!(tried.contains("Résultat : la réponse par défaut") && tried.contains("question=vous+faites"), "{tried}");
    let tried = awa.get("/console/faq?try=vos+horaires+svp").await.body;
    assert!(tried.contains("Résultat : une réponse de la FAQ") && tried.contains("Du mardi au samedi"), "{tried}");

    let fields = [("question", "Faites-vous le henné ?"), ("keywords", "henné, mehndi"), ("enabled", "yes")];
    let refused = awa.submit("/console/faq", &[&fields[..], &[("answer", "Oui {{ contact.nom")]].concat()).await;
    assert!(refused.status == 200 && refused.body.contains("une accolade"), "{}", refused.body);
    assert!(refused.body.contains("Oui {{ contact.nom") && refused.body.contains("henné, mehndi"), "nothing is lost");
    let added = awa.submit("/console/faq", &[&fields[..], &[("answer", "Oui, le jeudi.")]].concat()).await;
    assert_eq!((added.status, added.location()), (303, "/console/faq?done=added"));
    let tried = awa.get("/console/faq?try=vous+faites+le+mehndi").await.body;
    assert!(tried.contains("Oui, le jeudi."), "the page knows it at once: {tried}");
    let mut waiting = Waiting::begin();
    for written in 1.. {
        // Each time somebody else: whoever repeats the same words at once is taken for a robot.
        let customer = format!("+336123{written:05}");
        world.write(BELLE, &customer, "vous faites le henné ?").await;
        world.until("SELECT count(*) FROM messages_in WHERE state <> 'processed'", 0).await;
        world.until("SELECT count(*) FROM messages_out WHERE state IN ('pending', 'sending')", 0).await;
        if world.received(&customer).iter().any(|text| text == "Oui, le jeudi.") {
            break;
        }
        assert!(waiting.goes_on(), "it never answered: {:?}", world.received(&customer));
    }
    let page = awa.get("/console/faq?done=added&q=henne").await.body;
    assert!(page.contains("1 réponse en 30 jours") && page.contains(" · Awa"), "{page}");
    assert!(!page.contains("Quels sont vos horaires ?"), "it is filtered");

    let id: String = world.value("SELECT id FROM faq_entries").await;
    let edit = awa.get(&format!("/console/faq/{id}")).await;
    assert!(edit.status == 200 && edit.body.contains("Oui, le jeudi."), "{}", edit.body);
    let fields = [("id", id.as_str()), ("question", "Le henné ?"), ("answer", "Le lundi."), ("enabled", "yes")];
    assert_eq!(awa.submit("/console/faq", &fields).await.location(), "/console/faq?done=saved");
    let off = awa.submit(&format!("/console/faq/{id}/switch"), &[("on", "false")]).await;
    assert_eq!(off.location(), "/console/faq?done=off");
    let page = awa.get("/console/faq").await.body;
    assert!(page.contains("désactivée") && page.contains("Le henné ?") && page.contains("Activer"), "{page}");
    assert_eq!(awa.submit(&format!("/console/faq/{id}/delete"), &[]).await.location(), "/console/faq?done=deleted");
    assert_eq!(world.value::<i64>("SELECT count(*) FROM faq_entries").await, 0);
    let audited = "SELECT count(*) FROM audit_log WHERE actor LIKE 'user:%' AND action IN ('faq.put', 'faq.disable', 'faq.delete')";
    assert_eq!(world.value::<i64>(audited).await, 4);
}

#[tokio::test]
async fn what_nobody_could_answer_leads_to_a_form_with_the_question() {
    let world = World::start();
    let mut awa = awa(&world, "owner").await;
    for (from, body) in [(CUSTOMER, "Avez-vous un parking ?"), ("+33612345679", "Y a-t-il un <parking> ?")] {
        world.write(BELLE, from, body).await;
    }
    world.until("SELECT count(*) FROM messages_in WHERE reason = 'answered_fallback'", 2).await;
    for path in ["/console/faq", "/console/analytics"] {
        let page = awa.get(path).await.body;
        assert!(page.contains("demandé par 2 clients") && page.contains("Ajouter une réponse"), "{path}: {page}");
        let link = page.split_once("href=\"/console/faq?question=").or_else(|| page.split_once("faq?question="));
        assert!(link.is_some_and(|(_, rest)| rest.contains("parking")), "{path}: {page}");
    }
    let form = awa.get("/console/faq?question=Y+a-t-il+un+parking+%3F").await.body;
    assert!(form.contains("value=\"Y a-t-il un parking ?\"") && form.contains("id=\"add\" open"), "{form}");
    assert!(form.contains(">parking</textarea>"), "the word that it is about: {form}");
    let fields = [
        ("question", "Y a-t-il un parking ?"),
        ("keywords", "parking"),
        ("answer", "Oui, place de la gare."),
        ("enabled", "yes"),
    ];
    assert_eq!(awa.submit("/console/faq", &fields).await.status, 303);
    assert!(!awa.get("/console/faq").await.body.contains("demandé par"), "an entry answers it now");
}

#[tokio::test]
async fn tables_go_in_and_out_and_a_trade_brings_its_questions() {
    let world = World::start();
    let mut awa = awa(&world, "owner").await;
    awa.get("/console/faq").await;
    let loaded = awa.submit("/console/faq/template", &[("trade", "beauty"), ("language", "fr")]).await;
    assert_eq!(loaded.location(), "/console/faq?done=template&added=9", "the hours are in the file");
    let again = awa.submit("/console/faq/template", &[("trade", "beauty"), ("language", "fr")]).await;
    assert_eq!(again.location(), "/console/faq?done=template&added=0");
    assert_eq!(awa.submit("/console/faq/template", &[("trade", "bakery"), ("language", "fr")]).await.status, 400);
    let exported = awa.get("/console/faq/export").await;
    assert!(exported.header("content-type").starts_with("text/csv"), "{}", exported.header("content-type"));
    assert!(exported.header("content-disposition").contains("faq-belle.csv"));
    assert!(exported.body.contains("Où se garer ?"), "{}", exported.body);
    awa.get("/console/faq").await;
    let csv = "question,answer,couleur\nUn ?,Un.,bleu\n";
    let refused = awa.submit("/console/faq/import", &[("csv", csv)]).await;
    assert!(
        refused.status == 200 && refused.body.contains("Ligne 1 : il n&#x27;y a pas de colonne couleur"),
        "{}",
        refused.body
    );
    let csv = exported.body.replace("Le parking de la place est gratuit la première heure.", "Derrière l'institut.");
    let imported = awa.submit("/console/faq/import", &[("csv", &csv)]).await;
    assert_eq!(imported.location(), "/console/faq?done=imported&added=0&changed=1");
    assert!(awa.get("/console/faq?done=imported&added=0&changed=1").await.body.contains("0 ajoutées, 1 changées"));
    let answer: String = world.value("SELECT answer FROM faq_entries WHERE question = 'Où se garer ?'").await;
    assert_eq!(answer, "Derrière l'institut.");
}

#[tokio::test]
async fn i15_who_may_not_write_reads_and_another_tenants_entries_are_not_there() {
    let world = World::start();
    world
        .execute(
            "INSERT INTO faq_entries (id, tenant_id, question, keywords, answer) VALUES \
             ('taxi-1', 'taxi', 'Une navette ?', 'navette', 'Oui.'), ('belle-1', 'belle', 'Le henné ?', 'henné', 'Oui.')",
        )
        .await;
    let mut awa = awa(&world, "agent").await;
    let page = awa.get("/console/faq").await.body;
    assert!(page.contains("Le henné ?") && !page.contains("navette"), "{page}");
    assert!(!page.contains("Supprimer") && !page.contains("name=\"answer\""), "an agent changes nothing: {page}");
    assert_eq!(awa.get("/console/faq/taxi-1").await.status, 404);
    for (path, fields) in [
        ("/console/faq", vec![("question", "x"), ("answer", "y")]),
        ("/console/faq/belle-1/switch", vec![("on", "false")]),
        ("/console/faq/belle-1/delete", vec![]),
        ("/console/faq/import", vec![("csv", "question,answer\nx,y\n")]),
        ("/console/faq/template", vec![("trade", "taxi"), ("language", "fr")]),
    ] {
        assert_eq!(awa.submit(path, &fields).await.status, 403, "{path}");
    }
    add_user(&world, "binta@belle.example", "Binta", ("belle", "owner"));
    let mut binta = signed_in(&world, "binta@belle.example").await;
    binta.get("/console/faq").await;
    for path in ["/console/faq/taxi-1/switch", "/console/faq/taxi-1/delete"] {
        assert_eq!(binta.submit(path, &[("on", "false")]).await.status, 404, "{path}");
    }
    let fields = [("id", "taxi-1"), ("question", "x"), ("answer", "y")];
    assert_eq!(binta.submit("/console/faq", &fields).await.status, 404);
    assert_eq!(world.value::<i64>("SELECT count(*) FROM faq_entries WHERE answer = 'Oui.' AND enabled").await, 2);
    world.write(TAXI, CUSTOMER, "Bonjour").await;
    assert!(!binta.get("/console/faq").await.body.contains("demandé par"), "another tenant's questions");
}
