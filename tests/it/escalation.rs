//! A person is called: on request, in anger, after misses; the tenant's people are told; the bot is silent, and comes back.

use crate::daemon::{BELLE, Setup, World};

const ANNE: &str = "+33612345678";
/// Who is told.
const OWNER: &str = "+33639980011";
const FAQ: &str = "Du mardi au samedi, de 9 h à 19 h.";
const CALLED: &str = "Je préviens tout de suite une personne de l'équipe, qui vous répond ici.";
const NOTICES: &str = "SELECT count(*) FROM messages_out WHERE state = 'sent' AND \"to\" = 'sms:+33639980011'";

fn world(unread_after: &str, hand_back_after: &str) -> World {
    let tenant = format!(
        "[escalation]\nkeywords = [\"conseillère\"]\non_negative_mood = true\nafter_misses = 3\n\
         hand_back_after = \"{hand_back_after}\"\n[notify]\nto = [\"sms:{OWNER}\"]\nunread_after = \"{unread_after}\""
    );
    World::start_on(&Setup { tenant, ..Setup::default() })
}

/// What the owner was told, in order.
fn told(world: &World) -> Vec<String> {
    world.twilio.sends().into_iter().filter(|sent| sent.to == OWNER).map(|sent| sent.body).collect()
}

async fn says(world: &World, body: &str, reason: &str) {
    let before: i64 = world.value(&format!("SELECT count(*) FROM messages_in WHERE reason = '{reason}'")).await;
    world.write(BELLE, ANNE, body).await;
    world.until(&format!("SELECT count(*) FROM messages_in WHERE reason = '{reason}'"), before + 1).await;
}

#[tokio::test]
async fn i14_who_asks_for_a_person_is_told_once_and_so_are_the_people() {
    let world = world("1s", "12h");
    says(&world, "bonjour, vos horaires ?", "answered_faq").await;
    says(&world, "la conseillère svp", "escalated").await;
    world.until(NOTICES, 1).await;
    let talk: String = world.value("SELECT id FROM conversations WHERE address = 'whatsapp:+33612345678'").await;
    let notice = told(&world).remove(0);
    let link = format!("https://hooks.example.com/console/conversations/{talk}");
    for part in ["Maison belle : Camille demande une personne.", "> la conseillère svp", "< Du mardi", &link] {
        assert!(notice.contains(part), "{part}: {notice}");
    }
    says(&world, "vos horaires ?", "silent_human").await;
    says(&world, "allô ?", "silent_human").await;
    // Nobody has read that for so long: once, however much they write.
    world.until(NOTICES, 2).await;
    assert!(told(&world)[1].contains("attend toujours votre réponse"), "{:?}", told(&world));
    assert_eq!(world.received(ANNE), [FAQ, CALLED], "the customer is told once, and then the bot is silent");
    let waiting: i64 = world.value("SELECT count(*) FROM conversations WHERE waiting_since IS NOT NULL").await;
    assert_eq!(waiting, 1);
    assert_eq!(world.value::<i64>("SELECT count(*) FROM timers WHERE kind = 'notify'").await, 0);
    assert!(!world.logs().contains("la conseillère svp"), "i10");
}

#[tokio::test]
async fn i14_the_bot_comes_back_by_itself_after_a_while() {
    let world = world("1h", "1s");
    says(&world, "je veux parler à quelqu'un", "escalated").await;
    world.until("SELECT count(*) FROM event_log WHERE event_type = 'handed_back'", 1).await;
    says(&world, "vos horaires ?", "answered_faq").await;
    world.until("SELECT count(*) FROM messages_out WHERE state = 'sent' AND \"to\" = 'whatsapp:+33612345678'", 2).await;
    assert_eq!(world.received(ANNE), [CALLED, FAQ]);
    world.until(NOTICES, 1).await;
}

#[tokio::test]
async fn anger_and_misses_call_a_person_and_praise_does_not() {
    let world = world("1h", "1h");
    says(&world, "c'est pas nul du tout, merci !", "answered_fallback").await;
    says(&world, "vos horaires ?", "answered_faq").await;
    says(&world, "le truc là", "answered_fallback").await;
    says(&world, "comme l'autre fois", "answered_fallback").await;
    says(&world, "bah comme d'hab", "escalated").await;
    let from = "+33612345679";
    world.write(BELLE, from, "c'est nul ça fait 3 fois que je demande").await;
    world.until("SELECT count(*) FROM messages_in WHERE reason = 'escalated'", 2).await;
    world.until(NOTICES, 2).await;
    assert_eq!(world.received(from), [CALLED]);
    let told = told(&world).join("\n");
    assert!(told.contains("n'a pas eu de réponse du robot") && told.contains("semble mécontent"), "{told}");
}

#[tokio::test]
async fn i6_who_seems_to_want_no_more_messages_is_asked_and_marked_for_a_person() {
    let world = world("1h", "1h");
    says(&world, "arrêtez de m'écrire", "asked_to_stop").await;
    world.until(NOTICES, 1).await;
    assert!(told(&world)[0].contains("ne veut peut-être plus de messages"), "{:?}", told(&world));
    let label: String = world.value("SELECT label FROM conversation_labels WHERE tenant_id = 'belle'").await;
    assert_eq!(label, "stop ?");
    assert!(world.received(ANNE)[0].contains("Répondez STOP"), "{:?}", world.received(ANNE));
    says(&world, "non non, vos horaires ?", "answered_faq").await;
    says(&world, "STOP", "opted_out").await;
    says(&world, "vos horaires ?", "silent_opted_out").await;
    world.until("SELECT count(*) FROM messages_out WHERE state = 'sent' AND \"to\" = 'whatsapp:+33612345678'", 3).await;
    assert_eq!(world.received(ANNE).len(), 3, "asked, answered, confirmed, and then silence");
}

#[tokio::test]
async fn what_is_no_text_has_an_answer_of_its_own_once() {
    let world = world("1h", "1h");
    let voice = |kind: &str| {
        world
            .text(BELLE, ANNE, "")
            .with("NumMedia", "1")
            .with("MediaUrl0", "https://api.twilio.com/media/1")
            .with("MediaContentType0", kind)
    };
    for (message, reason) in [
        (voice("audio/ogg"), "answered_no_text"),
        (voice("audio/ogg"), "silent_no_text"),
        (voice("image/webp"), "answered_no_text"),
        (world.text(BELLE, ANNE, "👍"), "answered_no_text"),
        (world.text(BELLE, ANNE, "❤️"), "silent_no_text"),
        (world.text(BELLE, ANNE, "👍 vos horaires ?"), "answered_faq"),
    ] {
        let counted = format!("SELECT count(*) FROM messages_in WHERE reason = '{reason}'");
        let before: i64 = world.value(&counted).await;
        assert_eq!(world.twilio.deliver(&message).await.expect("an answer").status, 200);
        world.until(&counted, before + 1).await;
    }
    world.until("SELECT count(*) FROM messages_out WHERE state = 'sent'", 4).await;
    let received = world.received(ANNE);
    assert!(received[0].contains("messages vocaux") && received[2].contains("Pour une question"), "{received:?}");
    assert_eq!(received[3], FAQ);
}
