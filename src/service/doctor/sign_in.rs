//! Check of the provider through which people sign in: its discovery document.

use super::Installation;
use super::finding::{DoctorFinding, DoctorText, text};
use crate::oidc::{OidcError, OidcProvider};
use crate::service::people::OidcSignIn;

const CHECK: &str = "sign_in";

pub(super) async fn check(of: &Installation<'_>, client: &reqwest::Client) -> Option<DoctorFinding> {
    let console = &of.config().console;
    let settings = console.oidc.as_ref().filter(|_| console.enabled)?;
    let issuer = &settings.issuer;
    let found = match OidcProvider::new(client.clone(), settings.clone()).discover().await {
        Ok(()) => {
            let back = OidcSignIn::redirect_uri(console.base_url.as_deref().unwrap_or_default());
            DoctorFinding::good(
                CHECK,
                text(
                    format!("{issuer} answers; it must know {back} as a redirect URI"),
                    format!("{issuer} répond ; il doit connaître {back} comme URI de redirection"),
                ),
            )
        }
        Err(error) if error.is_transient() => DoctorFinding::doubtful(
            CHECK,
            text(
                format!("{issuer} does not answer: nobody signs in through it, passwords still work"),
                format!("{issuer} ne répond pas : personne n'entre par lui, les mots de passe marchent toujours"),
            ),
            text(
                format!("try `curl -sS {issuer}/.well-known/openid-configuration` on this machine"),
                format!("essayer `curl -sS {issuer}/.well-known/openid-configuration` sur cette machine"),
            ),
        ),
        Err(error) => {
            let (what, todo) = wrong(issuer, error);
            DoctorFinding::wrong(CHECK, what, todo)
        }
    };
    Some(found)
}

fn wrong(issuer: &str, error: OidcError) -> (DoctorText, DoctorText) {
    match error {
        OidcError::OtherIssuer => (
            text(
                format!("the discovery document at {issuer} is of another issuer"),
                format!("le document de découverte à {issuer} est celui d'un autre émetteur"),
            ),
            text(
                "write console.oidc.issuer as the document's `issuer` has it",
                "écrire console.oidc.issuer comme le champ `issuer` du document",
            ),
        ),
        OidcError::Endpoint => (
            text(
                "the discovery document names an endpoint that is no https:// URL",
                "le document de découverte nomme une adresse qui n'est pas en https://",
            ),
            text("let the provider speak TLS", "faire parler TLS au fournisseur"),
        ),
        OidcError::Authentication => (
            text(
                "the provider takes client secrets neither in the header nor in the form",
                "le fournisseur ne prend le secret du client ni dans l'en-tête ni dans le formulaire",
            ),
            text(
                "let it take client_secret_basic or client_secret_post for this client",
                "lui faire accepter client_secret_basic ou client_secret_post pour ce client",
            ),
        ),
        _ => (
            text(
                format!("{issuer} has no discovery document that can be read"),
                format!("{issuer} n'a pas de document de découverte lisible"),
            ),
            text(
                "compare console.oidc.issuer with the provider's page about OpenID Connect",
                "vérifier console.oidc.issuer dans la page du fournisseur sur OpenID Connect",
            ),
        ),
    }
}
