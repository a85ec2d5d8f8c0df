//! Live sessions within turns: what a seller commands, and what clients order.

use super::*;
use crate::domain::claim::ClaimChange;
use crate::domain::ids::{ConversationId, LiveSessionId, OrderLineId};
use crate::domain::live::{LiveChange, LiveClient, LiveSession, OrderChange, OrderLine, Ordered};
use crate::domain::timer::TimerChange;

fn ordered(reference: &str, size: Option<&str>, quantity: u32) -> Ordered {
    Ordered { reference: reference.into(), size: size.map(str::to_owned), quantity }
}

fn live_client(number: u32, waits: bool) -> LiveClient {
    LiveClient {
        conversation: ConversationId::fresh(),
        person: Identity::from_stored(&format!("+3361200000{number}")),
        name: (number == 1).then(|| "Nadia".to_owned()),
        waits,
        no_marketing: number == 3,
    }
}

fn line(session: LiveSessionId, conversation: ConversationId, what: Ordered) -> OrderLine {
    OrderLine { id: OrderLineId::fresh(), session, conversation, what }
}

/// A session of 52 minutes: three clients, one of whom ordered, and the seller's brother.
fn session() -> LiveSession {
    let id = LiveSessionId::fresh();
    let clients = vec![live_client(1, false), live_client(2, true), live_client(3, false)];
    let brother = LiveClient { person: Identity::from_stored(SELLER), ..live_client(4, true) };
    let lines = vec![
        line(id, clients[0].conversation, ordered("R12", Some("M"), 2)),
        line(id, clients[0].conversation, ordered("R15", None, 1)),
    ];
    LiveSession { id, opened_at: at(-52 * 60), paused: false, lines, clients: [clients, vec![brother]].concat() }
}

fn with(state: &State, live: &LiveSession) -> State {
    State {
        prepared: Prepared { live: LiveKnowledge::Open(Box::new(live.clone())), ..Prepared::default() },
        ..state.clone()
    }
}

fn told(turn: &Turn) -> &str {
    turn.outbox.first().map_or("", |draft| &draft.message.body)
}

fn seller() -> State {
    state("whatsapp:+33600000001")
}

#[test]
fn what_needs_the_session_asks_for_it_and_nothing_else_does() {
    let unknown = |state: State| State { prepared: Prepared::default(), ..state };
    for (state, text, expected) in [
        (seller(), "FIN", Some(Lookup::Live { clients: true })),
        (seller(), "REPRENDS", Some(Lookup::Live { clients: true })),
        (seller(), "AIDE", None),
        (seller(), "Robe rouge 40 €, réf R12", None),
        (client(), "je prends R12 taille M", Some(Lookup::Live { clients: false })),
        (client(), "prix de la bleue", Some(Lookup::Live { clients: false })),
        (client(), "horaires", None),
        (client(), "STOP", None),
    ] {
        let state = unknown(state);
        let turn = decide(&state, &inbound(&state, text, at(0)), &rules(), &(), at(0));
        assert_eq!(turn.lookup, expected, "{text}");
    }
    let nobody_sells = Rules::new(RulesSource { sellers: HashSet::new(), ..source() }).unwrap();
    let state = unknown(client());
    let turn = decide(&state, &inbound(&state, "je prends R12", at(0)), &nobody_sells, &(), at(0));
    assert_eq!((turn.lookup.clone(), outcome(&turn)), (None, Outcome::AnsweredFallback));
}

#[test]
fn a_seller_commands_the_session() {
    let live = session();
    let state = with(&seller(), &live);
    for (text, said, change) in [
        ("PAUSE", "Live en pause", Some(LiveChange::Pause(live.id))),
        ("REPRENDS", "Le live reprend", Some(LiveChange::Resume(live.id))),
        ("AIDE", "Pendant un live :", None),
        (
            "STATS",
            "Live en cours depuis 52 min : 3 personnes, 1 commande (R12 × 2, R15 × 1), 1 question sans réponse.",
            None,
        ),
        ("DIFFUSE", "Écrivez le texte derrière DIFFUSE", None),
        (
            "FIN",
            "Live de 52 min : 3 personnes, 1 commande (R12 × 2, R15 × 1), 1 question sans réponse. La liste est dans la console",
            Some(LiveChange::Close { id: live.id, clients: 3, unanswered: 1 }),
        ),
    ] {
        let turn = decide(&state, &inbound(&state, text, at(0)), &rules(), &(), at(0));
        assert!(told(&turn).starts_with(said), "{text}: {}", told(&turn));
        assert_eq!(outcome(&turn), Outcome::LiveCommand, "{text}");
        assert_eq!(turn.effects.live.first().copied(), change, "{text}");
    }
    // STOP stays a STOP, and whoever said it commands nothing.
    let stop = decide(&state, &inbound(&state, "STOP", at(0)), &rules(), &(), at(0));
    assert_eq!(outcome(&stop), Outcome::OptedOut);
    let silent = State { opted_out: true, ..state };
    let turn = decide(&silent, &inbound(&silent, "FIN", at(0)), &rules(), &(), at(0));
    assert_eq!((outcome(&turn), turn.outbox.len(), turn.effects.live.len()), (Outcome::Seller, 0, 0));
}

#[test]
fn without_a_session_a_command_opens_none() {
    for text in ["FIN", "STATS", "PAUSE"] {
        let turn = decide(&seller(), &inbound(&seller(), text, at(0)), &rules(), &(), at(0));
        assert!(told(&turn).starts_with("Aucun live n'est ouvert"), "{text}");
        assert_eq!((turn.live_session, turn.effects.live.len()), (None, 0));
    }
}

#[test]
fn at_the_end_clients_are_thanked_with_what_they_ordered() {
    let live = session();
    let state = with(&seller(), &live);
    let turn = decide(&state, &inbound(&state, "fin du live", at(0)), &rules(), &(), at(0));
    let told: Vec<(ConversationId, String)> = turn
        .timers
        .iter()
        .filter_map(|change| match change {
            TimerChange::SetFor(who, timer) => {
                let message: ScheduledMessage = serde_json::from_str(&timer.payload).unwrap();
                Some((*who, message.text.unwrap()))
            }
            _ => None,
        })
        .collect();
    let thanks = "Merci d'avoir suivi le live de Institut Belle";
    let expected = [
        (
            live.clients[0].conversation,
            format!("{thanks}, Nadia. Votre commande : 2 × R12 taille M, R15. Nous la confirmons bientôt."),
        ),
        (live.clients[1].conversation, format!("{thanks}.")),
        (live.clients[2].conversation, format!("{thanks}.")),
    ];
    assert_eq!(told, expected);
    // I12: two sellers who end it at once end it once.
    let claim = ClaimChange::Take { key: format!("live/{}", live.id), owner: live.id.0 };
    assert_eq!(turn.effects.claims, [claim]);
    assert!(events(&turn).contains(&EventType::LiveSessionClosed));
}

#[test]
fn a_broadcast_reaches_those_who_want_advertising() {
    let live = session();
    let state = with(&seller(), &live);
    let turn = decide(&state, &inbound(&state, "DIFFUSE La R12 passe à 30 €", at(0)), &rules(), &(), at(0));
    assert_eq!(told(&turn), "Envoi à 2 personnes de ce live.");
    let reached: Vec<ConversationId> = turn
        .timers
        .iter()
        .filter_map(|change| match change {
            TimerChange::SetFor(who, timer) => {
                assert!(timer.payload.contains("La R12 passe à 30 €"));
                Some(*who)
            }
            _ => None,
        })
        .collect();
    assert_eq!(reached, [live.clients[0].conversation, live.clients[1].conversation]);
}

#[test]
fn a_client_orders_and_changes_their_mind() {
    let mut live = session();
    live.lines.clear();
    let mut state = client();
    say(&mut state, &rules(), "horaires", at(-100));
    let own = state.conversation.as_ref().unwrap().id;
    let orders = |live: &LiveSession, text: &str, now: i64| {
        let state = with(&state, live);
        decide(&state, &inbound(&state, text, at(now)), &rules(), &(), at(now))
    };
    let turn = orders(&live, "je prends R12 taille M", 0);
    assert_eq!(told(&turn), "R12 taille M : c'est noté à votre nom. Nous confirmons après le live.");
    let [OrderChange::Note(noted)] = turn.effects.orders.as_slice() else { panic!("{:?}", turn.effects) };
    assert_eq!((noted.session, noted.conversation, &noted.what), (live.id, own, &ordered("R12", Some("M"), 1)));
    assert_eq!(events(&turn).iter().filter(|event| **event == EventType::OrderNoted).count(), 1);
    live.lines.push(noted.clone());

    let again = orders(&live, "je prends R12 taille M", 60);
    assert!(told(&again).starts_with("R12 taille M : c'est déjà noté"), "{}", told(&again));
    assert!(again.effects.orders.is_empty(), "sent twice, ordered once");

    let two = orders(&live, "2 R12 taille M", 120);
    assert_eq!(two.effects.orders.first(), Some(&OrderChange::Cancel(noted.id)), "the number is corrected");
    assert!(matches!(two.effects.orders.last(), Some(OrderChange::Note(line)) if line.what.quantity == 2));

    let gone = orders(&live, "j'annule R12", 180);
    assert_eq!(
        (told(&gone), gone.effects.orders.as_slice()),
        ("R12 taille M : c'est annulé.", [OrderChange::Cancel(noted.id)].as_slice())
    );
    live.lines.clear();
    assert_eq!(told(&orders(&live, "j'annule R12", 240)), "Rien n'est noté à votre nom dans ce live.");
    assert!(told(&orders(&live, "je prends la rouge", 300)).starts_with("Quelle référence ?"));
    let paused = LiveSession { paused: true, ..live };
    let turn = orders(&paused, "je prends R12", 360);
    assert!(told(&turn).starts_with("Le live est en pause") && turn.effects.orders.is_empty());
}

#[test]
fn an_order_counts_also_where_the_answer_is_one_too_many() {
    let live = session();
    let mut state = client();
    for second in 0..3 {
        say(&mut state, &rules(), "horaires", at(second));
    }
    let state = with(&state, &live);
    let turn = decide(&state, &inbound(&state, "je prends R9", at(4)), &rules(), &(), at(4));
    assert_eq!((turn.effects.orders.len(), turn.outbox.len()), (1, 0));
}

#[test]
fn a_question_that_nobody_can_answer_is_the_sellers() {
    let live = session();
    let state = with(&client(), &live);
    let rules = || Rules::new(RulesSource { replies: Replies::default(), ..source() }).unwrap();
    let first = decide(&state, &inbound(&state, "prix de la bleue", at(0)), &rules(), &(), at(0));
    assert_eq!((outcome(&first), told(&first)), (Outcome::AnsweredLive, "Institut Belle vous répond pendant le live."));
    let memory = first.conversation.memory.as_ref().unwrap();
    assert_eq!(memory.live_question, Some(live.id));
    let mut after = client();
    commit(&mut after, &first);
    let after = with(&after, &live);
    let own = decide(&after, &inbound(&after, "et la verte", at(9)), &super::rules(), &(), at(9));
    assert_eq!((outcome(&own), told(&own)), (Outcome::AnsweredLive, "Merci, bien reçu."));
    // What the FAQ knows it answers, also during a live.
    let faq = decide(&after, &inbound(&after, "horaires", at(9)), &rules(), &(), at(9));
    assert_eq!(outcome(&faq), Outcome::AnsweredFaq);
}
