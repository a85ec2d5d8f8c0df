//! Check of the audit log: whether each row is the one that was written.

use palabre_actors::domain::ids::TenantId;

use super::super::audit;
use super::finding::{DoctorFinding, text};
use super::{Caller, Installation, ServiceError};
use crate::store::audit::AuditFault;
use crate::store::operator::Operator;

const CHECK: &str = "audit";

pub(super) async fn check(
    caller: &Caller,
    of: &Installation<'_>,
    store: &Operator,
) -> Result<Vec<DoctorFinding>, ServiceError> {
    let mut findings = Vec::new();
    let mut rows = 0;
    for head in audit::heads(caller, store).await? {
        // The installation's chain is nobody's but the operator's.
        if of.tenant.is_some() && head.tenant.as_ref() != of.tenant {
            continue;
        }
        let verdict = audit::verify(caller, store, head, None).await?;
        rows += verdict.rows;
        if let Some(fault) = &verdict.fault {
            let chain = verdict.head.tenant.as_ref().map_or("-", TenantId::as_str);
            findings.push(broken(fault).about(chain));
        }
    }
    if findings.is_empty() {
        let what = text(format!("it is whole: {rows} rows"), format!("il est entier : {rows} lignes"));
        findings.push(DoctorFinding::good(CHECK, what));
    }
    Ok(findings)
}

fn broken(fault: &AuditFault) -> DoctorFinding {
    let what = match fault {
        AuditFault::Changed(row) => text(
            format!("row {row} is not the one that was written"),
            format!("la ligne {row} n'est plus celle qui fut écrite"),
        ),
        AuditFault::Missing(row) => text(format!("row {row} is missing"), format!("la ligne {row} manque")),
        AuditFault::Head => text("it ends elsewhere than was written down", "il finit ailleurs que ce qui fut noté"),
    };
    DoctorFinding::wrong(
        CHECK,
        what,
        text(
            "somebody changed the database by hand: keep a copy of it, and find out who (docs/operations.md)",
            "quelqu'un a changé la base à la main : en garder une copie, et chercher qui (docs/operations.md)",
        ),
    )
}
