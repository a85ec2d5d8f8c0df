//! A contact is put on a step by a person.

use super::engine::Stage;
use super::source::StepKind;
use super::{Flows, Milestone, Move, Running, Scene};

impl Flows {
    /// Goes on with a contact at a step: its question is asked, or what it does is done. Answers that they gave in the same flow before stay,
    /// but for that step's own. `None`: there is no such step.
    #[must_use]
    pub fn put_on(&self, flow: &str, step: &str, before: Option<&Running>, scene: &Scene<'_>) -> Option<Move> {
        let flow = self.flow(flow)?;
        let place = flow.position(step)?;
        let target = flow.step(step)?;
        let mut running = Running::begin(flow, step, scene.now);
        if let Some(before) = before.filter(|before| before.flow == flow.name && before.revision == flow.revision) {
            running.answers.clone_from(&before.answers);
        }
        if let StepKind::Ask { save, .. } | StepKind::Choose { save, .. } = &target.kind {
            running.answers.remove(save);
        }
        let mut stage = Stage::new(self, scene, "");
        stage.milestone(&flow.name, Milestone::Started);
        stage.run(running, flow, Some(place));
        Some(stage.made)
    }
}
