//! The live session of a scenario.

use palabre_actors::domain::conversation::State;
use palabre_actors::domain::live::{LiveChange, LiveClient, LiveKnowledge, LiveSession, OrderChange, OrderLine};
use palabre_actors::domain::turn::Turn;

#[derive(Default)]
pub(super) struct Live {
    open: Option<LiveSession>,
    /// Of every session.
    lines: Vec<OrderLine>,
}

impl Live {
    pub(super) fn apply(&mut self, turn: &Turn) {
        if let Some(id) = turn.live_session {
            let new = LiveSession { id, opened_at: turn.at, paused: false, lines: Vec::new(), clients: Vec::new() };
            self.open.get_or_insert(new);
        }
        for change in &turn.effects.orders {
            match change {
                OrderChange::Note(line) => self.lines.push(line.clone()),
                OrderChange::Cancel(id) => self.lines.retain(|line| line.id != *id),
            }
        }
        for change in &turn.effects.live {
            match (change, &mut self.open) {
                (LiveChange::Pause(_), Some(open)) => open.paused = true,
                (LiveChange::Resume(_), Some(open)) => open.paused = false,
                (LiveChange::Close { .. }, _) => self.open = None,
                (_, None) => {}
            }
        }
    }

    pub(super) fn known<'s>(&self, states: impl Iterator<Item = &'s State>) -> LiveKnowledge {
        let Some(open) = &self.open else { return LiveKnowledge::Closed };
        let client = |state: &State| {
            let conversation = state.conversation.as_ref()?;
            let wrote = conversation.last_inbound_at.is_some_and(|at| at >= open.opened_at);
            wrote.then(|| LiveClient {
                conversation: conversation.id,
                person: state.key.person.clone(),
                name: state.contact.as_ref().and_then(|contact| contact.name.clone()),
                waits: conversation.memory.as_ref().is_some_and(|memory| memory.live_question == Some(open.id)),
                no_marketing: false,
            })
        };
        LiveKnowledge::Open(Box::new(LiveSession {
            lines: self.lines.iter().filter(|line| line.session == open.id).cloned().collect(),
            clients: states.filter_map(client).collect(),
            ..open.clone()
        }))
    }

    pub(super) fn orders(&self) -> String {
        let written = |line: &OrderLine| {
            let count = if line.what.quantity == 1 { String::new() } else { format!("{} ", line.what.quantity) };
            let size = line.what.size.as_ref().map(|size| format!(" {size}")).unwrap_or_default();
            format!("{count}{}{size}", line.what.reference)
        };
        let lines: Vec<String> = self.lines.iter().map(written).collect();
        if lines.is_empty() { "nothing".to_owned() } else { lines.join("; ") }
    }
}
