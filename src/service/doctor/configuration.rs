//! Check of the configuration: it holds; what is doubtful about it.

use super::finding::{DoctorFinding, text};
use super::{Installation, Tenant};

const CHECK: &str = "configuration";

pub(super) fn check(of: &Installation<'_>) -> Vec<DoctorFinding> {
    let (tenants, channels) = of
        .tenants()
        .fold((0, 0), |(tenants, channels), tenant: &Tenant| (tenants + 1, channels + tenant.channels.len()));
    let mut findings = vec![DoctorFinding::good(
        CHECK,
        text(
            format!("it holds: {tenants} tenants, {channels} channels"),
            format!("elle tient : {tenants} commerces, {channels} canaux"),
        ),
    )];
    // Rights of files are told by their own check, in both languages.
    for problem in of.loaded.warnings.iter().filter(|problem| !problem.is_about_rights()) {
        findings.push(DoctorFinding::of_problem(CHECK, problem));
    }
    let http = &of.config().http;
    if http.listen.ip().is_loopback()
        && http.public_base_url.is_some()
        && !http.trusted_proxies.iter().any(|proxies| proxies.contains(http.listen.ip()))
    {
        findings.push(DoctorFinding::doubtful(
            CHECK,
            text(
                "the proxy of this machine is not in http.trusted_proxies: every caller seems to come from it",
                "le proxy de cette machine n'est pas dans http.trusted_proxies : tous les appels semblent venir de lui",
            ),
            text("add \"127.0.0.1/32\" to http.trusted_proxies", "ajouter « 127.0.0.1/32 » à http.trusted_proxies"),
        ));
    }
    findings
}

/// What people of one tenant are told of a configuration that does not hold.
pub(super) fn refused() -> DoctorFinding {
    DoctorFinding::wrong(
        CHECK,
        text(
            "the files of the installation do not hold; what they said before counts",
            "les fichiers de l'installation ne tiennent pas ; ce qu'ils disaient avant compte",
        ),
        text(
            "ask whoever runs it: `palabre check` says where",
            "demander à qui la fait tourner : `palabre check` dit où",
        ),
    )
}
