//! Check of paid chats: whether each bot may still let people in and out.

use super::super::permissions::Permission::AccessRead;
use super::finding::{DoctorFinding, text};
use super::{Caller, Installation, ServiceError};
use crate::store::operator::Operator;

const CHECK: &str = "access";

pub(super) async fn check(
    caller: &Caller,
    of: &Installation<'_>,
    store: &Operator,
) -> Result<Vec<DoctorFinding>, ServiceError> {
    caller.require(AccessRead)?;
    let sells = |tenant: &&crate::config::Tenant| !tenant.access.plans.is_empty();
    let sellers: Vec<_> = of.tenants().filter(sells).collect();
    if sellers.is_empty() {
        return Ok(Vec::new());
    }
    let known = store.access_chats(&of.among()).await?;
    let mut findings = Vec::new();
    for tenant in sellers {
        let sold = |chat: &str| {
            let mut chats = tenant.access.plans.iter().flat_map(|plan| &plan.chats);
            chats.any(|sold| sold.as_str() == chat)
        };
        let stuck = known.iter().filter(|chat| chat.tenant == tenant.id && chat.stuck_since.is_some());
        findings.extend(stuck.filter(|chat| sold(&chat.chat)).map(|chat| {
            let chat = &chat.chat;
            DoctorFinding::wrong(
                CHECK,
                text(
                    format!("the bot may let nobody in or out of {chat}"),
                    format!("le bot ne peut plus faire entrer ni sortir personne de {chat}"),
                ),
                text(
                    "make it an administrator of the chat again, who may invite and ban; what waited is made up for by itself",
                    "le remettre administrateur du salon, avec le droit d'inviter et de bannir ; ce qui attendait se rattrape seul",
                ),
            )
            .about(tenant.id.as_str())
        }));
    }
    if findings.is_empty() {
        let what = text("the bots may let people in and out", "les bots peuvent faire entrer et sortir");
        findings.push(DoctorFinding::good(CHECK, what));
    }
    Ok(findings)
}
